"""Mask → label → loader → mask: how much of the truth training will see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import outline, rle
from seepseg.values import Bitmap

Rows = Sequence[tuple[int, NDArray[np.float64]]]
Objects = Sequence[tuple[int, Bitmap | bytes]]
LOADER_POINTS = 1000
"""To how many points the loader resamples a row, unless one of the image has more."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """IoU of what the loader paints with the truth, at the loaded size."""

    objects: tuple[float, ...]
    """Of each object; empty where nobody says which rows are whose."""
    classes: dict[int, float]
    """Of all objects of a class together."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows of one image as a loader gives them; `paint(k)` is row k at the loaded size, without grey border."""

    class_ids: tuple[int, ...]
    width: int
    height: int
    paint: Callable[[int], Bitmap]


def compare(
    loaded: Loaded, truth: Objects, width: int, height: int, *, owners: Sequence[Sequence[int]] | None = None
) -> Fidelity:
    """What a loader gave, against the truth (class id, bitmap or run lengths) at the image's own width and height; one
    object in memory at a time.

    `owners` lists the rows of each object; without it row k is object k, where there are as many of both.
    """
    count = len(loaded.class_ids)
    if owners is None and count == len(truth):
        owners = [(row,) for row in range(count)]
    if owners is not None and any(row >= count for rows in owners for row in rows):
        owners = None
    painted = _Unions(loaded.width, loaded.height)
    wanted = _Unions(loaded.width, loaded.height)
    objects = []
    for index, (class_id, bitmap) in enumerate(truth):
        native = rle.decode(bitmap, width, height) if isinstance(bitmap, bytes) else bitmap
        seen = sample(native, loaded.width, loaded.height)
        wanted.add(class_id, seen)
        if owners is not None:
            mine = np.zeros_like(seen)
            for row in owners[index]:
                mine |= loaded.paint(row)
            objects.append(iou(mine, seen))
    for row, class_id in enumerate(loaded.class_ids):
        painted.add(class_id, loaded.paint(row))
    ids = sorted(painted.bitmaps.keys() | wanted.bitmaps.keys())
    return Fidelity(tuple(objects), {one: iou(painted.of(one), wanted.of(one)) for one in ids})


class _Unions:
    """One bitmap a class."""

    def __init__(self, width: int, height: int) -> None:
        self.bitmaps: dict[int, Bitmap] = {}
        self._shape = height, width

    def add(self, class_id: int, bitmap: Bitmap) -> None:
        union = self.bitmaps.setdefault(class_id, np.zeros(self._shape, np.uint8))
        np.bitwise_or(union, bitmap, out=union)

    def of(self, class_id: int) -> Bitmap:
        return self.bitmaps.get(class_id, np.zeros(self._shape, np.uint8))


def load_rows(rows: Rows, width: int, height: int, imgsz: int) -> Loaded:
    """The rows of an image as Ultralytics' loader gives them at `imgsz`: bit for bit, in its own precision."""
    wide, high = outline.loaded_size(width, height, imgsz)
    place = _placing(rows, wide, high, imgsz)

    def paint(row: int) -> Bitmap:
        mask = np.zeros((high, wide), np.uint8)
        cv2.fillPoly(mask, [place(rows[row][1])], color=1)
        return mask

    return Loaded(tuple(class_id for class_id, _ in rows), wide, high, paint)


def measure_classes(rows: Rows, truth: Mapping[int, bytes], width: int, height: int, imgsz: int) -> dict[int, float]:
    """IoU of each class, its objects taken together as run lengths: one bitmap a class, however many rows."""
    wide, high = outline.loaded_size(width, height, imgsz)
    place = _placing(rows, wide, high, imgsz)
    polygons: dict[int, list[NDArray[np.float64]]] = {class_id: [] for class_id in truth}
    for class_id, polygon in rows:
        polygons.setdefault(class_id, []).append(polygon)
    measured, painted, blank = {}, np.empty((high, wide), np.uint8), np.zeros((high, wide), np.uint8)
    for class_id in sorted(polygons):
        painted[:] = 0
        for polygon in polygons[class_id]:
            cv2.fillPoly(painted, [place(polygon)], color=1)
        union = truth.get(class_id)
        wanted = blank if union is None else sample(rle.decode(union, width, height), wide, high)
        measured[class_id] = iou(painted, wanted)
    return measured


