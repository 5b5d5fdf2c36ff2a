"""What bundle.json says of a model: how it is run, what was chosen for it, what it was trained on, how good it is."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seepseg.baselines.weights import is_baseline
from seepseg.edge.bundle import FULL, LETTERBOX
from seepseg.evaluate.folder import METRICS
from seepseg.measures.threshold_file import thresholds_as_json
from seepseg.predict.decode import IOU, MARGIN, MAX_DET
from seepseg.predict.engine import Model
from seepseg.sources.recipe import tell_origin
from seepseg.train.machine import read_versions
from seepseg.train.record import RECORD, read_record

TOLD = ("title", "licence", "origin", "citation", "homepage")
"""What a record or a recipe may say of the data, and a bundle passes on."""


def describe(
    weights: Path, model: Model, formats: Sequence[str], data: Path | None, *, dynamic: bool
) -> dict[str, Any]:
    """All but what is measured at the export."""
    rule, chosen = model.input.rule, model.thresholds
    said = thresholds_as_json(chosen) if chosen is not None else {}
    return {
        "task": model.task,
        "names": list(model.names),
        "background": model.background,
        "frames": model.frames,
        "masks_by_box": model.task == "segment" and is_baseline(weights),
        "imgsz": model.imgsz,
        "stride": model.stride,
        "dynamic": dynamic,
        "letterbox": LETTERBOX,
        "scale": rule.as_json() if rule else None,
        "bands": list(rule.bands) if rule else None,
        "metres_per_pixel": model.input.metres_per_pixel,
        "tile": model.input.tile,
        "iou": IOU,
        "margin": MARGIN,
        "max_det": MAX_DET,
        "confidence": said.get("confidence"),
        "presence": said.get("presence"),
        "models": {name: {"precision": FULL} for name in formats},
        "weights": {"file": weights.name, "sha256": model.sha256},
        **_origin(weights.parent.parent, data),
        "versions": read_versions(),
    }


def notes_on(model: Model) -> list[str]:
    """What the user should hear of thresholds before the bundle is used."""
    notes = list(model.notes)
    if model.thresholds is None:
        notes.append(
            "the bundle has no thresholds: 'seepseg eval RUN DATA.yaml --split val' chooses them; then export again"
        )
    elif model.declared_imgsz not in (None, model.imgsz):
        notes.append(
            f"the thresholds were chosen at imgsz {model.declared_imgsz}, the bundle takes {model.imgsz}: "
            "evaluate the bundle on val before they count"
        )
    return notes


def find_metrics(run: Path, sha256: str) -> dict[str, Any] | None:
    """The evaluation of these weights that a run holds, on the test split rather than another."""
    found = [one for one in _read_evaluations(run) if (one.get("made") or {}).get("weights_sha256") == sha256]
    return min(found, key=lambda one: one.get("split") != "test", default=None)


def _read_evaluations(run: Path) -> Iterator[dict[str, Any]]:
    for file in [run / METRICS, *sorted(run.glob(f"*/{METRICS}"))]:
        try:
            report = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(report, dict):
            yield report


def _origin(run: Path, data: Path | None) -> dict[str, Any]:
    """Which data the model was trained on, where its record says so, and whose they are."""
    if not (run / RECORD).is_file():
        return {"run": None, "training": None}
    record = read_record(run)
    said = record.get("dataset")
    said = said if isinstance(said, dict) else {}
    told = tell_origin(data) | {key: source[key] for key in TOLD for source in (said, record) if key in source}
    training = {
        "data": None if data is None else data.parent.name or None,
        "data_hash": said.get("hash"),
        "images": said.get("images"),
        "commit": record.get("git"),
        **told,
    }
    return {"run": run.resolve().name, "training": training}
