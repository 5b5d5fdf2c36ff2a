"""Which detections are right: per class, best score first, each true object once, as pycocotools' COCOeval has it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from seepseg import rle
from seepseg.dataset.truth import TrueObject
from seepseg.values import Detection, Prediction

Kind = Literal["mask", "box"]
Floats = NDArray[np.float64]
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREAS: Mapping[str, tuple[float, float]] = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
"""Pixels of a mask; as in COCO both ends belong to a range, so an area of exactly 32² is small and medium."""
MAX_DETECTIONS = 300
"""Of one class in one image, as COCOeval counts them."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """One detection with its mask as run lengths at native size."""

    class_id: int
    score: float
    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""
    rle: bytes


@dataclass(frozen=True, slots=True)
class Matches:
    """One image after matching, n detections and g true objects, without their bitmaps.

    Detections stand by class, best score first. In `hits` and `ignored` the bit 1 << t speaks of `IOU_THRESHOLDS[t]`,
    the row of `AREAS`; a detection that is ignored counts neither as right nor as wrong.
    """

    class_ids: NDArray[np.uint16]
    scores: Floats
    hits: NDArray[np.uint16]
    """(areas, n)"""
    ignored: NDArray[np.uint16]
    """(areas, n)"""
    true_ids: NDArray[np.uint16]
    counted: NDArray[np.bool_]
    """(areas, g): true objects that are to be found; crowds and those of another size are not."""
    found: Floats
    """(g,): the score of the detection that took the object at IoU 0.5, NaN where none did. A confidence threshold
    only cuts the end off the ranking, so the object is found at every threshold up to this score."""


def encode_prediction(prediction: Prediction) -> list[Predicted]:
    """The detections of one image with run lengths in place of crops."""
    width, height, detections = prediction.width, prediction.height, prediction.detections
    if not detections:
        return []
    runs = [{"size": [height, width], "counts": _runs(one, width, height)} for one in detections]
    encoded = coco_mask.frPyObjects(runs, height, width)
    return [
        Predicted(one.class_id, one.score, one.box, mask["counts"])
        for one, mask in zip(detections, encoded, strict=True)
    ]


def overlaps(
    truth: Sequence[TrueObject], predicted: Sequence[Predicted], kind: Kind, width: int, height: int
) -> Floats:
    """IoU of every detection (rows) with every true object; with a crowd, the share of the detection inside it."""
    if not truth or not predicted:
        return np.zeros((len(predicted), len(truth)))
    crowd = [int(one.crowd) for one in truth]
    if kind == "mask":
        size = [height, width]
        found = [{"size": size, "counts": one.rle} for one in predicted]
        true = [{"size": size, "counts": one.rle} for one in truth]
        return np.asarray(coco_mask.iou(found, true, crowd))
    boxes = np.array([box for _, box in rle.measure([one.rle for one in truth], width, height)], np.float64)
    return np.asarray(coco_mask.iou(_sides(predicted), boxes, crowd))


def share_inside(region: bytes, predicted: Sequence[Predicted], width: int, height: int) -> Floats:
    """How much of each detection's mask lies in a region, such as the pixels that the truth leaves open."""
    return overlaps([TrueObject(-1, region, None, crowd=True)], predicted, "mask", width, height).reshape(-1)


def match_image(
    truth: Sequence[TrueObject],
    predicted: Sequence[Predicted],
    kind: Kind,
    width: int,
    height: int,
    *,
    ious: Floats | None = None,
    open_shares: Floats | None = None,
) -> Matches:
    """Match one image. `ious` are its `overlaps` where they are known already; `open_shares` how much of each detection
    the truth says nothing about: where that is as much as an IoU threshold, a wrong detection is ignored."""
    if ious is None:
        ious = overlaps(truth, predicted, kind, width, height)
    order = _order(predicted)
    ious = ious[order]
    class_ids = np.array([one.class_id for one in predicted], np.uint16)[order]
    true_ids = np.array([one.class_id for one in truth], np.uint16)
    scores = np.array([one.score for one in predicted], np.float64)[order]
    crowd = np.array([one.crowd for one in truth], np.bool_)
    passed_over = _outside(_mask_areas(truth, width, height)) | crowd
    ious = np.where(class_ids[:, None] == true_ids, ious, 0)
    hits, ignored, found = _match(ious, passed_over, crowd, scores)
    shares = None if open_shares is None else open_shares[order]
    _ignore_wrong(hits, ignored, _outside(_areas(predicted, kind, width, height)[order]), shares)
    return Matches(class_ids, scores, hits, ignored, true_ids, ~passed_over, found)


