"""Scenes for tests, and models whose answer is known: what they find is what the pixels say."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from make_geotiff import write_geotiff
from seepseg.predict.model_input import ModelInput
from seepseg.scaling import Rule
from seepseg.values import Detection, Prediction

Bitmap = NDArray[np.uint8]
DB = Rule("db", (-35.0,), (0.0,), (1,), "dB")
EIGHT = np.ones((3, 3), np.uint8)


def trained_on(rule: Rule | None = DB, metres: float | None = None) -> ModelInput:
    return ModelInput(rule=rule, metres_per_pixel=metres)


def dark_db(mask: Bitmap) -> NDArray[np.float32]:
    """A sea of -5 dB, at -30 dB where the mask is."""
    return np.where(mask > 0, -30, -5).astype(np.float32)


def write_scene(path: Path, mask: Bitmap, **settings: Any) -> Path:
    return write_geotiff(path, dark_db(mask), **settings)


class Stand:
    """A model in all that finding asks of one: `tell` gives what it finds in a tile, best last or first."""

    def __init__(
        self,
        tell: Callable[[NDArray[np.uint8]], Sequence[Detection]],
        *,
        imgsz: int = 32,
        task: str = "segment",
        names: tuple[str, ...] = ("oil",),
    ) -> None:
        self.tell, self.imgsz, self.task, self.names = tell, imgsz, task, names
        self.input = ModelInput()
        self.seen: list[tuple[int, ...]] = []

    def predict(self, images, *, conf, iou, max_det, margin, batch):
        self.seen += [image.shape for image in images]
        return [self._one(image, conf) for image in images]

    def _one(self, image, conf):
        found = [one for one in self.tell(image) if one.score > conf[one.class_id]]
        return Prediction(image.shape[1], image.shape[0], tuple(found), self.names)


def components(image: NDArray[np.uint8]) -> list[Detection]:
    """Dark pixels that touch, corners included, by scipy."""
    return from_bitmap((image < 100) & (image > 0))  # not the grey around images, 114


def from_bitmap(bitmap: NDArray[np.bool_], score: float = 0.9, class_id: int = 0) -> list[Detection]:
    labels, _ = ndimage.label(bitmap, EIGHT)
    return [
        detection((labels[window] == number).astype(np.uint8), window[1].start, window[0].start, score, class_id)
        for number, window in enumerate(ndimage.find_objects(labels), 1)
    ]


def detection(mask: Bitmap, x: int = 0, y: int = 0, score: float = 0.9, class_id: int = 0) -> Detection:
    box = (float(x), float(y), float(x + mask.shape[1]), float(y + mask.shape[0]))
    return Detection(class_id, score, box, mask, x, y)


def on_canvas(one: Any, height: int, width: int) -> Bitmap:
    """An object's mask in the whole scene."""
    canvas = np.zeros((height, width), np.uint8)
    canvas[one.y : one.y + one.mask.shape[0], one.x : one.x + one.mask.shape[1]] = one.mask
    return canvas


def canvases(objects: Sequence[Any], shape: tuple[int, int]) -> set[bytes]:
    return {on_canvas(one, *shape).tobytes() for one in objects}


def whole_components(mask: Bitmap) -> set[bytes]:
    """The same, of the untiled truth."""
    labels, count = ndimage.label(mask, EIGHT)
    return {(labels == number).astype(np.uint8).tobytes() for number in range(1, count + 1)}
