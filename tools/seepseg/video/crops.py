"""Masks as crops of a frame: laid over each other, moved and counted without a bitmap of the frame's size."""

from collections.abc import Iterable, Sequence

import numpy as np

from seepseg.cleaning.bitmaps import trim
from seepseg.predict.masks import Crop
from seepseg.values import Detection


def crop_of(detection: Detection) -> Crop:
    """A detection's mask and place."""
    return detection.mask, detection.x, detection.y


def area_of(crop: Crop) -> int:
    """Pixels of the mask."""
    return int(np.count_nonzero(crop[0]))


def move(crop: Crop, across: int, down: int) -> Crop:
    """The same mask elsewhere; it may leave the frame."""
    return crop[0], crop[1] + across, crop[2] + down


def common(one: Crop, other: Crop) -> int:
    """Pixels that both have."""
    left, top = max(one[1], other[1]), max(one[2], other[2])
    right = min(one[1] + one[0].shape[1], other[1] + other[0].shape[1])
    bottom = min(one[2] + one[0].shape[0], other[2] + other[0].shape[0])
    if left >= right or top >= bottom:
        return 0
    parts = [mask[top - y : bottom - y, left - x : right - x] for mask, x, y in (one, other)]
    return int(np.count_nonzero(parts[0] & parts[1]))


def share_of_smaller(one: Crop, other: Crop) -> float:
    """Intersection over the smaller of the two; 0 where either is empty."""
    smaller = min(area_of(one), area_of(other))
    return common(one, other) / smaller if smaller else 0.0


def unite(crops: Sequence[Crop]) -> Crop:
    """All of them as one mask."""
    return vote([(crop, 1.0) for crop in crops], least=1.0)


def vote(votes: Sequence[tuple[Crop, float]], least: float) -> Crop:
    """The pixels whose weights come to `least` or more, as a crop no larger than they need."""
    filled = [(crop, weight) for crop, weight in votes if crop[0].size]
    if not filled:
        return np.zeros((0, 0), np.uint8), 0, 0
    left, top, right, bottom = _frame(crop for crop, _ in filled)
    sums = np.zeros((bottom - top, right - left), np.float32)
    for (mask, x, y), weight in filled:
        sums[y - top : y - top + mask.shape[0], x - left : x - left + mask.shape[1]] += weight * mask
    return trim(((sums >= least - 1e-4).astype(np.uint8), left, top))


def clip(crop: Crop, width: int, height: int) -> Crop:
    """What of it lies in the frame."""
    mask, x, y = crop
    inside = mask[max(-y, 0) : max(height - y, 0), max(-x, 0) : max(width - x, 0)]
    return (inside, max(x, 0), max(y, 0)) if inside.size else (np.zeros((0, 0), np.uint8), 0, 0)


def centre_of(crop: Crop) -> tuple[float, float] | None:
    """Mean x and y of the mask's pixels; None where there are none."""
    rows, columns = np.nonzero(crop[0])
    return (crop[1] + columns.mean(), crop[2] + rows.mean()) if len(rows) else None


def _frame(crops: Iterable[Crop]) -> tuple[int, int, int, int]:
    edges = np.array([(x, y, x + mask.shape[1], y + mask.shape[0]) for mask, x, y in crops])
    left, top = edges[:, :2].min(axis=0).tolist()
    right, bottom = edges[:, 2:].max(axis=0).tolist()
    return left, top, right, bottom
