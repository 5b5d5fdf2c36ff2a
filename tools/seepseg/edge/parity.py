"""Whether an exported model gives the answer of the .pt that it was made of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.predict.engine import Model
from seepseg.predict.resize import Pixels
from seepseg.values import Detection, Prediction

CONF = 0.05
"""Instances below it are not compared: too many, and none that a user sees."""
LEAST_IOU, MOST_SCORE = 0.99, 1e-3
SAME_EDGE = 0.01
"""Pixels between box edges that are the same but for rounding."""


@dataclass(frozen=True, slots=True)
class Parity:
    """One model beside the .pt, over all images."""

    engine: str
    images: int
    instances: int
    """That the .pt finds."""
    differing: int
    """That the other does not have, or has as something else; and those that it alone has."""
    raw: float
    """The largest difference of raw outputs: boxes in pixels, scores, coefficients and prototypes."""
    score: float
    """The largest difference of confidences, of probabilities for a semantic model."""
    ms: float
    """An image, from pixels to instances."""

    @property
    def equal(self) -> bool:
        """What an export has to be."""
        return self.differing == 0 and self.score <= MOST_SCORE

    def as_json(self) -> dict[str, Any]:
        """For the bundle and for programs."""
        return asdict(self) | {"equal": self.equal}


def compare_models(reference: Model, others: Sequence[Model], images: Sequence[Pixels]) -> list[Parity]:
    """Image by image, so that memory holds one at a time."""
    sums: list[dict[str, float]] = [dict.fromkeys(("instances", "differing", "raw", "score"), 0.0) for _ in others]
    for image in images:
        ((_, outputs),) = reference.run([image])
        expected = _predict(reference, image)
        for other, found in zip(others, sums, strict=True):
            ((_, own),) = other.run([image])
            raw, score = _differences(outputs, own, reference)
            found["raw"], found["score"] = max(found["raw"], raw), max(found["score"], score)
            found["instances"] += len(expected.detections)
            found["differing"] += count_differing(expected, _predict(other, image))
    return [_parity(other, found, len(images)) for other, found in zip(others, sums, strict=True)]


def count_differing(expected: Prediction, found: Prediction) -> int:
    """Detections of either that have no counterpart; one that is as good as at the threshold may be there or not."""
    left = list(found.detections)
    missing = 0
    for one in expected.detections:
        twin = next((index for index, other in enumerate(left) if _equal(one, other)), None)
        if twin is not None:
            del left[twin]
        elif one.score > _floor(found):
            missing += 1
    return missing + sum(other.score > _floor(expected) for other in left)


def _predict(model: Model, image: Pixels) -> Prediction:
    return model.predict([image], conf=CONF)[0]


def _parity(model: Model, found: Mapping[str, float], images: int) -> Parity:
    # Every image went through the network twice.
    speed = model.speed_ms
    ms = speed["preprocess"] + speed["inference"] + 2 * speed["postprocess"]
    instances, differing = int(found["instances"]), int(found["differing"])
    return Parity(model.engine, images, instances, differing, found["raw"], found["score"], round(ms, 2))


def _floor(prediction: Prediction) -> float:
    """Below it, an instance may be missing: it is at the threshold, or the last of as many as are kept."""
    full = len(prediction.detections) >= 300
    return (prediction.detections[-1].score if full else CONF) + MOST_SCORE


def _differences(one: Sequence[NDArray[Any]], other: Sequence[NDArray[Any]], model: Model) -> tuple[float, float]:
    """Of raw outputs, and of scores among them; infinite where the shapes differ or there is no number."""
    if [each.shape for each in one] != [each.shape for each in other]:
        return np.inf, np.inf
    raw = max(_largest(np.asarray(a, np.float32) - b) for a, b in zip(one, other, strict=True))
    if model.task == "semantic":
        return raw, _largest(_probabilities(one[0]) - _probabilities(other[0]))
    scores = slice(4, 4 + len(model.names))
    return raw, _largest(one[0][scores] - other[0][scores])


def _largest(difference: NDArray[Any]) -> float:
    largest = float(np.abs(difference).max(initial=0))
    return largest if np.isfinite(largest) else np.inf


def _probabilities(logits: NDArray[Any]) -> NDArray[Any]:
    if len(logits) == 1:
        return (1 + np.tanh(logits / 2)) / 2
    raised = np.exp(logits - logits.max(axis=0))
    return np.asarray(raised / raised.sum(axis=0))


def _equal(one: Detection, other: Detection) -> bool:
    """A mask of few pixels may differ in one of them: that one lies at 0 to the last digit."""
    if one.class_id != other.class_id or abs(one.score - other.score) > MOST_SCORE:
        return False
    apart = float(np.abs(np.subtract(one.box, other.box)).max())
    spans = (_shared_span(one, other, axis, cut=apart <= SAME_EDGE) for axis in (0, 1))
    (left, right), (top, bottom) = spans
    a, b = (each.mask[_within(each.y, top, bottom), _within(each.x, left, right)] for each in (one, other))
    area, other_area, shared = int(a.sum()), int(b.sum()), _shared(one, other, (left, right), (top, bottom))
    either = area + other_area - shared
    return shared >= LEAST_IOU * either or either - shared <= 1


def _shared_span(one: Detection, other: Detection, axis: int, *, cut: bool) -> tuple[int, int]:
    """The pixels to compare along an axis. Masks end with their box: where an edge of it lies on the edge of a pixel,
    that pixel is in or out by the last digit, so of boxes that agree only what is in both counts."""
    starts = [ceil(each.box[axis]) for each in (one, other)]
    ends = [ceil(each.box[axis + 2]) for each in (one, other)]
    return (max(starts), min(ends)) if cut else (0, 2**31)


def _within(start: int, first: int, end: int) -> slice:
    return slice(max(first - start, 0), max(end - start, 0))


def _shared(one: Detection, other: Detection, across: tuple[int, int], down: tuple[int, int]) -> int:
    """Pixels of both."""
    left, top = max(one.x, other.x, across[0]), max(one.y, other.y, down[0])
    right = min(one.x + one.mask.shape[1], other.x + other.mask.shape[1], across[1])
    bottom = min(one.y + one.mask.shape[0], other.y + other.mask.shape[0], down[1])
    if left >= right or top >= bottom:
        return 0
    a, b = (each.mask[top - each.y : bottom - each.y, left - each.x : right - each.x] for each in (one, other))
    return int(np.count_nonzero(a & b))
