"""Polygons as a source drew them, fitted to their image: unchanged where they lie within it."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import instances
from seepseg.instances import Drawn
from seepseg.values import Instance, Outline

Polygon = NDArray[np.float64]
"""(n, 2) points in pixels."""

CLIPPED = "polygon clipped to the image"
TINY = "smaller than a pixel: kept as the pixels it touches"
OUTSIDE = "polygon outside the image"
NOT_NUMBERS = "polygon with coordinates that are no numbers, or beyond ±1e9"

MOST = 1e9
"""No image is as large; a coordinate beyond it is a mistake."""

Fitted = tuple[Instance | None, str | None]
"""One object, and a reason where it was changed or could not be kept."""


def fit_all(objects: Sequence[Drawn], width: int, height: int) -> list[Fitted]:
    """Each object within its image: what lies outside is cut off along the edge. The truth is pycocotools' raster of
    the polygons as drawn; those that lie within the image share one call of it."""
    within = _within(objects, width, height)
    alike = [one for one, fits in zip(objects, within, strict=True) if fits]
    drawn = iter(instances.from_polygons(alike, width, height))
    fitted: list[Fitted] = []
    for one, fits in zip(objects, within, strict=True):
        if not fits:
            fitted.append(_cut_to_fit(one, width, height))
        elif instance := next(drawn):
            fitted.append((instance, None))
        else:
            fitted.append((_touched(one, width, height), TINY))
    return fitted


def fit_polygons(
    parts: Sequence[Polygon],
    width: int,
    height: int,
    class_id: int,
    *,
    crowd: bool = False,
    source_id: int | str | None = None,
) -> Fitted:
    """The same for one object."""
    return fit_all([Drawn(parts, class_id, crowd, source_id)], width, height)[0]


def _within(objects: Sequence[Drawn], width: int, height: int) -> list[bool]:
    if not objects:
        return []
    points = np.concatenate([part for one in objects for part in one.parts])
    if points.min() >= 0 and points[:, 0].max() <= width and points[:, 1].max() <= height:
        return [True] * len(objects)
    sizes = [sum(map(len, one.parts)) for one in objects]
    starts = np.cumsum([0, *sizes[:-1]])
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    inside: NDArray[np.bool_] = np.all((low >= 0) & (high <= (width, height)), axis=1)
    return [bool(one) for one in inside]


def _cut_to_fit(one: Drawn, width: int, height: int) -> Fitted:
    parts = one.parts
    points = np.concatenate(parts)
    if not (np.abs(points) < MOST).all():
        return None, NOT_NUMBERS
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        return None, OUTSIDE
    kept = _clip(parts, width, height)
    if kept is not None and not kept:
        return None, OUTSIDE
    # A polygon that runs far beyond the image would cost the rasteriser memory by its length.
    near = _cut_all(parts, (-width, 2 * width), (-height, 2 * height))
    (instance,) = instances.from_polygons([one._replace(parts=near)], width, height) if near else (None,)
    if instance is None:
        rest = kept or _cut_all(parts, (0, width), (0, height))
        return (_touched(one._replace(parts=rest), width, height), TINY) if rest else (None, OUTSIDE)
    if kept is None:
        return instances.from_rle(
            instance.rle, width, height, one.class_id, crowd=one.crowd, source_id=one.source_id
        ), CLIPPED
    return replace(instance, outlines=tuple(Outline(part) for part in kept)), CLIPPED


def _touched(one: Drawn, width: int, height: int) -> Instance | None:
    """The pixels under the vertices and along the edges, for what covers no pixel's centre."""
    size = np.array([width, height])
    pixels = [np.clip(np.floor(part), 0, size - 1).astype(np.int32) for part in one.parts]
    low = np.min([part.min(axis=0) for part in pixels], axis=0)
    high = np.max([part.max(axis=0) for part in pixels], axis=0)
    columns, rows = (high - low + 1).tolist()
    crop = np.zeros((rows, columns), np.uint8)
    for part in pixels:
        cv2.fillPoly(crop, [part - low], color=1)
    x, y = low.tolist()
    return instances.from_bitmap(
        crop, one.class_id, x=x, y=y, width=width, height=height, crowd=one.crowd, source_id=one.source_id
    )


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
