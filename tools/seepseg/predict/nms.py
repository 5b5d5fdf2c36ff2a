"""Non-maximum suppression as Ultralytics does it, in numpy alone."""

import numpy as np
from numpy.typing import NDArray

MOST_CANDIDATES = 30_000
CLASS_STEP = np.float32(7680)
"""Boxes of different classes are moved apart by this much, so that they don't suppress each other. It is part of the
result: that far out, 32-bit coordinates are coarser."""
_CHUNK = 256
"""Candidates that are compared with each other at once; the next ones only if too few are kept."""


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int64], *, iou: float, most: int
) -> NDArray[np.int64]:
    """Which boxes (n, 4; left, top, right, bottom) stay, by falling score and `most` at most, each class by itself."""
    order = np.argsort(-scores, kind="stable")[:MOST_CANDIDATES]
    moved = boxes[order] + classes[order, None].astype(np.float32) * CLASS_STEP
    kept = np.empty(0, np.int64)
    for start in range(0, len(order), _CHUNK):
        if len(kept) >= most:
            break
        chunk = moved[start : start + _CHUNK]
        free: NDArray[np.bool_] = ~np.any(_too_close(moved[kept], chunk, iou), axis=0)
        rivals = _too_close(chunk, chunk, iou)
        for index in range(len(chunk)):
            if free[index]:
                free[index + 1 :] &= ~rivals[index, index + 1 :]
        kept = np.concatenate([kept, start + np.flatnonzero(free)])
    return order[kept[:most]]


def _too_close(some: NDArray[np.float32], others: NDArray[np.float32], iou: float) -> NDArray[np.bool_]:
    """Which pairs overlap by more than `iou`: (some, others)."""
    one, other = some.T[:, :, None], others.T[:, None]
    shared = np.maximum(np.minimum(one[2], other[2]) - np.maximum(one[0], other[0]), 0)
    shared *= np.maximum(np.minimum(one[3], other[3]) - np.maximum(one[1], other[1]), 0)
    areas, other_areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    # Two boxes without area have no overlap to speak of: 0 / 0, which suppresses nothing.
    with np.errstate(invalid="ignore"):
        overlaps = shared / (areas + other_areas - shared)
    close: NDArray[np.bool_] = overlaps > np.float64(iou)
    return close
