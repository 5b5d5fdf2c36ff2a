"""What is evaluated: a model, or the masks that another tool left."""

import json
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seepseg.dataset.layout import Dataset
from seepseg.evaluate.predictions import CONF, Teller, order_classes, predict_samples, read_masks
from seepseg.predict.decode import IOU, MARGIN, MAX_DET
from seepseg.predict.engine import BATCH, Model, open_model
from seepseg.predict.network import CLASSIFY

MASKS = "masks"
ABOUT = {
    "semantic": "a semantic model finds no objects: its connected regions of a class stand for them, each with the "
    "mean probability of its pixels as confidence",
    CLASSIFY: "a classifier says what an image holds, and nothing of where: there are no figures of masks, boxes and "
    "pixels",
}
"""What the figures of a model mean, by its task."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that says what is in an image, and how it does."""

    task: str
    """segment, semantic, classify or masks."""
    path: Path
    tell: Teller
    model: Model | None = None
    run: Path | None = None
    """The folder whose thresholds.json speaks of this model at this image size."""
    notes: tuple[str, ...] = ()

    @property
    def imgsz(self) -> int | None:
        """What the network sees; None for masks."""
        return None if self.model is None else self.model.imgsz

    @property
    def speed_ms(self) -> dict[str, float] | None:
        """Means per image; None for masks."""
        return None if self.model is None else self.model.speed_ms


def open_subject(
    path: Path, dataset: Dataset, *, imgsz: int | None = None, device: str | None = None, batch: int | None = None
) -> Subject:
    """A run folder or a .pt, whose classes must be the dataset's."""
    model = open_model(path, device=device, imgsz=imgsz)
    order = order_classes(model.names, dataset.names)
    run = path if path.is_dir() and imgsz in (None, _declared_imgsz(path)) else None
    notes = (*model.notes, *([ABOUT[model.task]] if model.task in ABOUT else []))
    return Subject(model.task, path, partial(predict_samples, model, order, batch or BATCH), model, run, notes)


def open_masks(folder: Path, dataset: Dataset) -> Subject:
    """A folder with a mask for each image."""
    return Subject(MASKS, folder, partial(read_masks, folder, len(dataset.names)))


def describe_making(subject: Subject) -> dict[str, Any]:
    """What made the predictions, for the record."""
    versions = {"seepseg": version("seepseg")}
    if subject.model is None:
        return versions
    versions |= {name: version(name) for name in ("ultralytics", "torch")}
    asked = {"conf": CONF, "iou": IOU, "max_det": MAX_DET, "margin": MARGIN}
    return {
        **versions,
        "weights": subject.model.path.name,
        "weights_sha256": subject.model.sha256,
        "weights_bytes": subject.model.path.stat().st_size,
        "engine": subject.model.engine,
        "device": subject.model.device,
        **asked,
    }


def _declared_imgsz(run: Path) -> Any:
    try:
        return json.loads((run / "input.json").read_text(encoding="utf-8")).get("imgsz")
    except (OSError, ValueError, AttributeError):
        return None
