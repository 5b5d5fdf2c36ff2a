"""How wide an object is, and how many of each width are found: thin things are where detectors fail first.

An object is at least k px wide if discs of diameter k that fit inside it cover half of it or more. A bar as wide as k
is, at any slope; so is a thread with a small blob at its end as narrow as the thread, and a large blob with a thin tail
as wide as the blob. The widest place alone would call the thread wide, and area by length needs a skeleton, which noise
at the edge changes.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seepseg import rle
from seepseg.dataset.truth import TrueObject
from seepseg.measures.matching import Floats, Matches

EDGES_PX = (1, 2, 4, 8, 16, 32)
"""Where each bin starts; the last has no end."""
_SLACK = 1e-3
"""Distances come as 32-bit numbers."""


def bin_widths(truth: Sequence[TrueObject], width: int, height: int) -> NDArray[np.uint8]:
    """The bin of each true object of one image."""
    rles = [one.rle for one in truth]
    bins = np.zeros(len(rles), np.uint8)
    for number, (run, (_, (x, y, columns, rows))) in enumerate(
        zip(rles, rle.measure(rles, width, height), strict=True)
    ):
        if min(columns, rows) >= EDGES_PX[1]:
            bins[number] = bin_width(rle.decode(run, width, height)[y : y + rows, x : x + columns])
    return bins


def bin_width(bitmap: NDArray[np.uint8]) -> int:
    """The bin of one object; what lies beyond the bitmap is background."""
    # At twice the size an object k px wide has a middle: its distance to the nearest background pixel is k exactly.
    inside = np.pad(bitmap.repeat(2, axis=0).repeat(2, axis=1), 1)
    depth = _distance(inside)
    for index in range(len(EDGES_PX) - 1, 0, -1):
        reach = EDGES_PX[index] - _SLACK
        centres = depth >= reach
        if centres.any():
            covered = np.count_nonzero(_distance((~centres).astype(np.uint8)) < reach)
            if 2 * covered >= np.count_nonzero(inside):
                return index
    return 0


def recall_by_width(
    images: Sequence[Matches], bins: Sequence[NDArray[np.uint8]], thresholds: ArrayLike, classes: int
) -> list[dict[str, Any]]:
    """Per bin: how many objects there are, and which share of them a mask of their class finds at IoU 0.5, with every
    detection counting (`recall`) and with those at the confidence thresholds (`recall_at_thresholds`: per class, or
    per image and class). None where there are no objects; crowds are left out."""
    limits = np.broadcast_to(np.asarray(thresholds, np.float64), (len(images), classes))
    rows = [
        np.stack([bins_of[image.counted[0]], *_found(image, limit)])
        for image, bins_of, limit in zip(images, bins, limits, strict=True)
    ]
    number, any_score, at_thresholds = np.concatenate(rows, axis=1) if rows else np.empty((3, 0))
    table = []
    for index, edge in enumerate(EDGES_PX):
        mine = number == index
        table.append(
            {
                "from_px": edge,
                "to_px": EDGES_PX[index + 1] if index + 1 < len(EDGES_PX) else None,
                "instances": int(mine.sum()),
                "recall": float(any_score[mine].mean()) if mine.any() else None,
                "recall_at_thresholds": float(at_thresholds[mine].mean()) if mine.any() else None,
            }
        )
    return table


def _found(image: Matches, limit: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    counted = image.counted[0]
    scores = image.found[counted]
    return ~np.isnan(scores), scores >= limit[image.true_ids[counted]]


def _distance(bitmap: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.distanceTransform(bitmap, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float32, copy=False)
