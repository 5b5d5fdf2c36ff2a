"""Rings → YOLO row → bitmap again, bit for bit.

A ring traced along the edges between pixels is drawn in by about half a pixel of the image size it is written for, so
that `cv2.fillPoly`, which paints every pixel a vertex or edge touches, paints the object and nothing beside it.
"""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.values import Bitmap, Outline

NUDGE = 1e-3
"""In pixels of the written size: where a pixel's middle lies right on an edge, which side it goes to."""
INSET = 0.45
"""In pixels of the written size. About half a pixel is what keeps a mask's area under the scaling and turning of
training (docs/BENCHMARKS.md); a little less keeps the box of a dot from having no area."""
MARGIN = 0.01
"""In pixels of the written size: keeps vertices off the edges that truncation would break either way."""

UNITS = 1e8
"""Of the last decimal of a label file, in the width or height of an image."""


def place(outlines: Sequence[Outline], width: int, height: int, imgsz: int) -> list[NDArray[np.float64]]:
    """The vertices of each outline as a share of the image, fit for loading at `imgsz`."""
    size = np.array([width, height], np.float64)
    drawn = [outline.points for outline in outlines if outline.inward is None]
    traced = [outline.points for outline in outlines if outline.inward is not None]
    inward = [outline.inward for outline in outlines if outline.inward is not None]
    polygons = iter(_divide(np.clip(np.concatenate(drawn) / size, 0.0, 1.0), drawn) if drawn else ())
    rings = iter(_divide(_inset(traced, inward, size, imgsz), traced) if traced else ())
    return [next(polygons if outline.inward is None else rings) for outline in outlines]


def _divide(points: NDArray[np.float64], like: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    bounds = np.cumsum([0, *map(len, like)]).tolist()
    return [points[start:stop] for start, stop in pairwise(bounds)]


def _inset(
    points: Sequence[NDArray[np.float64]],
    inward: Sequence[NDArray[np.int8]],
    size: NDArray[np.float64],
    imgsz: int,
) -> NDArray[np.float64]:
    scale = np.maximum(1.0, loaded_size(int(size[0]), int(size[1]), imgsz) / size)
    vertices = np.concatenate(points) * scale
    ways = np.concatenate(inward)
    pixel = np.floor(vertices + 0.5 * ways[:, :2] - NUDGE)
    placed = np.clip(vertices + INSET * ways[:, :2], pixel + MARGIN, pixel + 1 - MARGIN)
    touching = ways[:, 2] != 0
    if touching.any():
        native = (np.concatenate(points) + np.minimum(ways[:, :2], 0))[touching]
        placed[touching] = _cross(pixel[touching], native * scale, ways[touching, :2], scale)
    inset: NDArray[np.float64] = placed / scale / size
    return inset


def _cross(
    pixel: NDArray[np.float64],
    native: NDArray[np.float64],
    ways: NDArray[np.int8],
    scale: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Vertices on either side of a corner where two pixels touch, in the middle of their written pixel: points that
    the loader adds between them then change row and column at once, and paint neither neighbour."""
    slant = np.where(ways[:, :1] * ways[:, 1:] < 0, [-NUDGE, NUDGE], [-NUDGE, -NUDGE])
    return np.clip(pixel + 0.5 + slant, native + MARGIN, native + scale - MARGIN)


def loaded_size(width: int, height: int, imgsz: int) -> tuple[int, int]:
    """Width and height after Ultralytics' loader has fitted the image into `imgsz`."""
    ratio = imgsz / max(width, height)
    if ratio == 1:
        return width, height
    return min(int(np.ceil(width * ratio)), imgsz), min(int(np.ceil(height * ratio)), imgsz)


_NUMBER = np.dtype([("space", "u1"), ("whole", "u1"), ("point", "u1"), ("high", "u4"), ("low", "u4")])
"""The characters of a number: a space, a digit, the point, and eight decimals, four and four."""
_TENS = np.indices((10, 10, 10, 10), np.uint8).reshape(4, -1).T
_FOUR_DIGITS = np.ascontiguousarray(_TENS + np.uint8(ord("0"))).view(np.uint32).ravel()
"""The characters of 0000 to 9999."""


def format_rows(rows: Sequence[tuple[int, NDArray[np.float64]]]) -> str:
    """The lines of a YOLO-seg label file: class id, then x and y of each vertex."""
    if not rows:
        return ""
    values = np.rint(np.concatenate([placed.ravel() for _, placed in rows]) * UNITS).astype(np.uint32)
    upper, low = np.divmod(values, np.uint32(10_000))
    whole, high = np.divmod(upper, np.uint32(10_000))
    text = np.empty(len(values), _NUMBER)
    text["space"], text["whole"], text["point"] = ord(" "), whole + ord("0"), ord(".")
    text["high"], text["low"] = _FOUR_DIGITS[high], _FOUR_DIGITS[low]
    numbers = text.tobytes().decode("ascii")
    lines, start = [], 0
    for class_id, placed in rows:
        end = start + placed.size * _NUMBER.itemsize
        lines.append(f"{class_id}{numbers[start:end]}\n")
        start = end
    return "".join(lines)


def boxes_as_read(polygons: Sequence[NDArray[np.float64]]) -> list[bytes]:
    """The box of each row as Ultralytics reads it from the file: of two of one class that are equal it drops one."""
    if not polygons:
        return []
    points = np.concatenate(polygons)
    starts = np.cumsum([0] + [len(polygon) for polygon in polygons[:-1]])
    ends = np.stack([np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)])
    low, high = (np.rint(ends * UNITS) / UNITS).astype(np.float32)
    return [box.tobytes() for box in np.concatenate([(low + high) / 2, high - low], axis=1)]


def shrink(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """By as little as surely gives it another box: a few of the least steps of 32 bits, or of the file's decimals."""
    return np.maximum(polygon - np.maximum(polygon * 4e-7, 1 / UNITS), 0.0)


def rasterize(polygons: Sequence[NDArray[np.float64]], width: int, height: int) -> Bitmap:
    """Placed polygons as Ultralytics paints them, in union."""
    bitmap = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(bitmap, [(polygon * (width, height)).astype(np.int32)], color=1)
    return bitmap


def join_parts(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Several rings as one, each tied to what is joined so far at the closest pair of vertices."""
    joined, left = parts[0], list(parts[1:])
    while left:
        links = [_closest(joined, part) for part in left]
        pick = min(range(len(left)), key=lambda index: links[index][0])
        _, here, there = links[pick]
        part = left.pop(pick)
        joined = np.concatenate([joined[: here + 1], part[there:], part[: there + 1], joined[here:]])
    return joined


def _closest(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, int, int]:
    squares = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    here, there = np.unravel_index(np.argmin(squares), squares.shape)
    return float(squares[here, there]), int(here), int(there)
