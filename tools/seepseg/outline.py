"""Rings → YOLO row → bitmap again, bit for bit.

A ring traced along the edges between pixels is drawn in by about half a pixel of the image size it is written for, so
that `cv2.fillPoly`, which paints every pixel a vertex or edge touches, paints the object and nothing beside it.
"""

from collections.abc import Sequence

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


def place(outlines: Sequence[Outline], width: int, height: int, imgsz: int) -> list[NDArray[np.float64]]:
    """The vertices of each outline as a share of the image, fit for loading at `imgsz`."""
    if not outlines:
        return []
    size = np.array([width, height], np.float64)
    drawn = [outline.points for outline in outlines if outline.inward is None]
    traced = [outline.points for outline in outlines if outline.inward is not None]
    inward = [outline.inward for outline in outlines if outline.inward is not None]
    polygons = iter([np.clip(points / size, 0.0, 1.0) for points in drawn])
    rings = iter(_inset(traced, inward, size, imgsz) if traced else ())
    return [next(polygons if outline.inward is None else rings) for outline in outlines]


def _inset(
    points: Sequence[NDArray[np.float64]],
    inward: Sequence[NDArray[np.int8]],
    size: NDArray[np.float64],
    imgsz: int,
) -> list[NDArray[np.float64]]:
    scale = np.maximum(1.0, loaded_size(int(size[0]), int(size[1]), imgsz) / size)
    vertices = np.concatenate(points) * scale
    ways = np.concatenate(inward)
    pixel = np.floor(vertices + 0.5 * ways[:, :2] - NUDGE)
    placed = np.clip(vertices + INSET * ways[:, :2], pixel + MARGIN, pixel + 1 - MARGIN)
    touching = ways[:, 2] != 0
    if touching.any():
        native = (np.concatenate(points) + np.minimum(ways[:, :2], 0))[touching]
        placed[touching] = _cross(pixel[touching], native * scale, ways[touching, :2], scale)
    return np.split(placed / scale / size, np.cumsum([len(ring) for ring in points[:-1]]))


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


_DECIMALS = 8
_WIDTH = _DECIMALS + 3
"""Characters a number takes: a digit, the point, the decimals, and the space before."""


def format_rows(rows: Sequence[tuple[int, NDArray[np.float64]]]) -> str:
    """The lines of a YOLO-seg label file: class id, then x and y of each vertex."""
    if not rows:
        return ""
    values = np.rint(np.concatenate([placed.ravel() for _, placed in rows]) * 10**_DECIMALS).astype(np.uint64)
    text = np.full((len(values), _WIDTH), ord(" "), np.uint8)
    for column in range(_WIDTH - 1, 2, -1):
        values, digit = np.divmod(values, np.uint64(10))
        text[:, column] = digit
    text[:, 1] = values
    text[:, 1:] += ord("0")
    text[:, 2] = ord(".")
    numbers = text.tobytes().decode("ascii")
    lines, start = [], 0
    for class_id, placed in rows:
        end = start + placed.size * _WIDTH
        lines.append(f"{class_id}{numbers[start:end]}\n")
        start = end
    return "".join(lines)


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