def _runs(detection: Detection, width: int, height: int) -> NDArray[np.int64]:
    """Lengths of runs down the columns; an empty mask is one run of nothing."""
    rows, columns = detection.mask.shape
    strip = np.zeros(columns * height + 2, np.uint8)
    strip[1:-1].reshape(columns, height)[:, detection.y : detection.y + rows] = detection.mask.T
    inside = strip.view(np.bool_)
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + detection.x * height
    return np.diff(np.concatenate(([0], edges, [width * height])))


def _match(
    ious: Floats, passed_over: NDArray[np.bool_], crowd: NDArray[np.bool_], scores: Floats
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], Floats]:
    """Hits, ignored and found, for all classes at once: the IoU of two classes is zero here."""
    hits = np.zeros((len(AREAS), len(ious)), np.uint16)
    ignored = np.zeros_like(hits)
    found = np.full(ious.shape[1], np.nan)
    candidates = _candidates(ious)
    known: dict[bytes, int] = {}
    for area, over in enumerate(passed_over):
        # Most images hold objects of one or two sizes, so that the ranges of areas ask the same question again.
        same = known.setdefault(over.tobytes(), area)
        hits[area], ignored[area] = hits[same], ignored[same]
        for bit, threshold in enumerate(IOU_THRESHOLDS.tolist() if same == area else ()):
            for row, column in _take(candidates, threshold, over.tolist(), crowd.tolist()):
                hits[area, row] |= 1 << bit
                ignored[area, row] |= int(over[column]) << bit
                if area == bit == 0:
                    found[column] = scores[row]
    found[crowd] = np.nan
    return hits, ignored, found


def _candidates(ious: Floats) -> list[tuple[int, list[tuple[float, int]]]]:
    """Rows with something to take: its columns, best IoU first and of equal ones the last first."""
    choices = defaultdict(list)
    for row, column in np.argwhere(ious >= IOU_THRESHOLDS[0]).tolist():
        choices[row].append((float(ious[row, column]), column))
    return [(row, sorted(columns, reverse=True)) for row, columns in choices.items()]


def _take(
    candidates: Sequence[tuple[int, list[tuple[float, int]]]],
    threshold: float,
    passed_over: Sequence[bool],
    crowd: Sequence[bool],
) -> list[tuple[int, int]]:
    """Which row takes which column. One that is passed over is taken only where nothing else is free; a crowd never
    runs out."""
    taken: set[int] = set()
    pairs = []
    for row, columns in candidates:
        free = [column for iou, column in columns if iou >= threshold and (crowd[column] or column not in taken)]
        if free:
            best = min(free, key=passed_over.__getitem__)
            taken.add(best)
            pairs.append((row, best))
    return pairs


def _ignore_wrong(
    hits: NDArray[np.uint16], ignored: NDArray[np.uint16], outside: NDArray[np.bool_], open_shares: Floats | None
) -> None:
    for bit, threshold in enumerate(IOU_THRESHOLDS):
        excused = outside if open_shares is None else outside | (open_shares >= threshold)
        ignored |= np.where(excused & (hits & (1 << bit) == 0), 1 << bit, 0).astype(np.uint16)


def _order(predicted: Sequence[Predicted]) -> NDArray[np.intp]:
    """By class, then best score first, equal ones as they came; no more than `MAX_DETECTIONS` of a class."""
    class_ids = np.array([one.class_id for one in predicted], np.int64)
    order = np.lexsort((-np.array([one.score for one in predicted], np.float64), class_ids))
    ranked = class_ids[order]
    return order[np.arange(len(order)) - np.searchsorted(ranked, ranked) < MAX_DETECTIONS]


def _areas(predicted: Sequence[Predicted], kind: Kind, width: int, height: int) -> Floats:
    if kind == "box":
        return np.array([(right - left) * (bottom - top) for left, top, right, bottom in (o.box for o in predicted)])
    return _mask_areas(predicted, width, height)


def _mask_areas(objects: Sequence[TrueObject] | Sequence[Predicted], width: int, height: int) -> Floats:
    return np.array([area for area, _ in rle.measure([one.rle for one in objects], width, height)], np.float64)


def _outside(areas: Floats) -> NDArray[np.bool_]:
    """(areas, n): whether each lies outside each range."""
    return np.stack([(areas < low) | (areas > high) for low, high in AREAS.values()])


def _sides(predicted: Sequence[Predicted]) -> Floats:
    """Boxes as COCO has them: left, top, width, height."""
    boxes = np.array([one.box for one in predicted], np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    return boxes
