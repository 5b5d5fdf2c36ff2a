"""The polygons of a shapefile, with the CRS of the .prj beside it."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError
from seepseg.labels.scene_vectors import Feature, Layer

_POLYGONS = (5, 15, 25)
"""Plain, with heights, with measures: the points come first in each."""
_HEADER, _RECORD, _BOX = 100, 8, 36
"""Bytes of the file's head, of a record's head, and of the type and box that open a polygon."""


def read_shapefile(path: Path) -> Layer:
    """Its polygons; a SourceError says what is wrong with the file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) < _HEADER or struct.unpack_from(">i", data)[0] != 9994:
        raise SourceError(f"{path}: not a shapefile")
    kind = struct.unpack_from("<i", data, 32)[0]
    if kind not in _POLYGONS:
        raise SourceError(f"{path}: holds no polygons (its type is {kind}); give a shapefile of areas")
    crs = _read_crs(path)
    try:
        shapes = [
            Feature(geometry, {}, f"{path.name}: shape {number}") for number, geometry in enumerate(_polygons(data), 1)
        ]
    except (struct.error, ValueError, IndexError):
        raise SourceError(f"{path}: is cut off or damaged; get the file again") from None
    return Layer(crs, tuple(shapes))


def _read_crs(path: Path) -> Any:
    from pyproj import CRS as ProjCRS
    from pyproj.exceptions import CRSError as ProjError
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    file = next((one for suffix in (".prj", ".PRJ") if (one := path.with_suffix(suffix)).is_file()), None)
    if file is None:
        raise SourceError(f"{path}: has no {path.stem}.prj beside it, so that its CRS is not known; put it there")
    try:
        return CRS.from_wkt(ProjCRS.from_wkt(file.read_text(encoding="utf-8", errors="replace")).to_wkt())
    except (ProjError, CRSError, OSError):
        raise SourceError(f"{file}: does not hold a CRS that is known; export the shapefile again") from None


def _polygons(data: bytes) -> Iterator[Any]:
    from shapely import MultiPolygon

    at = _HEADER
    while at < len(data):
        words = struct.unpack_from(">i", data, at + 4)[0]
        content, at = at + _RECORD, at + _RECORD + 2 * words
        if words < 2 or at > len(data):
            raise ValueError("a record goes on beyond the end")
        if struct.unpack_from("<i", data, content)[0] in _POLYGONS:
            yield MultiPolygon(_with_holes(_rings(data, content)))


def _rings(data: bytes, content: int) -> list[NDArray[np.float64]]:
    parts, points = struct.unpack_from("<2i", data, content + _BOX)
    start = content + _BOX + 8
    firsts = np.frombuffer(data, "<i4", parts, start)
    places = np.frombuffer(data, "<f8", 2 * points, start + 4 * parts).reshape(-1, 2)
    return [ring for ring in np.split(places, firsts[1:]) if len(ring) >= 4]


def _with_holes(rings: list[NDArray[np.float64]]) -> list[Any]:
    """A ring within an even number of others is an outline, else a hole of the smallest around it. Which way it runs
    should tell that, but not all programs keep to it."""
    import shapely

    whole = [shapely.make_valid(shapely.Polygon(ring)) for ring in rings]
    areas = shapely.area(whole)
    inner, outer = shapely.STRtree(whole).query(shapely.point_on_surface(whole), predicate="within")
    around = areas[outer] > areas[inner]
    inner, outer = inner[around], outer[around]
    depth = np.bincount(inner, minlength=len(rings))
    holes: dict[int, list[Any]] = {number: [] for number in np.flatnonzero(depth % 2 == 0).tolist()}
    for number in np.flatnonzero(depth % 2).tolist():
        homes = [one for one in outer[inner == number].tolist() if depth[one] % 2 == 0]
        if homes:
            holes[min(homes, key=lambda one: areas[one])].append(rings[number])
        else:  # Rings that cross each other: nothing of it is left out.
            holes[number] = []
    return [shapely.Polygon(rings[number], mine) for number, mine in holes.items()]
