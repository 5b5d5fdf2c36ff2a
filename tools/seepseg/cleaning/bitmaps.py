"""What cleaning does to one mask; nothing here makes a mask reach beyond its bounding box.

Objects are 8-connected, so that holes are 4-connected.
"""

from collections.abc import Callable

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from seepseg.predict.masks import Crop
from seepseg.values import Bitmap

Size = tuple[int, int]
"""Width and height of the image."""
_TRUNCATE = 4
"""A Gaussian ends at so many times its sigma."""


def smooth_median(crop: Crop, side: int, size: Size | None) -> Crop:
    """A pixel becomes what most pixels are in the square of this side around it."""
    return _in_place(crop, side // 2, size, lambda mask: np.asarray(cv2.medianBlur(mask, side), np.uint8))


def smooth_gaussian(crop: Crop, sigma: float, size: Size | None) -> Crop:
    """Blurred and cut at one half."""
    reach = int(_TRUNCATE * sigma + 0.5)

    def blur(mask: Bitmap) -> Bitmap:
        ends = 2 * reach + 1
        return (cv2.GaussianBlur(mask.astype(np.float32), (ends, ends), sigma) > 0.5).astype(np.uint8)

    return _in_place(crop, reach, size, blur)


def open_mask(crop: Crop, radius: int, size: Size | None) -> Crop:
    """What is too narrow for a disc of this radius goes."""
    return _morph(crop, cv2.MORPH_OPEN, radius, size)


def close_mask(crop: Crop, radius: int, size: Size | None) -> Crop:
    """Gaps too narrow for a disc of this radius are filled."""
    return _morph(crop, cv2.MORPH_CLOSE, radius, size)


def fill_holes(crop: Crop, most: float) -> Crop:
    """Fill holes of up to so many pixels. What is open to the border of the image is no hole."""
    mask, x, y = crop
    labels, areas = _label(cv2.copyMakeBorder(1 - mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1), 4)
    holes = areas <= most
    holes[[0, labels[0, 0]]] = False
    return mask | holes[labels[1:-1, 1:-1]].astype(np.uint8), x, y


def remove_small(crop: Crop, least: float) -> Crop:
    """Parts of fewer pixels go."""
    mask, x, y = crop
    labels, areas = _label(mask, 8)
    large = areas >= least
    large[0] = False
    return large[labels].astype(np.uint8), x, y


def keep_largest(crop: Crop) -> Crop:
    """Only the part of the most pixels stays; of equals the first from the top."""
    mask, x, y = crop
    labels, areas = _label(mask, 8)
    return (labels == areas[1:].argmax() + 1).astype(np.uint8), x, y


def _morph(crop: Crop, kind: int, radius: int, size: Size | None) -> Crop:
    across = np.arange(-radius, radius + 1)
    disc = (across[:, None] ** 2 + across**2 <= radius**2).astype(np.uint8)
    return _in_place(crop, radius, size, lambda mask: np.asarray(cv2.morphologyEx(mask, kind, disc), np.uint8))


def _in_place(crop: Crop, reach: int, size: Size | None, change: Callable[[Bitmap], Bitmap]) -> Crop:
    """Change a mask as if it lay in its image, of which it needs `reach` pixels around.

    Beyond the image it goes on as at its edge, so that an object that the edge cuts is not rounded there. Without a
    size there is no edge.
    """
    mask, x, y = crop
    height, width = mask.shape
    edge = (x == 0, y == 0, x + width == size[0], y + height == size[1]) if size else (False,) * 4
    left, top, right, bottom = (0 if there else 1 for there in edge)
    framed = cv2.copyMakeBorder(mask, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    framed = cv2.copyMakeBorder(framed, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    return (
        change(np.asarray(framed, np.uint8))[reach : len(framed) - reach, reach : framed.shape[1] - reach],
        x - left,
        y - top,
    )


def _label(mask: MatLike, connectivity: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Which part each pixel belongs to, 0 being none, and the pixels of each part."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    return np.asarray(labels, np.int32), np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32)
