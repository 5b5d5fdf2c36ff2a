"""Made predictions and truths, and how to count them the slow way."""

import numpy as np
from numpy.typing import NDArray

from make import Bitmap, ragged
from seepseg import rle
from seepseg.dataset.truth import TrueObject, Truth
from seepseg.values import Detection, Prediction


def as_truth(*objects: tuple[int, Bitmap], ignore: Bitmap | None = None) -> Truth:
    height, width = objects[0][1].shape if objects else (8, 8)
    found = [TrueObject(class_id, rle.encode(bitmap), None) for class_id, bitmap in objects]
    return Truth(width, height, None if ignore is None else rle.encode(ignore), found)


def as_prediction(*detections: tuple[int, float, Bitmap], size: int = 8) -> Prediction:
    height, width = detections[0][2].shape if detections else (size, size)
    return Prediction(width, height, tuple(detect(*one) for one in detections))


def detect(class_id: int, score: float, bitmap: Bitmap) -> Detection:
    """Its crop, a pixel wider than it must be where there is room."""
    ys, xs = np.nonzero(bitmap)
    y, x = max(ys.min() - 1, 0), max(xs.min() - 1, 0)
    crop = bitmap[y : ys.max() + 2, x : xs.max() + 2]
    return Detection(class_id, score, (float(x), float(y), float(xs.max() + 1), float(ys.max() + 1)), crop, x, y)


def square(y: int, x: int, side: int, *, size: int = 8) -> Bitmap:
    bitmap = np.zeros((size, size), np.uint8)
    bitmap[y : y + side, x : x + side] = 1
    return bitmap


def random_image(
    rng: np.random.Generator, classes: int, *, height: int = 24, width: int = 31, ignore: bool = False
) -> tuple[Prediction, Truth]:
    """Overlapping ragged objects and detections of all classes, scores on and between the hundredths."""
    bitmaps = [ragged(rng, height, width, rng.uniform(0.05, 0.4)) for _ in range(rng.integers(0, 5) + 5)]
    objects = [(int(rng.integers(classes)), bitmap) for bitmap in bitmaps[5:]]
    detections = [
        detect(int(rng.integers(classes)), float(rng.choice([rng.random(), rng.integers(1, 100) / 100])), bitmap)
        for bitmap in bitmaps[: rng.integers(0, 6)]
    ]
    void = rle.encode(ragged(rng, height, width, 0.2)) if ignore else None
    found = [TrueObject(class_id, rle.encode(bitmap), None) for class_id, bitmap in objects]
    return Prediction(width, height, tuple(detections)), Truth(width, height, void, found)


def full_masks(
    prediction: Prediction, truth: Truth, classes: int, thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Predicted and true binary unions, (classes, height, width), and the pixels that count: one bitmap each."""
    predicted, true = np.zeros((2, classes, truth.height, truth.width), bool)
    for one in prediction.detections:
        if one.score > thresholds[one.class_id]:
            high, wide = one.mask.shape
            predicted[one.class_id, one.y : one.y + high, one.x : one.x + wide] |= one.mask > 0
    for each in truth.objects:
        true[each.class_id] |= rle.decode(each.rle, truth.width, truth.height) > 0
    valid = np.ones((truth.height, truth.width), bool)
    if truth.ignore is not None:
        valid &= rle.decode(truth.ignore, truth.width, truth.height) == 0
    return predicted, true, valid
