"""Tiny rasters and vector files for tests of scenes."""

import json
import sqlite3
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from rasterio.warp import transform_geom
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

UTM = "EPSG:32631"
CORNER = (500000.0, 4000000.0)


def utm(metres: float = 10.0) -> Affine:
    return Affine(metres, 0, CORNER[0], 0, -metres, CORNER[1])


def write_geotiff(
    path: Path,
    values: NDArray[Any],
    *,
    crs: str | None = UTM,
    transform: Affine | None = None,
    names: Sequence[str] = (),
    tags: dict[str, str] | None = None,
    gcps: bool = False,
    **profile: Any,
) -> Path:
    """One band (height, width) or several (bands, height, width); with gcps the place is told by points alone."""
    bands = values if values.ndim == 3 else values[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    place = {"crs": crs, "transform": transform or utm()} if crs and not gcps else {}
    count, height, width = bands.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", width=width, height=height, count=count, dtype=bands.dtype, **place, **profile
        ) as file:
            file.write(bands)
            if gcps:
                file.gcps = (_points(transform or utm(), width, height), rasterio.CRS.from_user_input(crs))
            for number, name in enumerate(names, 1):
                file.set_band_description(number, name)
            file.update_tags(**(tags or {}))
    return path


def damage(path: Path) -> Path:
    """A compressed GeoTIFF whose head can be read, and none of its pixels."""
    with rasterio.open(path) as dataset:
        blocks = [f"{column}_{row}" for (row, column), _ in dataset.block_windows(1)]
        spans = [
            [int(dataset.get_tag_item(f"BLOCK_{what}_{at}", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE")]
            for at in blocks
        ]
    with path.open("r+b") as file:
        for offset, size in spans:
            file.seek(offset)
            file.write(b"\xff" * size)
    return path


def _points(transform: Affine, width: int, height: int) -> list[GroundControlPoint]:
    return [
        GroundControlPoint(row, column, transform.a * column + transform.c, transform.e * row + transform.f)
        for row in (0, height / 2, height)
        for column in (0, width / 2, width)
    ]


def on_ground(geometry: BaseGeometry, transform: Affine | None = None) -> dict[str, Any]:
    """A geometry in pixels as GeoJSON in the UTM of a scene."""
    from shapely.affinity import affine_transform

    t = transform or utm()
    return affine_transform(geometry, [t.a, t.b, t.d, t.e, t.c, t.f]).__geo_interface__


def write_geojson(
    path: Path, objects: Sequence[tuple[BaseGeometry, dict[str, Any]]], *, crs: str | None = None
) -> Path:
    """Geometries in pixels and their properties; in WGS84, or in a CRS that the file names."""
    rows = []
    for geometry, properties in objects:
        placed = on_ground(geometry)
        placed = placed if crs else transform_geom(UTM, "EPSG:4326", placed, precision=12)
        rows.append({"type": "Feature", "properties": properties, "geometry": placed})
    data: dict[str, Any] = {"type": "FeatureCollection", "features": rows}
    if crs:
        data["crs"] = {"type": "name", "properties": {"name": crs}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def write_gpkg(path: Path, objects: Sequence[tuple[BaseGeometry, str]]) -> Path:
    """A GeoPackage of one layer in UTM, with an envelope before every second geometry, as QGIS writes them."""
    database = sqlite3.connect(path)
    database.executescript(
        "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER, organization TEXT,"
        " organization_coordsys_id INTEGER, definition TEXT);"
        "CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);"
        "INSERT INTO gpkg_spatial_ref_sys VALUES ('utm', 32631, 'EPSG', 32631, '');"
        "INSERT INTO gpkg_geometry_columns VALUES ('oil \"films\"', 'geom', 32631);"
        'CREATE TABLE "oil ""films""" (fid INTEGER PRIMARY KEY, geom BLOB, label TEXT);'
    )
    for number, (geometry, label) in enumerate(objects):
        placed = shape(on_ground(geometry))
        envelope = struct.pack("<4d", *(placed.bounds[index] for index in (0, 2, 1, 3))) if number % 2 else b""
        header = b"GP" + bytes([0, 3 if number % 2 else 1]) + struct.pack("<i", 32631) + envelope
        database.execute('INSERT INTO "oil ""films""" VALUES (?, ?, ?)', (number + 1, header + placed.wkb, label))
    database.commit()
    database.close()
    return path


def speckle(height: int, width: int, *, mean: float = -15.0, seed: int = 0) -> NDArray[np.float32]:
    """Sea in dB."""
    power = np.random.default_rng(seed).gamma(4, 0.25, (height, width))
    return (10 * np.log10(power) + mean).astype(np.float32)
