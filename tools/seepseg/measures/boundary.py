"""Boundary IoU (Cheng et al., CVPR 2021): the IoU of the parts of two masks that lie near their own outlines.

The boundary of a mask is what an erosion by 2 % of the image diagonal takes away, the image's border being an outline.
Erosion and threshold commute, so that one erosion of the level map holds the boundary at every confidence of the grid:
a pixel belongs to it at the levels above its eroded level and up to its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.measures.figures import Figures, Floats, ratio, weigh
from seepseg.measures.levels import Layers
from seepseg.measures.pixels import SECTION, TRUTH, Counts
from seepseg.values import Bitmap

DILATION_RATIO = 0.02
_KERNEL = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class BoundarySweep:
    """One image: of each of its classes, boundary pixels of truth, and at levels 1, 2 … of prediction and of both."""

    classes: tuple[int, ...]
    truth: tuple[int, ...]
    predicted: NDArray[np.int32]
    """(classes here, levels)"""
    shared: NDArray[np.int32]


def sweep_boundary(layers: Layers, level_count: int) -> BoundarySweep:
    """One image. Ignored pixels are left out of the counts, not out of the shapes."""
    radius = boundary_radius(layers.width, layers.height)
    classes = tuple(sorted(layers.levels.keys() | layers.truth.keys()))
    truths = []
    predicted, shared = np.zeros((2, len(classes), level_count), np.int32)
    for row, class_id in enumerate(classes):
        level, truth, valid = _cut(layers, class_id)
        edge = (truth - _erode(truth, radius)) * valid
        truths.append(int(np.count_nonzero(edge)))
        entered = _histogram(_erode(level, radius) * valid, edge)
        left = _histogram(level * valid, edge)
        apart, within = (entered - left).cumsum(axis=1)[:, :level_count]
        predicted[row], shared[row] = apart + within, within
    return BoundarySweep(classes, tuple(truths), predicted, shared)


def boundary_radius(width: int, height: int) -> int:
    """How far the boundary reaches into a mask, in pixels."""
    return max(1, round(DILATION_RATIO * float(np.hypot(width, height))))


def boundary_at(images: Sequence[BoundarySweep], levels: NDArray[np.uint8]) -> Counts:
    """(images, classes, 3) boundary pixels of both, of the prediction and of the truth, at a level for each class,
    or for each image and class."""
    wanted = np.broadcast_to(levels, (len(images), levels.shape[-1]))
    counts = np.zeros((*wanted.shape, 3), np.int64)
    for number, one in enumerate(images):
        for row, class_id in enumerate(one.classes):
            at = int(wanted[number, class_id]) - 1
            counts[number, class_id] = one.shared[row, at], one.predicted[row, at], one.truth[row]
    return counts


def boundary_figures(counts: Counts, names: Sequence[str], weights: Floats | None = None) -> Figures:
    """`boundary_iou` of each class, pooled over images; none for a class absent from the truth."""
    images, classes, _ = counts.shape
    sums = (weigh(weights, images) @ counts.reshape(images, -1)).reshape(-1, classes, 3)
    shared, predicted, truth = np.moveaxis(sums, 2, 0)
    iou = np.where(truth > 0, ratio(shared, predicted + truth - shared), np.nan)
    return {(SECTION, "per_class", name, "boundary_iou"): iou[:, index] for index, name in enumerate(names)}


def _cut(layers: Layers, class_id: int) -> tuple[Bitmap, Bitmap, Bitmap | np.uint8]:
    """Level, truth, and what counts, where there is any of the first two: outside of that there is no boundary."""
    nothing = np.zeros((layers.height, layers.width), np.uint8)
    level, truth = layers.levels.get(class_id, nothing), layers.truth.get(class_id, nothing)
    x, y, wide, high = cv2.boundingRect(level | truth)
    window = slice(y, y + high), slice(x, x + wide)
    valid = np.uint8(1) if layers.valid is None else layers.valid[window].astype(np.uint8)
    return level[window], truth[window], valid


def _erode(values: Bitmap, radius: int) -> Bitmap:
    """The least within a square of 2 × radius + 1, with nothing beyond the border."""
    if not values.size:
        return values
    padded = cv2.copyMakeBorder(values, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(cv2.erode(padded, _KERNEL, iterations=radius), np.uint8)[1:-1, 1:-1]


def _histogram(level: Bitmap, edge: Bitmap) -> Counts:
    """(2, levels) pixels at each level, off the edge of the truth and on it."""
    codes = level | edge << np.uint8(7)
    return np.bincount(codes.ravel(), minlength=2 * TRUTH).reshape(2, TRUTH)