def _placing(rows: Rows, wide: int, high: int, imgsz: int) -> Callable[[NDArray[np.float64]], NDArray[np.int32]]:
    """What the loader makes of a row of this image: the pixels of its vertices."""
    longest = max((len(polygon) for _, polygon in rows), default=0)
    count = longest + 1 if longest > LOADER_POINTS else LOADER_POINTS
    size = np.tile(np.array([wide, high], np.float32), count)
    border = np.tile(np.array(border_of(wide, high, imgsz), np.int32), count)
    shift = border.astype(np.float32)

    def place(polygon: NDArray[np.float64]) -> NDArray[np.int32]:
        points = _resample(polygon.astype(np.float32), count)
        points *= size
        points += shift
        return (points.astype(np.int32) - border).reshape(-1, 2)

    return place


def border_of(width: int, height: int, imgsz: int) -> tuple[int, int]:
    """Columns on the left and rows on top that the letterbox adds to a loaded image; vertices are rounded with them."""
    return round((imgsz - width) / 2 - 0.1), round((imgsz - height) / 2 - 0.1)


def paint_row(polygon: NDArray[np.float64], width: int, height: int) -> tuple[Bitmap, int, int]:
    """A row at the image's own size, as `fillPoly` paints it: a crop, and its x and y."""
    points = (polygon * (width, height)).astype(np.int32)
    edge = np.array([width, height], np.int32) - 1
    low = np.clip(points.min(axis=0), 0, edge)
    columns, rows = (np.clip(points.max(axis=0), low, edge) - low + 1).tolist()
    x, y = low.tolist()
    crop = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(crop, [points - low], color=1)
    return crop, x, y


def sample(bitmap: Bitmap, width: int, height: int) -> Bitmap:
    """A bitmap at another size, by the pixel under the middle of each new one: OpenCV's nearest is half a pixel off."""
    rows, columns = bitmap.shape
    if (columns, rows) == (width, height):
        return bitmap
    down = ((2 * np.arange(height) + 1) * rows) // (2 * height)
    across = ((2 * np.arange(width) + 1) * columns) // (2 * width)
    # The smaller of the two ways round in memory: one axis of the bitmap as it is, the other of the sample.
    if height > rows:
        upright: Bitmap = bitmap.take(across, axis=1).take(down, axis=0)
        return upright
    sampled: Bitmap = bitmap.take(down, axis=0).take(across, axis=1)
    return sampled


def iou(a: Bitmap, b: Bitmap) -> float:
    """Intersection over union; two empty bitmaps agree."""
    both, one, other = (int(np.count_nonzero(mask.view(np.bool_))) for mask in (a & b, a, b))
    union = one + other - both
    return both / union if union else 1.0


def _resample(polygon: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """A closed ring at so many points, x and y in turn. As complex numbers both are interpolated at once."""
    if len(polygon) == count:
        return polygon.flatten()
    closed = np.concatenate([polygon, polygon[:1]], dtype=np.float64)
    known, at = _stations(len(closed), count)
    resampled = np.interp(at, known, closed.view(np.complex128).ravel())
    return resampled.view(np.float64).astype(np.float32)


@lru_cache(maxsize=256)
def _stations(length: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The numbers of a ring's vertices, and where between them it is resampled."""
    known = np.arange(length)
    at = np.linspace(0, length - 1, count - length if length < count else count)
    return known, np.insert(at, np.searchsorted(at, known), known) if length < count else at
