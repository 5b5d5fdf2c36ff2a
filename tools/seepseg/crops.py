"""Masks as crops of an image: trimmed, moved, laid over each other and counted, never as a bitmap of the whole."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.predict.masks import Crop
from seepseg.values import Bitmap, Detection

NOTHING: Crop = (np.zeros((0, 0), np.uint8), 0, 0)


def crop_of(detection: Detection) -> Crop:
    """A detection's mask and place."""
    return detection.mask, detection.x, detection.y


def area_of(crop: Crop) -> int:
    """Pixels of the mask."""
    return int(np.count_nonzero(crop[0]))


def centre_of(crop: Crop) -> tuple[float, float] | None:
    """Mean x and y of the mask's pixels; None where there are none."""
    rows, columns = np.nonzero(crop[0])
    return (crop[1] + columns.mean(), crop[2] + rows.mean()) if len(rows) else None


def move(crop: Crop, across: int, down: int) -> Crop:
    """The same mask elsewhere; it may leave the image."""
    return crop[0], crop[1] + across, crop[2] + down


def clip(crop: Crop, width: int, height: int) -> Crop:
    """What of it lies in the image."""
    mask, x, y = crop
    inside = mask[max(-y, 0) : max(height - y, 0), max(-x, 0) : max(width - x, 0)]
    return (inside, max(x, 0), max(y, 0)) if inside.size else NOTHING


def trim(crop: Crop) -> Crop:
    """The same pixels in the smallest crop; 0 × 0 where there are none."""
    mask, x, y = crop
    if not mask.size:
        return crop
    left, top, wide, high = cv2.boundingRect(mask)
    if (high, wide) == mask.shape:
        return crop
    # A copy, or the little that is left would keep all of the larger one in memory.
    return mask[top : top + high, left : left + wide].copy(), x + left, y + top


def at_edge(trimmed: Crop, width: int, height: int) -> bool:
    """Whether a mask reaches the edge of the image."""
    mask, x, y = trimmed
    return bool(mask.size) and (x == 0 or y == 0 or x + mask.shape[1] == width or y + mask.shape[0] == height)


def overlap(one: Crop, other: Crop) -> tuple[Bitmap, Bitmap]:
    """Views of both masks where their crops lie over each other; empty ones where they don't."""
    left, top = max(one[1], other[1]), max(one[2], other[2])
    right = max(left, min(one[1] + one[0].shape[1], other[1] + other[0].shape[1]))
    bottom = max(top, min(one[2] + one[0].shape[0], other[2] + other[0].shape[0]))
    here, there = (mask[top - y : bottom - y, left - x : right - x] for mask, x, y in (one, other))
    return here, there


def common(one: Crop, other: Crop) -> int:
    """Pixels that both have."""
    here, there = overlap(one, other)
    return int(np.count_nonzero(here & there))


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
        return NOTHING
    left, top, right, bottom = _around([crop for crop, _ in filled])
    sums: NDArray[np.float32] = np.zeros((bottom - top, right - left), np.float32)
    for (mask, x, y), weight in filled:
        sums[y - top : y - top + mask.shape[0], x - left : x - left + mask.shape[1]] += weight * mask
    return trim(((sums >= least - 1e-4).astype(np.uint8), left, top))


def _around(crops: Sequence[Crop]) -> tuple[int, int, int, int]:
    """The left, top, right and bottom of all."""
    edges = np.array([(x, y, x + mask.shape[1], y + mask.shape[0]) for mask, x, y in crops])
    left, top = edges[:, :2].min(axis=0).tolist()
    right, bottom = edges[:, 2:].max(axis=0).tolist()
    return left, top, right, bottom
