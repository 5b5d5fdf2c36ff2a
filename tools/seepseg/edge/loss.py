"""What models of fewer bits lose: mask mAP and mIoU on validation images, by the same evaluation as a report's."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from seepseg.dataset.layout import Dataset
from seepseg.edge.bundle import FULL
from seepseg.edge.samples import open_data, spread
from seepseg.evaluate.predictions import order_classes, predict_samples
from seepseg.evaluate.run import Request, evaluate_subject
from seepseg.evaluate.subject import Subject
from seepseg.measures.thresholds import DEFAULT
from seepseg.predict.engine import BATCH, Model, open_model
from seepseg.wording import count

SPLIT = "val"
FIGURES = {"map50": ("mask", "map50"), "map50_95": ("mask", "map50_95"), "miou": ("pixels", "miou")}


@dataclass(frozen=True, slots=True)
class Loss:
    """One model of fewer bits beside that in 32."""

    engine: str
    precision: str
    images: str
    """As a sentence has it."""
    full: Mapping[str, float | None]
    """Figures by name: mask mAP and mIoU at the stored thresholds."""
    fewer: Mapping[str, float | None]

    @property
    def told(self) -> str:
        """As a sentence."""
        what = {"map50": "mask mAP50", "miou": "mIoU"}
        said = [f"{what[key]} {_number(self.fewer[key])} instead of {_number(self.full[key])}" for key in what]
        return f"{' and '.join(said)} on {self.images}"

    def as_json(self) -> dict[str, Any]:
        """For the bundle."""
        return {"images": self.images, "figures": {FULL: dict(self.full), self.precision: dict(self.fewer)}}


def measure_losses(
    bundle: Path, fast: Mapping[str, str], data: Path | None, most: int
) -> tuple[list[Loss], str | None]:
    """Of each model of fewer bits, as `--fast` runs it; or why nothing could be measured."""
    if not fast:
        return [], None
    dataset = open_data(data)
    images = () if dataset is None else spread(dataset.splits.get(SPLIT, ()), most)
    if dataset is None or not images:
        where = f"{data} has no {SPLIT} images that can be read from here" if data else "no dataset is known"
        return [], f"what fewer bits lose was not measured, as {where}; give --data DATA.yaml"
    some = replace(dataset, splits={SPLIT: tuple(images)})
    what = f"{count(len(images), f'{SPLIT} image')} of {dataset.yaml.parent.name}"
    full = _measure(open_model(bundle, engine=next(iter(fast)), device="cpu"), some)
    losses = []
    for engine, precision in fast.items():
        fewer = _measure(open_model(bundle, engine=engine, device="cpu", fast=True), some)
        losses.append(Loss(engine, precision, what, full, fewer))
    return losses, None


def _measure(model: Model, dataset: Dataset) -> dict[str, float | None]:
    order = order_classes(model.names, dataset.names)
    subject = Subject(model.task, model.path, partial(predict_samples, model, order, BATCH), model)
    request = Request(dataset.yaml, conf=_limits(model, dataset.names, order), replicates=1, report=False)
    with tempfile.TemporaryDirectory(prefix="seepseg-export-") as folder:
        report = evaluate_subject(subject, dataset, SPLIT, Path(folder), request)
    return {name: report[part][key] for name, (part, key) in FIGURES.items()}


def _limits(model: Model, names: Sequence[str], order: Sequence[int]) -> dict[str, float]:
    """By the dataset's own names."""
    chosen = model.thresholds
    values = [one.value for one in chosen.confidence] if chosen else [DEFAULT] * len(order)
    return {names[place]: value for place, value in zip(order, values, strict=True)}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
