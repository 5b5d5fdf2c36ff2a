"""One image as class maps: truth as bitmaps, predictions as the level of the highest score at each pixel.

Level k means that a detection above the k-th confidence of a grid covers the pixel, so that one painting holds the
binary union of a class at every confidence of the grid. A crowd region is of its class like any object.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seepseg import rle
from seepseg.dataset.truth import Truth
from seepseg.errors import SourceError, UsageError
from seepseg.measures.figures import Floats
from seepseg.values import Bitmap, Detection, Prediction

MOST_LEVELS = 127
"""A level and one bit of truth share a byte."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Truth and prediction of one image; classes that it does not hold have no map."""

    width: int
    height: int
    levels: dict[int, Bitmap]
    truth: dict[int, Bitmap]
    valid: NDArray[np.bool_] | None
    """Pixels that count; None where all do."""


def make_grid(asked: Iterable[float] = ()) -> Floats:
    """The confidences that are counted at: every hundredth from .01 to .99, and those asked for."""
    grid = np.array(sorted({step / 100 for step in range(1, 100)} | {float(one) for one in asked}))
    if not 0 < grid[0] <= grid[-1] <= 1:
        raise UsageError("a confidence threshold must lie above 0 and not above 1")
    if len(grid) > MOST_LEVELS:
        raise UsageError(
            f"{len(grid) - 99} different confidence thresholds are no hundredths; at most {MOST_LEVELS - 99} may be: "
            "round them to two decimals"
        )
    return grid


def levels_of(thresholds: ArrayLike, grid: Floats) -> NDArray[np.uint8]:
    """The level that a pixel needs for each threshold, which must be one of the grid."""
    wanted = np.asarray(thresholds, np.float64)
    at = np.minimum(np.searchsorted(grid, wanted), len(grid) - 1)
    if not np.array_equal(grid[at], wanted):
        strange = ", ".join(map(str, sorted(set(wanted[grid[at] != wanted].tolist()))))
        raise UsageError(f"pixels were not counted at confidence {strange}; name it before the evaluation starts")
    return (at + 1).astype(np.uint8)


def lay(prediction: Prediction, truth: Truth, class_count: int, grid: Floats) -> Layers:
    """The maps of one image, at the size of its truth."""
    width, height = truth.width, truth.height
    if (prediction.width, prediction.height) != (width, height):
        raise SourceError(
            f"the prediction is {prediction.width} × {prediction.height} pixels, the truth {width} × {height}; "
            "predict on the images of this dataset, at their own size"
        )
    _refuse_classes(
        {one.class_id for one in prediction.detections}, class_count, "prediction", "give a model of the same classes"
    )
    _refuse_classes({one.class_id for one in truth.objects}, class_count, "truth", "run 'seepseg check'")
    valid = None if truth.ignore is None else rle.decode(truth.ignore, width, height) == 0
    return Layers(width, height, _paint(prediction, grid), _unite(truth), valid)


def from_class_map(classes: Bitmap) -> Prediction:
    """What another tool's mask says (0 none, class id + 1): one detection a class, as sure as can be."""
    height, width = classes.shape
    found = []
    for value in np.flatnonzero(np.bincount(classes.ravel())[1:]) + 1:
        bitmap = (classes == value).astype(np.uint8)
        x, y, wide, high = cv2.boundingRect(bitmap)
        box = (float(x), float(y), float(x + wide), float(y + high))
        found.append(Detection(int(value) - 1, 1.0, box, bitmap[y : y + high, x : x + wide], x, y))
    return Prediction(width, height, tuple(found))


def _paint(prediction: Prediction, grid: Floats) -> dict[int, Bitmap]:
    maps: dict[int, Bitmap] = {}
    levels = np.searchsorted(grid, [one.score for one in prediction.detections], side="left")
    for one, level in zip(prediction.detections, levels.tolist(), strict=True):
        if not level or not one.mask.size:
            continue
        if one.class_id not in maps:
            maps[one.class_id] = np.zeros((prediction.height, prediction.width), np.uint8)
        high, wide = one.mask.shape
        region = maps[one.class_id][one.y : one.y + high, one.x : one.x + wide]
        np.maximum(region, one.mask * np.uint8(level), out=region)
    return maps


def _unite(truth: Truth) -> dict[int, Bitmap]:
    parts: dict[int, list[bytes]] = {}
    for one in truth.objects:
        parts.setdefault(one.class_id, []).append(one.rle)
    size = truth.width, truth.height
    return {
        class_id: rle.decode(rles[0] if len(rles) == 1 else rle.union(rles, *size), *size)
        for class_id, rles in parts.items()
    }


def _refuse_classes(found: Collection[int], class_count: int, what: str, remedy: str) -> None:
    strange = sorted(one for one in found if not 0 <= one < class_count)
    if strange:
        raise SourceError(
            f"the {what} has class {strange[0]}, but data.yaml names {class_count} (0-{class_count - 1}); {remedy}"
        )
