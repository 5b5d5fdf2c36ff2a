"""What a model costs: to keep, to run and to train, as far as its run and its evaluation say."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg.report.results import Results
from seepseg.wording import count

Columns = dict[str, list[float]]
QUALITIES: Mapping[str, str] = {
    "metrics/mIoU": "mean IoU",
    "metrics/mAP50-95(M)": "AP50-95 of masks",
    "metrics/AUROC": "AUROC of presence",
    "metrics/AP": "AP of presence",
    "metrics/accuracy": "accuracy of presence",
}
"""Columns of results.csv that say how good a model is, and what they are of."""


@dataclass(frozen=True, slots=True)
class Cost:
    """None where nothing says it."""

    parameters: int | None
    weights_bytes: int | None
    image_ms: float | None
    """The whole way of an image, from pixels to instances, on `device`."""
    device: str | None
    training_s: float | None
    epochs: int | None
    trained_on: str | None
    stage: str | None = None
    """Of a training in several, which one it was: `training_s` and `epochs` are of that alone."""


def read_cost(results: Results) -> Cost:
    """From metrics.json, and from record.json of the run that the model is of."""
    made, speed = results.metrics.get("made") or {}, results.metrics.get("speed_ms") or {}
    record = _read_record(results)
    epochs = record.get("epochs") or []
    return Cost(
        parameters=record.get("parameters"),
        weights_bytes=made.get("weights_bytes"),
        image_ms=sum(speed.values()) if speed else None,
        device=made.get("device"),
        training_s=sum(one["seconds"] for one in epochs) if epochs else None,
        epochs=len(epochs) or None,
        trained_on=record.get("device"),
        stage=_stage(record),
    )


def rows(costs: Sequence[Cost]) -> list[tuple[str, list[str | None]]]:
    """A label, and what there is to say of each; lines that say nothing of any are left out."""
    told = [
        ("Parameters", [_one(cost.parameters, "{:,}") for cost in costs]),
        ("Weights", [_one(cost.weights_bytes and cost.weights_bytes / 1e6, "{:.1f} MB") for cost in costs]),
        ("An image", [_joined(_one(cost.image_ms, "{:.1f} ms"), cost.device) for cost in costs]),
        ("Training", [_joined(_training(cost), cost.trained_on) for cost in costs]),
    ]
    return [(label, values) for label, values in told if any(values)]


def read_training(results: Results) -> Columns:
    """The columns of results.csv, by name; empty where there was no training of ours."""
    for folder in _run_folders(results):
        file = folder / "results.csv"
        if file.is_file():
            return _read_columns(file)
    return {}


def _one(value: float | None, form: str) -> str | None:
    return None if value is None else form.format(value)


def _joined(value: str | None, where: str | None) -> str | None:
    return f"{value} ({where})" if value and where else value


def _training(cost: Cost) -> str | None:
    if cost.training_s is None or cost.epochs is None:
        return None
    minutes, seconds = divmod(round(cost.training_s), 60)
    alone = f", {cost.stage} alone" if cost.stage else ""
    return f"{minutes:,} min {seconds:02d} s for {count(cost.epochs, 'epoch')}{alone}"


def _stage(record: Mapping[str, Any]) -> str | None:
    """'stage 3 of 3' where YOLO was trained with --stages: each stage has a run and a record of its own."""
    kept = record.get("stage")
    return f"stage {kept['number']} of {kept['stages'].count(',') + 1}" if kept else None


def _run_folders(results: Results) -> Iterator[Path]:
    """Where a run may lie: what was evaluated, or what its model lies in; or around the evaluation, where the model's
    path was told from another folder than this."""
    yield results.folder
    if model := results.metrics.get("model"):
        place, around = Path(str(model)), results.folder.absolute().parent
        yield from (place, place.parent.parent)
        if around.name in place.parts:
            yield around


def _read_record(results: Results) -> dict[str, Any]:
    for folder in _run_folders(results):
        try:
            record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(record, dict):
            return record
    return {}


def _read_columns(file: Path) -> Columns:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    try:
        return {key.strip(): [float(row[key]) for row in rows] for key in (rows[0] if rows else {})}
    except (TypeError, ValueError):
        return {}
