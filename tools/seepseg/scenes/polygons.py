"""Masks as polygons along the edges between pixels: exactly as large, holes and parts kept, always valid."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.values import Bitmap

Points = NDArray[np.float64]
"""(n, 2): x and y, or longitude and latitude."""


def outline(mask: Bitmap, x: int, y: int) -> Any:
    """A shapely MultiPolygon in pixels of what the mask is a crop of; empty where it has no pixel.

    Pixels that touch at a corner alone are parts of their own: one polygon around both would touch itself.
    """
    from rasterio.features import shapes

    found = [part["coordinates"] for part, _ in shapes(mask, mask=mask > 0, connectivity=4)] if mask.any() else []
    rings = [np.asarray(ring, np.float64) + (x, y) for part in found for ring in part]
    owner = np.repeat(np.arange(len(found)), [len(part) for part in found])
    return build(rings, owner)


def build(rings: list[Points], owner: NDArray[np.int64]) -> Any:
    """A MultiPolygon of closed rings, the first of each owner its outside, the others its holes; outsides
    counterclockwise and holes clockwise, as GeoJSON wants them."""
    import shapely

    if not rings:
        return shapely.MultiPolygon()
    lines: Any = shapely.linearrings(
        np.concatenate(rings), indices=np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    )
    outside = np.append(True, owner[1:] != owner[:-1])
    wrong = shapely.is_ccw(lines) != outside
    lines[wrong] = shapely.reverse(lines[wrong])
    parts: Any = shapely.polygons(lines, indices=owner)
    return shapely.multipolygons(parts)


def keep_valid(geometry: Any) -> Any:
    """The same area as a valid MultiPolygon, rings turned as GeoJSON wants them; lines and points fall away."""
    import shapely
    from shapely.geometry.polygon import orient

    if not shapely.is_valid(geometry):
        geometry = shapely.union_all(_polygons(shapely.make_valid(geometry)))
    return shapely.MultiPolygon([orient(part) for part in _polygons(geometry)])


def _polygons(geometry: Any) -> list[Any]:
    if hasattr(geometry, "geoms"):
        return [part for one in geometry.geoms for part in _polygons(one)]
    return [geometry] if geometry.geom_type == "Polygon" and not geometry.is_empty else []
