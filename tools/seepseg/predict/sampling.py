"""From the network's coarse maps to pixels of the image: where each pixel takes its value, one axis at a time."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import gcd

import numpy as np
from numpy.typing import NDArray

from seepseg.predict.letterbox import Frame

Floats = NDArray[np.float32]
BLOCK = 64
"""Pixels along a side that are sampled at once: wider, and most of the weights multiplied are zero."""
ALONE = 1 << 18
"""Products in a multiplication of matrices up to which OpenBLAS stays in the calling thread. Its helpers spin for some
30 ms after the work is done, and on few cores the network that comes next waits for them."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Along one axis of the image, the weight of each cell of the map in each pixel: (pixels, cells)."""

    weights: Floats
    first: tuple[int, ...]
    """The first cell that each pixel takes something of; never falls."""
    end: tuple[int, ...]
    """The cell behind the last one; never falls."""

    def cells(self, start: int, stop: int) -> tuple[int, int]:
        """The cells that these pixels need."""
        return self.first[start], self.end[stop - 1]

    def pixels(self, start: int, stop: int) -> tuple[int, int]:
        """The pixels that take something of these cells."""
        return bisect_right(self.end, start), bisect_left(self.first, stop)


@lru_cache(maxsize=4)
def axes_of(frame: Frame, map_height: int, map_width: int, *, whole: bool) -> tuple[Axis, Axis]:
    """Rows and columns of a map over the network's input, bilinear in two steps as Ultralytics goes: enlarge until
    the border ends between two cells, cut it off, and resize to the image. `whole` enlarges to the input's size."""
    stride = max(frame.imgsz[0] // map_height, 1)
    spare = (frame.imgsz[0] - frame.resized_height) | (frame.imgsz[1] - frame.resized_width)
    gain = stride if whole else stride // gcd(stride, spare | spare // 2)
    rows = _axis(map_height, gain, frame.top * gain // stride, frame.resized_height * gain // stride, frame.height)
    columns = _axis(map_width, gain, frame.left * gain // stride, frame.resized_width * gain // stride, frame.width)
    return rows, columns


def sample(cells: Floats, rows: Axis, columns: Axis, top: int, left: int, out: Floats) -> None:
    """Fill `out`, the pixels from (left, top) on, with values of the map; `cells` are those that these pixels need."""
    height, width = out.shape
    row_start = rows.first[top]
    column_start = columns.first[left]
    for y, y_end in _blocks(height):
        low, high = rows.cells(top + y, top + y_end)
        strip = multiply(rows.weights[top + y : top + y_end, low:high], cells[low - row_start : high - row_start])
        for x, x_end in _blocks(width):
            low, high = columns.cells(left + x, left + x_end)
            across = columns.weights[left + x : left + x_end, low:high].T
            _multiply_into(strip[:, low - column_start : high - column_start], across, out[y:y_end, x:x_end])


def multiply(left: Floats, right: Floats) -> Floats:
    """The matrix product, in the calling thread."""
    product = np.empty((len(left), right.shape[1]), np.float32)
    _multiply_into(left, right, product)
    return product


def _multiply_into(left: Floats, right: Floats, out: Floats) -> None:
    rows = max(ALONE // max(right.size, 1), 1)
    if len(left) <= rows:
        np.matmul(left, right, out=out)
        return
    # Parts alike: a row that is left over would be a product with a vector, which OpenBLAS divides far sooner.
    parts = -(-len(left) // rows)
    edges = [len(left) * part // parts for part in range(parts + 1)]
    for start, end in pairwise(edges):
        np.matmul(left[start:end], right, out=out[start:end])


def _blocks(length: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, BLOCK):
        yield start, min(start + BLOCK, length)


def _axis(cells: int, gain: int, start: int, length: int, pixels: int) -> Axis:
    fine = _bilinear(cells, cells * gain)
    weights = fine[start : start + length]
    if length != pixels:
        weights = _mix(weights, pixels)
    used = weights != 0
    first, behind = used.argmax(axis=1), used[:, ::-1].argmax(axis=1)
    weights.flags.writeable = False
    return Axis(weights, tuple(first.tolist()), tuple((cells - behind).tolist()))


def _bilinear(source: int, target: int) -> Floats:
    return _mix(np.eye(source, dtype=np.float32), target)


def _mix(lines: Floats, target: int) -> Floats:
    """Resized to `target` lines, pixel centres mapped to pixel centres, the border lines repeated."""
    at = np.maximum((np.arange(target) + 0.5) * (len(lines) / target) - 0.5, 0)
    low = at.astype(np.int64)
    share = (at - low).astype(np.float32)[:, None]
    high = np.minimum(low + 1, len(lines) - 1)
    mixed: Floats = lines[low] * (1 - share) + lines[high] * share
    return mixed
