"""Pixels: counted once an image, at every confidence of a grid, and kept so that all figures follow from the counts.

An image is kept as cells: how many of its pixels have the same truth and the same level in every class. That is a few
dozen rows, from which counts at any thresholds, alike or not for the classes and images, come without a second look.

Rules. Classes are binary unions; background is where no class is. A class absent from the truth has no figures and is
left out of means. Per image: `miou` is the mean over background and the classes in the image's truth or prediction;
`dice` that over classes alone, and an image with nothing in either has none. Where a pixel must have one class
(`accuracy`), it is the predicted one of the highest level, of equals the first in `names`; that is right where it is
one of the pixel's true classes, or where both are background.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seepseg.measures.figures import Figures, Floats, mean_defined, mean_over_images, ratio, weigh
from seepseg.measures.levels import Layers

Counts = NDArray[np.int64]
TRUTH = 128
"""The bit of a code that says the pixel truly is of the class; the others are its level."""
SECTION = "pixels"
_BLOCK = 500
"""Images at a time: memory stays level."""


@dataclass(frozen=True, slots=True)
class ImageCells:
    """One image: (m, classes) codes, and how many pixels have each of these rows."""

    codes: NDArray[np.uint8]
    pixels: Counts


@dataclass(frozen=True, slots=True)
class Cells:
    """All images: the cells one after another, and which image each belongs to."""

    images: int
    image: Counts
    codes: NDArray[np.uint8]
    pixels: Counts


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """(images, classes + 1, 3) true positive, false positive and false negative pixels, the background last."""

    counts: Counts
    right: Counts
    """(images,) pixels of the right class."""
    total: Counts
    """(images,) pixels that count."""


def count_cells(layers: Layers, class_count: int) -> ImageCells:
    """One image."""
    total = layers.width * layers.height if layers.valid is None else int(np.count_nonzero(layers.valid))
    coded = {class_id: _code(layers, class_id) for class_id in sorted(layers.levels.keys() | layers.truth.keys())}
    at = np.flatnonzero(np.bitwise_or.reduce(list(coded.values()))) if coded else np.zeros(0, np.int64)
    cell = np.zeros(len(at), np.int64)
    rows, pixels = np.zeros((1, class_count), np.uint8), np.array([len(at)], np.int64)
    for class_id, codes in coded.items():
        joint = cell * 256 + codes[at]
        pixels = np.bincount(joint)
        found = np.flatnonzero(pixels)
        number = np.zeros(len(pixels), np.int64)
        number[found] = np.arange(len(found))
        cell, pixels, rows = number[joint], pixels[found], rows[found // 256]
        rows[:, class_id] = found % 256
    rows = np.concatenate([rows, np.zeros((1, class_count), np.uint8)])
    return ImageCells(rows, np.append(pixels, total - len(at)).astype(np.int64))


def gather(images: Sequence[ImageCells]) -> Cells:
    """The cells of many images as one table."""
    image = np.repeat(np.arange(len(images)), [len(one.pixels) for one in images])
    codes = np.concatenate([one.codes for one in images])
    return Cells(len(images), image, codes, np.concatenate([one.pixels for one in images]))


def count_at(cells: Cells, levels: NDArray[np.uint8]) -> PixelCounts:
    """The counts at a level for each class, (classes,), or for each image and class."""
    wanted = np.broadcast_to(levels, (cells.images, cells.codes.shape[1]))
    starts = range(0, cells.images, _BLOCK)
    blocks = [_count_block(_cut(cells, start), wanted[start : start + _BLOCK]) for start in starts]
    return PixelCounts(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def sweep(cells: Cells, level_count: int, kept: NDArray[np.bool_] | None = None) -> Counts:
    """(classes, 3, levels) true positive, false positive and false negative pixels at levels 1, 2 … over the kept
    images, or all."""
    chosen = slice(None) if kept is None else kept[cells.image]
    codes, pixels = cells.codes[chosen], cells.pixels[chosen]
    counts = np.empty((codes.shape[1], 3, level_count), np.int64)
    for class_id in range(codes.shape[1]):
        at = np.bincount(codes[:, class_id], pixels, minlength=256).astype(np.int64).reshape(2, TRUTH)
        reached = at[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1 : level_count + 1]
        counts[class_id] = reached[1], reached[0], at[1].sum() - reached[1]
    return counts


def pixel_figures(counts: PixelCounts, names: Sequence[str], weights: Floats | None = None) -> Figures:
    """Everything in `pixels` of metrics.json but the boundaries, under each row of weights."""
    images, parts, _ = counts.counts.shape
    weights = weigh(weights, images)
    pooled = (weights @ counts.counts.reshape(images, -1)).reshape(-1, parts, 3)
    figures = _pooled(pooled, names)
    total = weights @ counts.total
    figures[SECTION, "accuracy"] = ratio(weights @ counts.right, total)
    figures[SECTION, "accuracy_of_blank"] = ratio(pooled[:, -1, 0] + pooled[:, -1, 2], total)
    iou, dice = per_image(counts)
    figures[SECTION, "per_image", "miou"] = mean_over_images(iou, weights)
    figures[SECTION, "per_image", "dice"] = mean_over_images(dice, weights)
    return figures


def per_image(counts: PixelCounts) -> tuple[Floats, Floats]:
    """mIoU and Dice of each image; NaN where there is nothing to measure."""
    true, false, missed = np.moveaxis(counts.counts, 2, 0).astype(np.float64)
    iou = mean_defined(ratio(true, true + false + missed))
    return iou, mean_defined(ratio(2 * true, 2 * true + false + missed)[:, :-1])


def _pooled(sums: Floats, names: Sequence[str]) -> Figures:
    true, false, missed = np.moveaxis(sums, 2, 0)
    in_truth = true + missed > 0
    iou = np.where(in_truth, ratio(true, true + false + missed), np.nan)
    dice = np.where(in_truth, ratio(2 * true, 2 * true + false + missed), np.nan)[:, :-1]
    precision = np.where(in_truth, ratio(true, true + false), np.nan)
    recall = ratio(true, true + missed)
    every = sums[:, :-1].sum(axis=1)
    found = np.where(
        every[:, 0] + every[:, 2] > 0, ratio(2 * every[:, 0], 2 * every[:, 0] + every[:, 1:].sum(axis=1)), np.nan
    )
    figures: Figures = {
        (SECTION, "miou"): mean_defined(iou),
        (SECTION, "miou_foreground"): mean_defined(iou[:, :-1]),
        (SECTION, "dice"): mean_defined(dice),
        (SECTION, "f1"): found,
    }
    for index, name in enumerate(names):
        of_class = {"iou": iou, "dice": dice, "precision": precision, "recall": recall}
        figures |= {(SECTION, "per_class", name, key): values[:, index] for key, values in of_class.items()}
    return figures


def _cut(cells: Cells, start: int) -> Cells:
    low, high = np.searchsorted(cells.image, [start, start + _BLOCK])
    images = min(_BLOCK, cells.images - start)
    return Cells(images, cells.image[low:high] - start, cells.codes[low:high], cells.pixels[low:high])


def _count_block(cells: Cells, levels: NDArray[np.uint8]) -> tuple[Counts, Counts, Counts]:
    level, truth = cells.codes & (TRUTH - 1), cells.codes >= TRUTH
    predicted = level >= levels[cells.image]
    found, there = _with_background(predicted), _with_background(truth)
    counts = np.stack([_sum(cells, kind) for kind in (found & there, found & ~there, ~found & there)], axis=2)
    top = np.where(predicted, level, 0).argmax(axis=1)
    right = np.where(found[:, -1], there[:, -1], truth[np.arange(len(top)), top])
    apart = _sum(cells, np.column_stack([right, np.ones_like(right)]))
    return counts, apart[:, 0], apart[:, 1]


def _code(layers: Layers, class_id: int) -> NDArray[np.uint8]:
    code = layers.levels.get(class_id)
    truth = layers.truth.get(class_id)
    if truth is not None:
        code = truth * np.uint8(TRUTH) if code is None else code | truth * np.uint8(TRUTH)
    assert code is not None
    return code.ravel() if layers.valid is None else code[layers.valid]


def _with_background(classes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.column_stack([classes, ~classes.any(axis=1)])


def _sum(cells: Cells, chosen: NDArray[np.bool_]) -> Counts:
    """(images, columns) pixels of the chosen cells."""
    sums = [np.bincount(cells.image, cells.pixels * column, minlength=cells.images) for column in chosen.T]
    return np.stack(sums, axis=1).astype(np.int64)
