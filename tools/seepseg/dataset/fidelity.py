"""Mask → label → loader → mask: how much of the truth training will see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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


def measure_fidelity(
    rows: Rows,
    truth: Objects,
    width: int,
    height: int,
    imgsz: int,
    *,
    owners: Sequence[Sequence[int]] | None = None,
) -> Fidelity:
    """What comes back of the objects `truth` (class id, bitmap or run lengths) from the label rows of their image.

    `owners` lists the rows of each object; without it row k is object k, where there are as many of both.
    """
    return compare(load_rows(rows, width, height, imgsz), truth, width, height, owners=owners)


def compare(
    loaded: Loaded, truth: Objects, width: int, height: int, *, owners: Sequence[Sequence[int]] | None = None
) -> Fidelity:
    """What a loader gave, against the truth at the image's own width and height; one object in memory at a time."""
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
    painted: dict[int, Bitmap] = {}
    for class_id, polygon in rows:
        mask = painted.setdefault(class_id, np.zeros((high, wide), np.uint8))
        cv2.fillPoly(mask, [place(polygon)], color=1)
    wanted = {class_id: sample(rle.decode(union, width, height), wide, high) for class_id, union in truth.items()}
    blank = np.zeros((high, wide), np.uint8)
    ids = sorted(painted.keys() | wanted.keys())
    return {one: iou(painted.get(one, blank), wanted.get(one, blank)) for one in ids}


def _placing(rows: Rows, wide: int, high: int, imgsz: int) -> Callable[[NDArray[np.float64]], NDArray[np.int32]]:
    """What the loader makes of a row of this image: the pixels of its vertices."""
    border = border_of(wide, high, imgsz)
    longest = max((len(polygon) for _, polygon in rows), default=0)
    count = longest + 1 if longest > LOADER_POINTS else LOADER_POINTS

    def place(polygon: NDArray[np.float64]) -> NDArray[np.int32]:
        points = _resample(polygon.astype(np.float32), count)
        points *= np.array([wide, high], np.float32)
        points += np.array(border, np.float32)
        return points.astype(np.int32) - np.array(border, np.int32)

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
    sampled: Bitmap = bitmap[down][:, across]
    return sampled


def iou(a: Bitmap, b: Bitmap) -> float:
    """Intersection over union; two empty bitmaps agree."""
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def _resample(polygon: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    if len(polygon) == count:
        return polygon.copy()
    closed = np.concatenate([polygon, polygon[:1]])
    known = np.arange(len(closed))
    at = np.linspace(0, len(closed) - 1, count - len(closed) if len(closed) < count else count)
    if len(closed) < count:
        at = np.insert(at, np.searchsorted(at, known), known)
    return np.stack([np.interp(at, known, closed[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)
