"""OpenCV's bilinear resizing of 8-bit images, bit for bit, in numpy alone: where OpenCV is not, pixels are the same."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(height, width) or (height, width, channels)."""
Resize = Callable[[Pixels, int, int], Pixels]
"""From an image, a width and a height to that image at that size."""

_ONE = 2048
"""Weights are whole numbers of this many parts."""


def resize_bilinear(image: Pixels, width: int, height: int) -> Pixels:
    """What cv2.resize gives with INTER_LINEAR."""
    rows, columns = image.shape[:2]
    if (columns, rows) == (2 * width, 2 * height):
        return _halve(image)
    left, right, across = _taps(columns, width)
    above, below, down = _taps(rows, height)
    # OpenCV sets the weights at the left and right border to one pixel alone, but at top and bottom takes the border
    # row twice; each of the two is rounded on its own.
    alone = (left < 0) | (right >= columns)
    across[:, alone] = np.array([[_ONE], [0]])
    left, right = left.clip(0, columns - 1), right.clip(0, columns - 1)
    used, places = np.unique(np.stack([above, below]).clip(0, rows - 1), return_inverse=True)
    lines = image[used]
    channels = (1,) * (image.ndim - 2)
    first, second = across.reshape(2, -1, *channels)
    mixed = (np.take(lines, left, axis=1) * first + np.take(lines, right, axis=1) * second) >> 4
    upper, lower = down.reshape(2, -1, 1, *channels)
    out = (mixed[places[0]] * upper) >> 16
    out += (mixed[places[1]] * lower) >> 16
    out += 2
    out >>= 2
    resized: Pixels = out.astype(np.uint8)
    return resized


def _halve(image: Pixels) -> Pixels:
    """To exactly half of each side OpenCV takes the mean of four pixels."""
    total = image[::2, ::2].astype(np.int32)
    for corner in (image[1::2, ::2], image[::2, 1::2], image[1::2, 1::2]):
        total += corner
    mean: Pixels = ((total + 2) >> 2).astype(np.uint8)
    return mean


def _taps(source: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """The two pixels that each new one lies between, maybe outside of the image, and their weights (2, target)."""
    step = 1.0 / (target / source)
    at = ((np.arange(target) + 0.5) * step - 0.5).astype(np.float32)
    low = np.floor(at)
    share = at - low
    weights = np.rint(np.stack([1 - share, share]) * np.float32(_ONE)).astype(np.int32)
    first = low.astype(np.int64)
    return first, first + 1, weights
