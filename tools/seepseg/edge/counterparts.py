"""Detections of two models on one image: which are the same object, and how far apart they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from seepseg.crops import area_of, common
from seepseg.predict.decode import MAX_DET, Conf
from seepseg.predict.masks import Crop
from seepseg.values import Detection, Prediction

LEAST_IOU, MOST_SCORE = 0.99, 1e-3
SAME_OBJECT = 0.5
"""The least mask IoU at which two detections that are not equal still mean one object."""
SAME_EDGE = 0.01
"""Pixels between box edges that are the same but for rounding."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One object as two models have it."""

    equal: bool
    iou: float
    """Of the masks, those pixels left out that are in or out by the last digit."""
    score: float
    """The difference."""
    box_px: float
    """The largest difference of an edge."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The objects of one image, or of several."""

    pairs: tuple[Pair, ...]
    differing: int
    """Detections of either model that the other has otherwise or not at all."""


def match(expected: Prediction, found: Prediction, limits: Conf) -> Matched:
    """Detections above the limit of their class; one that is as good as at it may be there or not."""
    left = list(found.detections)
    pairs, differing = [], 0
    for one in expected.detections:
        pair, at = _nearest(one, left)
        if pair is None or not (pair.equal or pair.iou >= SAME_OBJECT):
            differing += one.score > _floor(found, _limit(limits, one))
            continue
        other = left.pop(at)
        pairs.append(pair)
        if not pair.equal:
            differing += one.score > _floor(found, _limit(limits, one))
            differing += other.score > _floor(expected, _limit(limits, one))
    differing += sum(other.score > _floor(expected, _limit(limits, other)) for other in left)
    return Matched(tuple(pairs), differing)


def _nearest(one: Detection, others: Sequence[Detection]) -> tuple[Pair | None, int]:
    """An equal one, else that of the most alike mask; and its place."""
    best, place = None, -1
    rivals = [at for at, other in enumerate(others) if other.class_id == one.class_id]
    for at in sorted(rivals, key=lambda at: abs(others[at].score - one.score)):
        pair = _compare(one, others[at])
        if pair.equal:
            return pair, at
        if best is None or pair.iou > best.iou:
            best, place = pair, at
    return best, place


def _limit(limits: Conf, one: Detection) -> float:
    return limits[one.class_id] if isinstance(limits, Sequence) else limits


def _floor(prediction: Prediction, limit: float) -> float:
    """Below it, a detection may be missing: it is at the limit, or the last of as many as are kept."""
    full = len(prediction.detections) >= MAX_DET
    return (prediction.detections[-1].score if full else limit) + MOST_SCORE


def _compare(one: Detection, other: Detection) -> Pair:
    box_px = float(np.abs(np.subtract(one.box, other.box)).max())
    score = abs(one.score - other.score)
    a, b = _cores(one, other) if box_px <= SAME_EDGE else ((one.mask, one.x, one.y), (other.mask, other.x, other.y))
    shared = common(a, b)
    either = area_of(a) + area_of(b) - shared
    iou = shared / either if either else 1.0
    # A mask of few pixels may differ in one of them: that one lies at 0 to the last digit.
    same = iou >= LEAST_IOU or either - shared <= 1
    return Pair(same and score <= MOST_SCORE, 1.0 if either - shared <= 1 else iou, score, box_px)


def _cores(one: Detection, other: Detection) -> tuple[Crop, Crop]:
    """Masks end with their box: where an edge of it lies on the edge of a pixel, that pixel is in or out by the last
    digit, so of boxes that agree only what is in both counts."""
    starts = np.ceil(np.maximum(one.box[:2], other.box[:2])).astype(int).tolist()
    ends = [min(ceil(one.box[at]), ceil(other.box[at])) for at in (2, 3)]
    return _inside(one, starts, ends), _inside(other, starts, ends)


def _inside(one: Detection, starts: Sequence[int], ends: Sequence[int]) -> Crop:
    (left, top), (right, bottom) = starts, ends
    rows = slice(max(top - one.y, 0), max(bottom - one.y, 0))
    columns = slice(max(left - one.x, 0), max(right - one.x, 0))
    return one.mask[rows, columns], max(one.x, left), max(one.y, top)
