"""Where the pixels of a raster lie on the ground, and how far apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError, UsageError, listing
from seepseg.rasterfile import open_raster
from seepseg.values import Item, Window

TOLERANCE = 1.05
"""Spacings closer than this are one."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixels of a raster, as stored or resampled to a spacing."""

    width: int
    height: int
    transform: Any
    """rasterio's Affine of this grid; without a CRS only a scale between grid and file."""
    crs: Any
    step: tuple[float, float]
    """File pixels per grid pixel, along x and y."""
    metres: tuple[float, float] | None
    """Of a grid pixel, along x and y."""
    approximate: bool = False
    """Fitted to ground control points."""


def grid_of(dataset: Any, gsd: float | None = None) -> Grid:
    """The grid of an open raster; with a gsd, the one of square pixels of that many metres."""
    transform, crs, approximate = dataset.transform, dataset.crs, False
    points, points_crs = dataset.gcps
    if transform.is_identity:
        crs = None  # GDAL's word for a file that knows its CRS, and not where in it its pixels lie.
    if crs is None and points and points_crs is not None:
        from rasterio.transform import from_gcps

        transform, crs, approximate = from_gcps(points), points_crs, True
    metres = _metres(transform, crs, dataset.width, dataset.height) if crs else None
    if metres and not all(map(math.isfinite, metres)):
        x, y = locate(transform, dataset.width / 2, dataset.height / 2)
        raise SourceError(
            f"{dataset.name}: says that it is in {crs.to_string()}, and no place there has x {x:,.0f} and y {y:,.0f}; "
            "give it the CRS that its coordinates are in, such as with gdal_edit.py -a_srs EPSG:32633 FILE"
        )
    grid = Grid(dataset.width, dataset.height, transform, crs, (1.0, 1.0), metres, approximate)
    if gsd is None:
        return grid
    if metres is None:
        raise SourceError(f"{dataset.name}: --gsd {gsd:g} needs a georeferenced file, and this one is not")
    return _resampled(grid, gsd)


def describe(grid: Grid, window: Window | None) -> dict[str, Any] | None:
    """CRS and transform of a window, for the record; None where there is no CRS."""
    if not grid.crs:
        return None
    a, b, c, d, e, f = (float(value) for value in grid.transform[:6])
    if window is not None:
        c, f = locate(grid.transform, window.x, window.y)
    record = {"crs": grid.crs.to_string(), "transform": [a, b, c, d, e, f]}
    return record | {"approximate": True} if grid.approximate else record


def locate(transform: Any, x: float, y: float) -> tuple[float, float]:
    """A place in pixels as a place on the ground; written out, since affine changes its operator between versions."""
    a, b, c, d, e, f = transform[:6]
    return float(a * x + b * y + c), float(d * x + e * y + f)


