"""From pixels of a scene's grid to longitude and latitude in WGS84, and what is measured there on the ellipsoid."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.georeference import Grid
from seepseg.scenes.polygons import Points

STRAY = 0.03
"""In pixels: how far an edge may run beside its place on the ground; where it would run further, it gets vertices in
between. Around a pole all edges stray outwards, so that a tenth of a pixel would show in areas."""
_RADIUS = 6_371_000.0
_DEGREE = math.radians(_RADIUS)
_CLOSE_TO_POLE = 89.9
_ROUNDS, _MOST_PIECES = 6, 64


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the pixels of a grid lie."""

    place: Callable[[Points], Points]
    """Pixels → longitude and latitude; infinite where the CRS has no such place."""
    middle: tuple[float, float]
    """Of the grid, in pixels."""
    approximate: bool
    """Known by ground control points alone."""
    decimals: int = 7
    """Of degrees: a centimetre."""


@dataclass(frozen=True, slots=True)
class Rings:
    """Closed rings on the ground, all vertices in one array; longitudes run on beyond ±180 where a ring does."""

    points: Points
    ring: NDArray[np.int64]
    """Of each vertex."""
    owner: NDArray[np.int64]
    """Of each ring, the polygon; its first ring is its outside."""


def ground_of(grid: Grid, control: tuple[list[Any], Any] | None = None) -> Ground | None:
    """None where the grid has no place on the Earth.

    `control` are the ground control points that a grid was fitted to, as rasterio's `dataset.gcps`: places are then
    taken from the points themselves, which is closer than their fit.
    """
    from pyproj import CRS, Transformer
    from pyproj.exceptions import ProjError

    if not grid.crs:
        return None
    try:
        crs = CRS.from_wkt(grid.crs.to_wkt(version="WKT2_2019"))
        to_degrees = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    except ProjError:
        return None
    in_crs = _by_control_points(grid, control[0]) if grid.approximate and control else _by_transform(grid)

    def place(points: Points) -> Points:
        x, y = in_crs(points)
        return np.stack(to_degrees.transform(x, y), axis=1)

    middle = (grid.width / 2, grid.height / 2)
    fine = grid.metres is not None and min(grid.metres) < 0.1
    return Ground(place, middle, grid.approximate, 9 if fine else 7)


def lay_down(shape: Any, ground: Ground) -> Rings | None:
    """A MultiPolygon in pixels on the ground; None where its CRS has no place for all of it, or where it is empty."""
    import shapely

    if shape.is_empty:
        return None
    lines, owner = shapely.get_rings(shapely.get_parts(shape), return_index=True)
    pixels, ring = shapely.get_coordinates(lines, return_index=True)
    points, ring = _densify(pixels, ring, ground)
    return Rings(_run_on(points, ring), ring, owner) if np.isfinite(points).all() else None


def divide(rings: Rings) -> list[Points]:
    """The vertices of each ring."""
    return np.split(rings.points, np.flatnonzero(np.diff(rings.ring)) + 1)


def measure_rings(rings: Rings) -> tuple[float, float]:
    """Square metres, and metres along every ring, those of holes too."""
    from pyproj import Geod

    geod, area, perimeter = Geod(ellps="WGS84"), 0.0, 0.0
    outside = np.append(True, rings.owner[1:] != rings.owner[:-1])
    for points, outer in zip(divide(rings), outside.tolist(), strict=True):
        inside, around = geod.polygon_area_perimeter(*points.T)
        area += abs(inside) if outer else -abs(inside)
        perimeter += around
    return area, perimeter


def measure_line(line: Points, ground: Ground) -> float:
    """Metres of a line in pixels."""
    from pyproj import Geod

    return float(Geod(ellps="WGS84").line_length(*ground.place(line).T))


def metres_around(ground: Ground, x: float, y: float) -> NDArray[np.float64]:
    """How far one goes east (first row) and north by a pixel along x (first column) and along y."""
    from pyproj import Geod

    around = np.array([[x - 0.5, y], [x + 0.5, y], [x, y - 0.5], [x, y + 0.5]])
    longitude, latitude = ground.place(around).T
    ends = longitude[::2], latitude[::2], longitude[1::2], latitude[1::2]
    azimuth, _, away = Geod(ellps="WGS84").inv(*ends)
    return np.stack([away * np.sin(np.radians(azimuth)), away * np.cos(np.radians(azimuth))])


