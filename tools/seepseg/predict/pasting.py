"""Masks that are each laid over a box of its own, as Mask R-CNN has them."""

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from seepseg.predict.letterbox import Frame
from seepseg.predict.masks import Crop, no_mask
from seepseg.predict.sampling import Floats, multiply


def paste_mask(mask: Floats, *, shape: tuple[int, int], frame: Frame, box: NDArray[np.float32]) -> Crop:
    """The pixels whose centres lie in the box where the probabilities, stretched over it, are above one half.

    torchvision teaches them by roi_align without half a pixel's shift: a cell speaks of what lies half a pixel of the
    network's input further right and down than its place in the box.
    """
    left, top, right, bottom = box.tolist()
    gain = frame.resized_width / frame.width, frame.resized_height / frame.height
    x, columns = _axis(left, right, frame.width, shape[1], 0.5 / gain[0])
    y, rows = _axis(top, bottom, frame.height, shape[0], 0.5 / gain[1])
    if not (len(rows) and len(columns)):
        return no_mask(left, top)
    inside: NDArray[np.bool_] = multiply(multiply(rows, mask.reshape(shape)), columns.T) > 0.5
    return (inside.view(np.uint8), x, y) if inside.any() else no_mask(left, top)


def _axis(start: float, stop: float, length: int, cells: int, shift: float) -> tuple[int, Floats]:
    """The first pixel in the box, and the weight of each cell in each pixel: (pixels, cells)."""
    first, end = max(ceil(start - 0.5), 0), min(floor(stop - 0.5) + 1, length)
    at = (np.arange(first, end) + 0.5 - shift - start) / max(stop - start, 1e-6) * cells - 0.5
    at = np.clip(at, 0, cells - 1)
    low = np.minimum(at.astype(np.int64), cells - 2)
    share = (at - low).astype(np.float32)
    weights = np.zeros((len(at), cells), np.float32)
    places = np.arange(len(at))
    weights[places, low] = 1 - share
    weights[places, low + 1] += share
    return first, weights
