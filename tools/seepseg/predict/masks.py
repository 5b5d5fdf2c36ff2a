"""Masks from prototypes: each is computed where its object is, and nowhere else."""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from seepseg.predict.sampling import Axis, Floats, sample
from seepseg.values import Bitmap

Crop = tuple[Bitmap, int, int]
"""What was found, with the x and y of the crop's corner; 0 × 0 where nothing was."""
Span = tuple[int, int]


def cut_mask(
    coefficients: Floats, prototypes: Floats, rows: Axis, columns: Axis, box: NDArray[np.float32], margin: float
) -> Crop:
    """The pixels in the box where the weighted sum of the prototypes (32, h, w), brought to the image, is above 0.

    `margin` widens the box on each side by that share of its width and height.
    """
    left, top, right, bottom = box.tolist()
    wide, high = margin * (right - left), margin * (bottom - top)
    across = _pixels(left - wide, right + wide, len(columns.weights))
    down = _pixels(top - high, bottom + high, len(rows.weights))
    if not (across[0] < across[1] and down[0] < down[1]):
        return no_mask(left, top)
    cells_down, cells_across = rows.cells(*down), columns.cells(*across)
    part = prototypes[:, slice(*cells_down), slice(*cells_across)]
    cells = np.einsum("p,pyx->yx", coefficients, part)
    positive: NDArray[np.bool_] = cells > 0
    if not positive.any():
        return no_mask(left, top)
    # A pixel is above 0 only where one of its cells is.
    down = _narrow(down, rows, cells_down[0], np.flatnonzero(positive.any(axis=1)))
    across = _narrow(across, columns, cells_across[0], np.flatnonzero(positive.any(axis=0)))
    first_down, first_across = rows.first[down[0]] - cells_down[0], columns.first[across[0]] - cells_across[0]
    values = np.empty((down[1] - down[0], across[1] - across[0]), np.float32)
    sample(cells[first_down:, first_across:], rows, columns, down[0], across[0], values)
    found: Bitmap = (values > 0).view(np.uint8)
    return (found, across[0], down[0]) if found.any() else no_mask(left, top)


def _pixels(start: float, stop: float, length: int) -> Span:
    """The pixels whose first edge lies in [start, stop), as Ultralytics crops."""
    return ceil(min(max(start, 0), length)), ceil(min(max(stop, 0), length))


def _narrow(pixels: Span, axis: Axis, cell: int, hits: NDArray[np.int64]) -> Span:
    start, stop = axis.pixels(cell + int(hits[0]), cell + int(hits[-1]) + 1)
    return max(pixels[0], start), min(pixels[1], stop)


def no_mask(x: float, y: float) -> Crop:
    """The crop of a detection without a pixel."""
    return np.zeros((0, 0), np.uint8), int(x), int(y)