def to_pixels(dataset: Any, grid: Grid, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places in the grid's CRS as (n, 2) pixels of the grid, fractions kept; through the control points themselves
    where there is no affine transform."""
    from rasterio.transform import AffineTransformer, GCPTransformer

    if grid.approximate:
        rows, columns = GCPTransformer(dataset.gcps[0], tps=True).rowcol(x, y, op=np.asarray)
        return np.stack([columns / grid.step[0], rows / grid.step[1]], axis=1)
    rows, columns = AffineTransformer(grid.transform).rowcol(x, y, op=np.asarray)
    return np.stack([columns, rows], axis=1)


def beside(grid: Grid, x: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitudes as the grid counts them, which may be from 0 to 360: each shifted as `of`, that of what it belongs to,
    comes closest to the middle of the grid."""
    left, middle, right = (locate(grid.transform, across * grid.width, grid.height / 2)[0] for across in (0, 0.5, 1))
    if not grid.crs.is_geographic or abs(right - left) > 180:
        return x
    turns = np.round((of - middle) / 360)
    shifted: NDArray[np.float64] = x - 360 * np.where(np.isfinite(turns), turns, 0)
    return shifted


def mean_metres(grid: Grid) -> float | None:
    """Metres per pixel as one number."""
    return round(math.sqrt(grid.metres[0] * grid.metres[1]), 4) if grid.metres else None


def spacing(items: Sequence[Item], gsd: float | None) -> float | None:
    """Metres per pixel of the whole dataset; None where files do not say. Mixed ones are refused unless gsd is given.

    Degrees shrink from east to west towards the poles, so that the compared side is the one from north to south.
    """
    if gsd is not None:
        _check_gsd(items, gsd)
        return gsd
    found = {}
    for path in dict.fromkeys(item.image for item in items):
        if path.suffix.lower() not in (".tif", ".tiff", ".jp2", ".vrt", ".img"):
            return None
        try:
            with open_raster(path) as dataset:
                grid = grid_of(dataset)
        except SourceError:
            continue
        if grid.metres is None:
            return None
        found[path] = grid
    if not found:
        return None
    _refuse_mixed({path: grid.metres[1] for path, grid in found.items() if grid.metres})
    means = sorted(mean for grid in found.values() if (mean := mean_metres(grid)))
    return means[len(means) // 2]


def _check_gsd(items: Sequence[Item], gsd: float) -> None:
    if not gsd > 0 or not math.isfinite(gsd):
        raise UsageError(f"--gsd {gsd:g}: give metres per pixel, more than 0")
    if any(item.window is None for item in items):
        raise UsageError(
            "--gsd resamples with `convert scenes` alone, where labels follow; "
            "elsewhere bring images and labels to one spacing first"
        )


def _refuse_mixed(metres: dict[Path, float]) -> None:
    coarsest, finest = max(metres.values()), min(metres.values())
    if coarsest <= finest * TOLERANCE:
        return
    groups: dict[str, list[Path]] = {}
    for path, value in metres.items():
        groups.setdefault(f"{value:.3g}", []).append(path)
    lines = [
        f"{value} m: {len(paths):,} files, such as {paths[0]}"
        for value, paths in sorted(groups.items(), key=lambda one: float(one[0]))
    ]
    raise SourceError(
        "the images differ in metres per pixel; give --gsd with `convert scenes` to resample them, "
        "or convert each apart:\n" + listing(lines)
    )


def _metres(transform: Any, crs: Any, width: int, height: int) -> tuple[float, float] | None:
    """Along x and y, at the centre."""
    from rasterio.errors import CRSError

    middle = (width / 2, height / 2)
    corners = [locate(transform, middle[0] + x, middle[1] + y) for x, y in ((0, 0), (1, 0), (0, 1))]
    try:
        if crs.is_geographic or crs.to_epsg() == 3857 or _is_mercator(crs):
            return _on_ellipsoid(corners, crs)
        if not crs.is_projected:
            return None
        unit = float(crs.linear_units_factor[1])
    except CRSError:
        return None
    return math.dist(corners[0], corners[1]) * unit, math.dist(corners[0], corners[2]) * unit


def _is_mercator(crs: Any) -> bool:
    """Whose metres are those of the equator, twice as many at 60 degrees as there are on the ground."""
    from pyproj import CRS
    from pyproj.exceptions import ProjError

    try:
        known = CRS.from_wkt(crs.to_wkt(version="WKT2_2019")).coordinate_operation
    except ProjError:
        return False
    return known is not None and known.method_name.startswith("Mercator")


def _on_ellipsoid(corners: Sequence[tuple[float, float]], crs: Any) -> tuple[float, float]:
    from pyproj import Geod
    from rasterio.warp import transform as reproject

    longitudes, latitudes = reproject(crs, "EPSG:4326", *zip(*corners, strict=True))[:2]
    geod = Geod(ellps="WGS84")
    return tuple(geod.inv(longitudes[0], latitudes[0], longitudes[side], latitudes[side])[2] for side in (1, 2))


def _resampled(grid: Grid, gsd: float) -> Grid:
    assert grid.metres is not None
    step = (gsd / grid.metres[0], gsd / grid.metres[1])
    size = max(1, round(grid.width / step[0])), max(1, round(grid.height / step[1]))
    a, b, c, d, e, f = grid.transform[:6]
    transform = type(grid.transform)(a * step[0], b * step[1], c, d * step[0], e * step[1], f)
    return Grid(*size, transform, grid.crs, step, (gsd, gsd), grid.approximate)