def wrap(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """To −180 to 180."""
    return (degrees + 180) % 360 - 180


def _by_transform(grid: Grid) -> Callable[[Points], tuple[Any, Any]]:
    a, b, c, d, e, f = grid.transform[:6]
    return lambda points: (a * points[:, 0] + b * points[:, 1] + c, d * points[:, 0] + e * points[:, 1] + f)


def _by_control_points(grid: Grid, control: list[Any]) -> Callable[[Points], tuple[Any, Any]]:
    from rasterio.transform import GCPTransformer

    transformer = GCPTransformer(control, tps=True)

    def in_crs(points: Points) -> tuple[Any, Any]:
        columns, rows = points[:, 0] * grid.step[0], points[:, 1] * grid.step[1]
        x, y = transformer.xy(rows, columns, offset="ul")
        return np.asarray(x, np.float64), np.asarray(y, np.float64)

    return in_crs


def _densify(pixels: Points, ring: NDArray[np.int64], ground: Ground) -> tuple[Points, NDArray[np.int64]]:
    points = ground.place(pixels)
    for _ in range(_ROUNDS):
        pieces = _pieces_needed(pixels, points, ring, ground)
        if (pieces == 1).all():
            break
        at = np.repeat(np.arange(len(pixels)), pieces)
        share = (np.arange(len(at)) - (np.cumsum(pieces) - pieces)[at]) / pieces[at]
        onward = np.append(np.diff(pixels, axis=0), np.zeros((1, 2)), axis=0)
        pixels, ring = pixels[at] + share[:, None] * onward[at], ring[at]
        points = ground.place(pixels)
    return points, ring


def _pieces_needed(pixels: Points, points: Points, ring: NDArray[np.int64], ground: Ground) -> NDArray[np.int64]:
    """Into how many each vertex's edge onward is to be divided. How far an edge strays grows with its length squared,
    both as a straight line of degrees, which GeoJSON means, and as a geodesic, which areas are measured by."""
    pieces = np.ones(len(pixels), np.int64)
    onward = np.abs(np.diff(pixels, axis=0)).max(axis=1, initial=0)
    edges = np.flatnonzero((ring[1:] == ring[:-1]) & (onward >= 2))
    if not len(edges) or not np.isfinite(points).all():
        return pieces
    start, end = points[edges], points[edges + 1]
    middle = ground.place((pixels[edges] + pixels[edges + 1]) / 2)
    along = _in_metres(end - start, middle)
    beside = _in_metres(
        start + np.stack([wrap(end[:, 0] - start[:, 0]), end[:, 1] - start[:, 1]], 1) / 2 - middle, middle
    )
    bulge = along[:, 0] ** 2 * np.tan(np.radians(np.abs(middle[:, 1]).clip(max=_CLOSE_TO_POLE))) / (8 * _RADIUS)
    length = np.hypot(*along.T)
    pixel = np.where(length > 0, length, 1.0) / onward[edges]
    stray = np.maximum(np.hypot(*beside.T), bulge) / pixel
    pieces[edges] = np.ceil(np.sqrt(stray / STRAY)).clip(1, _MOST_PIECES)
    return pieces


def _in_metres(degrees: Points, middle: Points) -> Points:
    east = wrap(degrees[:, 0]) * np.cos(np.radians(middle[:, 1]))
    return np.stack([east, degrees[:, 1]], axis=1) * _DEGREE


def _run_on(points: Points, ring: NDArray[np.int64]) -> Points:
    """Longitudes without jumps within a ring, each starting between −180 and 180."""
    steps = np.append(0.0, wrap(np.diff(points[:, 0])))
    first = np.flatnonzero(np.append(True, ring[1:] != ring[:-1]))
    steps[first] = 0
    total = np.cumsum(steps)
    begun = first[ring]
    return np.stack([total - total[begun] + wrap(points[begun, 0]), points[:, 1]], axis=1)
