"""Classes painted over a photo, at the size that it is shown in."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.palette import colour_of
from seepseg.values import Bitmap

Colours = NDArray[np.uint8]
"""Red, green, blue: (height, width, 3)."""
VEIL = 0.55


def fit_photo(pixels: NDArray[np.uint8], width: int, height: int) -> Colours:
    """Grey, or blue, green and red as OpenCV has them, as a photo of this size."""
    photo = pixels if pixels.ndim == 3 else pixels[..., None].repeat(3, axis=2)
    smaller = width < photo.shape[1]
    scaled = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_NEAREST)
    return scaled.astype(np.uint8, copy=False)[..., ::-1]


def class_map(objects: Iterable[tuple[int, Bitmap]], size: tuple[int, int]) -> NDArray[np.int32]:
    """Of (height, width): 0 none, else class id + 1, later objects on top."""
    classes = np.zeros(size, np.int32)
    for class_id, bitmap in objects:
        classes[bitmap > 0] = class_id + 1
    return classes


def shrink(classes: NDArray[np.int32], width: int, height: int) -> NDArray[np.int32]:
    """To the size of a cell; where several pixels meet in one, a single one of them still shows."""
    for axis, length in ((0, height), (1, width)):
        starts = np.arange(length) * classes.shape[axis] // length
        enlarging = length >= classes.shape[axis]
        classes = classes.take(starts, axis) if enlarging else np.maximum.reduceat(classes, starts, axis)
    return classes


def overlay(photo: Colours, classes: NDArray[np.int32]) -> Colours:
    """The photo with each class veiled in its colour and edged in it."""
    colours = np.array([(0, 0, 0), *(colour_of(index) for index in range(int(classes.max())))], np.float64)
    inside = classes > 0
    edge = inside & borders(classes)
    blended = photo.astype(np.float64)
    blended[inside] = (1 - VEIL) * blended[inside] + VEIL * colours[classes[inside]]
    blended[edge] = colours[classes[edge]]
    return blended.round().astype(np.uint8)


def borders(classes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether one of the four neighbours is of another class."""
    differ = np.zeros(classes.shape, np.bool_)
    across, down = classes[:, 1:] != classes[:, :-1], classes[1:] != classes[:-1]
    differ[:, 1:] |= across
    differ[:, :-1] |= across
    differ[1:] |= down
    differ[:-1] |= down
    return differ
