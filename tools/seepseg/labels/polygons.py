"""Polygons as a source drew them, fitted to their image: unchanged where they lie within it."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import instances
from seepseg.values import Instance, Outline

Polygon = NDArray[np.float64]
"""(n, 2) points in pixels."""

CLIPPED = "polygon clipped to the image"
TINY = "smaller than a pixel: kept as the pixels it touches"
OUTSIDE = "polygon outside the image"
NOT_NUMBERS = "polygon with coordinates that are no numbers, or beyond ±1e9"

MOST = 1e9
"""No image is as large; a coordinate beyond it is a mistake."""


def fit_polygons(
    parts: Sequence[Polygon],
    width: int,
    height: int,
    class_id: int,
    *,
    crowd: bool = False,
    source_id: int | str | None = None,
) -> tuple[Instance | None, str | None]:
    """One object, and a reason where it was changed or could not be kept.

    The truth is pycocotools' raster of the polygons as drawn. What lies outside is cut off along the image's edge.
    """
    points = parts[0] if len(parts) == 1 else np.concatenate(parts)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        drawn = instances.from_polygons(parts, width, height, class_id, crowd=crowd, source_id=source_id)
        return (drawn, None) if drawn else (_touched(parts, width, height, class_id, crowd, source_id), TINY)
    if not (min(left, top) > -MOST and max(right, bottom) < MOST):
        return None, NOT_NUMBERS
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        return None, OUTSIDE
    kept = _clip(parts, width, height)
    if kept is not None and not kept:
        return None, OUTSIDE
    # A polygon that runs far beyond the image would cost the rasteriser memory by its length.
    near = _cut_all(parts, (-width, 2 * width), (-height, 2 * height))
    instance = (
        instances.from_polygons(near, width, height, class_id, crowd=crowd, source_id=source_id) if near else None
    )
    if instance is None:
        rest = kept or _cut_all(parts, (0, width), (0, height))
        if not rest:
            return None, OUTSIDE
        return _touched(rest, width, height, class_id, crowd, source_id), TINY
    if kept is None:
        traced = instances.from_rle(instance.rle, width, height, class_id, crowd=crowd, source_id=source_id)
        return traced, CLIPPED
    return replace(instance, outlines=tuple(Outline(part) for part in kept)), CLIPPED


def _touched(
    parts: Sequence[Polygon],
    width: int,
    height: int,
    class_id: int,
    crowd: bool,
    source_id: int | str | None,
) -> Instance | None:
    """The pixels under the vertices and along the edges, for what covers no pixel's centre."""
    size = np.array([width, height])
    pixels = [np.clip(np.floor(part), 0, size - 1).astype(np.int32) for part in parts]
    low = np.min([part.min(axis=0) for part in pixels], axis=0)
    high = np.max([part.max(axis=0) for part in pixels], axis=0)
    columns, rows = (high - low + 1).tolist()
    crop = np.zeros((rows, columns), np.uint8)
    for part in pixels:
        cv2.fillPoly(crop, [part - low], color=1)
    x, y = low.tolist()
    return instances.from_bitmap(crop, class_id, x=x, y=y, width=width, height=height, crowd=crowd, source_id=source_id)


def _clip(parts: Sequence[Polygon], width: int, height: int) -> list[Polygon] | None:
    """The parts within the image, or None where one crosses itself, so that its inside is a matter of the raster."""
    import shapely

    frame = shapely.box(0, 0, width, height)
    kept = []
    for part in parts:
        polygon = shapely.Polygon(part)
        if not polygon.is_valid:
            return None
        if frame.covers(polygon):
            kept.append(part)
            continue
        pieces = shapely.get_parts(shapely.intersection(polygon, frame)).tolist()
        kept += [np.asarray(piece.exterior.coords)[:-1] for piece in pieces if piece.area > 0]
    return kept


def _cut_all(parts: Sequence[Polygon], columns: tuple[float, float], rows: tuple[float, float]) -> list[Polygon]:
    cut = []
    for part in parts:
        for axis, (low, high) in enumerate((columns, rows)):
            part = _cut(_cut(part, axis, low, 1), axis, high, -1)
        if len(part) >= 3:
            cut.append(part)
    return cut


def _cut(part: Polygon, axis: int, bound: float, sign: int) -> Polygon:
    """What lies on one side of a line (Sutherland and Hodgman). Ways that lead along the line and back may remain:
    they cover nothing, so an even-odd raster is right, but a painted outline would not be."""
    inside = sign * (part[:, axis] - bound) >= 0
    if inside.all():
        return part
    after = np.roll(part, -1, axis=0)
    crosses = inside != np.roll(inside, -1)
    run = np.where(crosses, after[:, axis] - part[:, axis], 1)
    met = part + (after - part) * ((bound - part[:, axis]) / run)[:, None]
    met[:, axis] = bound
    both = np.stack([part, met], axis=1).reshape(-1, 2)
    return np.asarray(both[np.stack([inside, crosses], axis=1).ravel()])
