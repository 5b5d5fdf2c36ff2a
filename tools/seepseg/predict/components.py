"""Connected parts of a class map, in numpy alone: from runs of equal pixels, joined where those of two rows touch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seepseg.predict.masks import Crop
from seepseg.values import Bitmap

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Component:
    """Pixels of one class that touch, corners included."""

    class_id: int
    crop: Crop
    mean: float
    """Of the values at its pixels."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """Pixels of one class side by side; starts and ends count along rows that are one pixel longer than the map's."""

    start: Numbers
    end: Numbers
    class_id: Numbers


def find_components(classes: NDArray[np.integer], values: NDArray[np.float32]) -> list[Component]:
    """The parts of a map that has 0 where nothing is and class id + 1 elsewhere, from the first pixel on."""
    height, width = classes.shape
    runs = _runs(classes)
    if not len(runs.start):
        return []
    owner = _join(len(runs.start), *_touching(runs, width + 1))
    lengths = runs.end - runs.start
    sums = np.add.reduceat(values[classes > 0].astype(np.float64), np.cumsum(lengths) - lengths)
    means = np.bincount(owner, sums) / np.bincount(owner, lengths)
    labels = np.zeros((height, width), np.int32)
    labels[classes > 0] = np.repeat(owner + 1, lengths)
    first = np.unique(owner, return_index=True)[1]
    class_ids = runs.class_id[first].tolist()
    return [
        Component(class_id, _crop(labels, number, window), mean)
        for number, (class_id, window, mean) in enumerate(
            zip(class_ids, _windows(runs, owner, width + 1), means.tolist(), strict=True), 1
        )
    ]


def _runs(classes: NDArray[np.integer]) -> _Runs:
    height, width = classes.shape
    padded = np.zeros((height, width + 2), classes.dtype)
    padded[:, 1:-1] = classes
    edges = np.flatnonzero(padded[:, 1:] != padded[:, :-1])
    behind = padded[:, 1:].ravel()[edges].astype(np.int64)
    starts = np.flatnonzero(behind)
    return _Runs(edges[starts], edges[starts + 1], behind[starts] - 1)


def _touching(runs: _Runs, stride: int) -> tuple[Numbers, Numbers]:
    """Pairs of runs of one class in neighbouring rows that share an edge or a corner."""
    low = np.searchsorted(runs.end, runs.start + stride, "left")
    high = np.searchsorted(runs.start, runs.end + stride, "right")
    counts = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(len(low)), counts)
    lower = np.arange(len(upper)) + np.repeat(low - (np.cumsum(counts) - counts), counts)
    same = runs.class_id[upper] == runs.class_id[lower]
    return upper[same], lower[same]


def _join(count: int, one: Numbers, other: Numbers) -> Numbers:
    """The number of the group, from 0, that each belongs to, given pairs that belong together."""
    root = np.arange(count)
    while True:
        first, second = root[one], root[other]
        apart = first != second
        if not apart.any():
            return np.unique(root, return_inverse=True)[1]
        one, other = one[apart], other[apart]
        first, second = first[apart], second[apart]
        np.minimum.at(root, np.maximum(first, second), np.minimum(first, second))
        while not np.array_equal(nearer := root[root], root):
            root = nearer


def _windows(runs: _Runs, owner: Numbers, stride: int) -> list[list[int]]:
    """Left, top, right and bottom of each group."""
    count = int(owner.max()) + 1
    row, left = np.divmod(runs.start, stride)
    right = runs.end - row * stride
    windows = np.empty((4, count), np.int64)
    windows[:2] = np.iinfo(np.int64).max
    windows[2:] = 0
    np.minimum.at(windows[0], owner, left)
    np.minimum.at(windows[1], owner, row)
    np.maximum.at(windows[2], owner, right)
    np.maximum.at(windows[3], owner, row + 1)
    return windows.T.tolist()


def _crop(labels: NDArray[np.int32], number: int, window: list[int]) -> Crop:
    left, top, right, bottom = window
    bitmap: Bitmap = (labels[top:bottom, left:right] == number).view(np.uint8)
    return bitmap, left, top
