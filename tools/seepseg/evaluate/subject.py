"""What is evaluated: a model, or the masks that another tool left."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seepseg.dataset.layout import Dataset
from seepseg.evaluate.predictions import CONF, Teller, order_classes, predict_samples, read_masks
from seepseg.measures.thresholds import Thresholds
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


def _none() -> None:
    """Of what has no thresholds."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that says what is in an image, and how it does."""

    task: str
    """segment, semantic, classify or masks."""
    path: Path
    tell: Teller
    model: Model | None = None
    run: Path | None = None
    """The run whose thresholds may be written; what was exported of one stays as it is."""
    stored: Callable[[], Thresholds | None] = _none
    """What `predict` takes at this image size, of a run, a .pt in one, or a bundle; by the dataset's names."""
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
    names = tuple(dataset.names[at] for at in order)
    as_declared = imgsz in (None, model.declared_imgsz)
    return Subject(
        model.task,
        path,
        partial(predict_samples, model, order, batch or BATCH),
        model,
        run=path if as_declared and (path / "weights").is_dir() else None,
        stored=partial(_stored, model, names) if as_declared else _none,
        notes=(*model.notes, *([ABOUT[model.task]] if model.task in ABOUT else [])),
    )


def _stored(model: Model, names: tuple[str, ...]) -> Thresholds | None:
    chosen = model.thresholds
    return None if chosen is None else replace(chosen, names=names)


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
        "model_sha256": subject.model.sha256,
        "weights_sha256": subject.model.weights_sha256,
        "weights_bytes": subject.model.size_bytes,
        "engine": subject.model.engine,
        "device": subject.model.device,
        **asked,
    }
