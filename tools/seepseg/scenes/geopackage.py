"""GeoPackage 1.3 by hand, as rasterio writes no vectors: SQLite, and a short head before each geometry's WKB."""

import json
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from seepseg.scenes.features import FIELDS, Feature

TABLE = "objects"
WGS84, IN_PIXELS = 4326, -1
"""-1 is the standard's own number for coordinates of no known place."""
_APPLICATION, _VERSION = 0x47504B47, 10300
_LITTLE_ENDIAN, _WITH_BOX, _EMPTY = 0b1, 0b10, 0b10000
_SQL = {int: "INTEGER", str: "TEXT", float: "DOUBLE", bool: "BOOLEAN"}
_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
"""


@contextmanager
def writing(path: Path, about: Mapping[str, Any]) -> Iterator[Callable[[Feature], None]]:
    """A function that writes one feature more, into a file that must not be there yet. `about` becomes the layer's
    description, as JSON."""
    srs = IN_PIXELS if "coordinates" in about else WGS84
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        # The file takes its name once it is whole: a journal beside it would protect nothing.
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")
        _lay_out(database, srs, json.dumps(dict(about), ensure_ascii=False, default=str))
        places = ", ".join("?" * (len(FIELDS) + 1))
        boxes = [float("inf"), float("inf"), float("-inf"), float("-inf")]

        def add(feature: Feature) -> None:
            row = feature.properties
            geometry = as_blob(feature.geometry, srs)
            database.execute(f'INSERT INTO "{TABLE}" VALUES ({places})', (row["id"], geometry, *_after_id(row)))
            if not feature.geometry.is_empty:
                west, south, east, north = feature.geometry.bounds
                boxes[:] = [min(boxes[0], west), min(boxes[1], south), max(boxes[2], east), max(boxes[3], north)]

        yield add
        bounds = boxes if boxes[0] <= boxes[2] else [None] * 4
        database.execute("UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?", bounds)
        database.execute("COMMIT")


def as_blob(geometry: Any, srs: int) -> bytes:
    """The head (magic, version, flags, CRS, box), then WKB."""
    flags, box = _LITTLE_ENDIAN | _EMPTY, b""
    if not geometry.is_empty:
        west, south, east, north = geometry.bounds
        flags, box = _LITTLE_ENDIAN | _WITH_BOX, struct.pack("<4d", west, east, south, north)
    wkb: bytes = geometry.wkb
    return b"GP" + struct.pack("<BBi", 0, flags, srs) + box + wkb


def _lay_out(database: sqlite3.Connection, srs: int, description: str) -> None:
    from pyproj import CRS

    for statement in _TABLES.split(";"):
        database.execute(statement)
    systems = [
        ("Undefined cartesian", -1, "NONE", -1, "undefined", "in pixels, y downwards"),
        ("Undefined geographic", 0, "NONE", 0, "undefined", None),
        ("WGS 84 geodetic", WGS84, "EPSG", WGS84, CRS.from_epsg(WGS84).to_wkt("WKT1_GDAL"), "longitude, latitude"),
    ]
    database.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", systems)
    contents = (TABLE, "features", TABLE, description, srs)
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) VALUES (?, ?, ?, ?, ?)",
        contents,
    )
    columns = ", ".join(f'"{name}" {_SQL[kind]}' for name, kind in FIELDS.items() if name != "id")
    database.execute(f'CREATE TABLE "{TABLE}" (id INTEGER NOT NULL PRIMARY KEY, geom MULTIPOLYGON, {columns})')
    database.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'MULTIPOLYGON', ?, 0, 0)", (TABLE, srs))
    database.execute(f"PRAGMA application_id = {_APPLICATION}")
    database.execute(f"PRAGMA user_version = {_VERSION}")


def _after_id(row: Mapping[str, Any]) -> list[Any]:
    return [row[name] for name in FIELDS if name != "id"]
