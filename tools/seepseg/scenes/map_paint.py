"""Objects of a scene painted at the size that it is shown in; a thin one still shows however small that is."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.painting import Colours, borders
from seepseg.palette import colour_of
from seepseg.scenes.objects import SceneObject
from seepseg.values import Bitmap

VEIL = 0.3
"""Light enough to judge the water below."""
_LINE = 900
"""Pixels of the picture for each that outlines are thick."""


def paint_objects(objects: Sequence[SceneObject], grid: tuple[int, int], size: tuple[int, int]) -> NDArray[np.int32]:
    """0 none, else class id + 1, the surest on top; `grid` is the scene's width and height, `size` the picture's."""
    classes = np.zeros((size[1], size[0]), np.int32)
    for one in sorted(objects, key=lambda one: one.maximum):
        shown, x, y = show(one, grid, size)
        there = classes[y : y + shown.shape[0], x : x + shown.shape[1]]
        there[shown > 0] = one.class_id + 1
    return classes


def show(one: SceneObject, grid: tuple[int, int], size: tuple[int, int]) -> tuple[Bitmap, int, int]:
    """An object's mask in pixels of the picture, and where its first one lies."""
    shown, origin = one.mask, [0, 0]
    for axis, start, whole, length in ((1, one.x, grid[0], size[0]), (0, one.y, grid[1], size[1])):
        if length <= whole:
            place = (start + np.arange(shown.shape[axis])) * length // whole
            shown = np.maximum.reduceat(shown, np.flatnonzero(np.diff(place, prepend=-1)), axis)
            origin[axis] = int(place[0])
        else:
            end = start + shown.shape[axis]
            place = np.arange(-(-start * length // whole), -(-end * length // whole))
            shown = shown.take(place * whole // length - start, axis)
            origin[axis] = int(place[0])
    return shown, origin[1], origin[0]


def veil(photo: Colours, classes: NDArray[np.int32]) -> Colours:
    """Each class lightly in its colour, outlined in it from within and in black from without."""
    colours = np.array([(0, 0, 0), *(colour_of(index) for index in range(int(classes.max(initial=0))))], np.uint8)
    inside = classes > 0
    painted = photo.copy()
    mixed = (1 - VEIL) * photo[inside] + VEIL * colours[classes[inside]]
    painted[inside] = mixed.round().astype(np.uint8)
    beside = borders(classes)
    rim = ~inside & beside
    thick = max(1, round(max(classes.shape) / _LINE))
    if thick > 1:
        beside = cv2.dilate(beside.astype(np.uint8), np.ones((2 * thick - 1, 2 * thick - 1), np.uint8)) > 0
    edge = inside & beside
    painted[edge] = colours[classes[edge]]
    painted[rim] = painted[rim] // 3
    return painted
