"""Which class is taken for which, with background, at confidence thresholds that may be chosen after the images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seepseg.dataset.truth import TrueObject
from seepseg.measures.matching import Floats, Predicted

MIN_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Overlapping:
    """One image: its detections, its true objects without crowds, and the pairs that overlap enough, best IoU first
    and of equal ones those of one class."""

    class_ids: NDArray[np.uint16]
    scores: Floats
    excused: NDArray[np.bool_]
    """Detections in a crowd, or where the truth says nothing: no false alarm if they match nothing."""
    true_ids: NDArray[np.uint16]
    pairs: NDArray[np.uint16]
    """(pairs, 2): the detection and the true object."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts over all images, and what went wrong in each."""

    counts: NDArray[np.int64]
    """(classes + 1, classes + 1): rows are the truth, columns what was predicted, the last is background."""
    misses: NDArray[np.int64]
    """Per image: true objects that no detection matches."""
    false_alarms: NDArray[np.int64]
    """Per image: detections that match no object, second detections of one object among them."""
    confused: NDArray[np.int64]
    """Per image: objects matched by a detection of another class."""


def find_overlapping(
    truth: Sequence[TrueObject], predicted: Sequence[Predicted], ious: Floats, open_shares: Floats | None = None
) -> Overlapping:
    """What the confusion of one image needs, from the `overlaps` of its masks."""
    crowd = np.array([one.crowd for one in truth], np.bool_)
    shares = ious[:, crowd].max(axis=1, initial=0)
    excused = (shares if open_shares is None else np.maximum(shares, open_shares)) >= MIN_IOU
    class_ids = np.array([one.class_id for one in predicted], np.uint16)
    true_ids = np.array([one.class_id for one in truth], np.uint16)[~crowd]
    ious = ious[:, ~crowd]
    rows, columns = np.nonzero(ious >= MIN_IOU)
    order = np.lexsort((class_ids[rows] != true_ids[columns], -ious[rows, columns]))
    pairs = np.stack([rows, columns], axis=1)[order].astype(np.uint16)
    return Overlapping(class_ids, np.array([one.score for one in predicted], np.float64), excused, true_ids, pairs)


def confuse(images: Sequence[Overlapping], thresholds: ArrayLike, classes: int) -> Confusion:
    """Pair each true object with the best detection of any class that is left, one to one, from the best IoU down.

    `thresholds` are confidences per class, or per image and class where each fold has its own; one number serves all.
    """
    limits = np.broadcast_to(np.asarray(thresholds, np.float64), (len(images), classes))
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    wrong = np.zeros((3, len(images)), np.int64)
    for number, (image, limit) in enumerate(zip(images, limits, strict=True)):
        mine = _count(image, image.scores >= limit[image.class_ids], classes)
        counts += mine
        missed, alarms = mine[:-1, -1].sum(), mine[-1, :-1].sum()
        wrong[:, number] = missed, alarms, mine[:-1, :-1].sum() - np.trace(mine)
    return Confusion(counts, *wrong)


def _count(image: Overlapping, kept: NDArray[np.bool_], classes: int) -> NDArray[np.int64]:
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    free, missing = kept.copy(), np.ones(len(image.true_ids), np.bool_)
    for row, column in image.pairs.tolist():
        if free[row] and missing[column]:
            free[row] = missing[column] = False
            counts[image.true_ids[column], image.class_ids[row]] += 1
    counts[:-1, -1] = np.bincount(image.true_ids[missing], minlength=classes)
    counts[-1, :-1] = np.bincount(image.class_ids[free & ~image.excused], minlength=classes)
    return counts
