"""A model without a network: every grey value is an object, odd ones of the first class, as sure as they are bright."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from make import Bitmap
from make_subject import find
from seepseg.cleaning.pipeline import Cleaning
from seepseg.measures.calibration import Calibration
from seepseg.measures.thresholds import MAX_F1, Choice, PresenceChoice, Thresholds
from seepseg.outputs.listing import list_entries
from seepseg.outputs.place import open_place
from seepseg.outputs.run import Outcome, Plan, predict_images
from seepseg.predict.confidence import choose_confidence
from seepseg.predict.model_input import ModelInput
from seepseg.values import Prediction

NAMES = ("oil", "ship")


def stored(
    confidence: Sequence[float | None] = (0.5, 0.6), presence: Sequence[float] = (0.4, 0.3), either: float = 0.35
) -> Thresholds:
    curve = Calibration(1.5, -0.2)
    return Thresholds(
        NAMES,
        MAX_F1,
        "hash",
        "val",
        10,
        tuple(map(Choice, confidence)),
        tuple(PresenceChoice(Choice(one), curve) for one in presence),
        PresenceChoice(Choice(either), curve),
    )


@dataclass(slots=True)
class StandIn:
    """What the outputs use of a model."""

    thresholds: Thresholds | None = None
    names: tuple[str, ...] = NAMES
    task: str = "segment"
    imgsz: int = 64
    engine: str = "torch"
    device: str = "cpu"
    choice: str | None = None
    notes: tuple[str, ...] = ()
    sha256: str = "ab" * 32
    path: Path = Path("runs/made/weights/best.pt")
    input: Any = None
    seen: int = 0
    stop_after: int | None = None
    """As Ctrl-C would."""

    def __post_init__(self) -> None:
        self.input = self.input or ModelInput()

    @property
    def speed_ms(self) -> dict[str, float]:
        return {"inference": 1.0}

    def predict(self, images: Sequence[Bitmap], *, conf: Any = 0.25, **asked: Any) -> list[Prediction]:
        found = []
        for image in images:
            if self.stop_after is not None and self.seen >= self.stop_after:
                raise KeyboardInterrupt
            self.seen += 1
            found.append(self._predict(image if image.ndim == 2 else image[..., 0], conf))
        return found

    def _predict(self, image: Bitmap, conf: Any) -> Prediction:
        limits = np.broadcast_to(np.asarray(conf, np.float64), len(self.names))
        values = [value for value in np.unique(image)[::-1].tolist() if value]
        shapes = [((value + 1) % 2, value / 255, np.asarray(image == value, np.uint8)) for value in values]
        some = [find(*shape) for shape in shapes if shape[1] > limits[shape[0]]]
        return Prediction(image.shape[1], image.shape[0], tuple(some), self.names)


def predict_folder(model: StandIn, source: Path, out: Path, *, overwrite: bool = False, **asked: Any) -> Outcome:
    """As the command does, the model being open already."""
    plan = Plan(choose_confidence(model, asked.pop("conf", None)), **{"cleaning": Cleaning(), **asked})
    made = {"model": {"sha256": model.sha256}, "settings": {"limits": list(plan.confidence.limits)}}
    place, _ = open_place(out, source, Path("nowhere.pt"), made, overwrite=overwrite)
    return predict_images(model, list_entries(source)[0], place, plan, made)
