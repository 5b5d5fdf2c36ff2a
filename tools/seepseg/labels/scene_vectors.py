"""Features of GeoJSON and GeoPackage files, each layer in its own CRS."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seepseg.errors import SourceError, listing

SUFFIXES = frozenset((".geojson", ".json", ".gpkg"))
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)


@dataclass(frozen=True, slots=True)
class Feature:
    """A geometry and what is written beside it."""

    geometry: Any
    fields: Mapping[str, Any]
    place: str
    """File and number or id, for messages."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Features of one CRS."""

    crs: Any
    features: tuple[Feature, ...]


def read_layers(path: Path) -> tuple[Layer, ...]:
    """Every layer of a GeoJSON or GeoPackage; a SourceError says what is wrong with the file."""
    return _read_gpkg(path) if path.suffix.lower() == ".gpkg" else _read_geojson(path)


def _read_geojson(path: Path) -> tuple[Layer, ...]:
    from shapely.errors import ShapelyError
    from shapely.geometry import shape

    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SourceError(f"{path}: not readable as GeoJSON: {error}") from None
    kind = data.get("type") if isinstance(data, dict) else None
    rows = data.get("features") if kind == "FeatureCollection" else [data] if kind == "Feature" else None
    if not isinstance(rows, list):
        raise SourceError(f"{path}: not GeoJSON: expected a FeatureCollection")
    features, problems = [], []
    for number, row in enumerate(rows):
        place = f"{path.name}: feature {row.get('id', number) if isinstance(row, dict) else number}"
        try:
            geometry = shape(row["geometry"]) if row["geometry"] else None
            features.append(Feature(geometry, dict(row.get("properties") or {}), place))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, ShapelyError) as error:
            problems.append(f"{place}: {type(error).__name__}: {error}")
    if problems:
        raise SourceError(f"{path}: features that are not GeoJSON:\n{listing(problems)}")
    crs = _geojson_crs(path, data)
    _refuse_far(path, crs, features)
    return (Layer(crs, tuple(features)),)


def _geojson_crs(path: Path, data: Mapping[str, Any]) -> Any:
    """WGS84, or what the old-style `crs` member says."""
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    member = data.get("crs")
    try:
        return CRS.from_user_input(member["properties"]["name"] if member else "OGC:CRS84")
    except (CRSError, KeyError, TypeError):
        raise SourceError(f"{path}: its crs is not one that is known: {member}") from None


def _refuse_far(path: Path, crs: Any, features: Sequence[Feature]) -> None:
    """Metres without a CRS would land nowhere, in silence."""
    if not crs.is_geographic:
        return
    for one in features:
        if one.geometry is None or one.geometry.is_empty:
            continue
        left, bottom, right, top = one.geometry.bounds
        if not (left >= -361 and right <= 361 and bottom >= -91 and top <= 91):
            raise SourceError(
                f"{one.place}: coordinates such as {left:g}, {bottom:g} are not degrees; GeoJSON is WGS84 unless it "
                f"has a crs member: export {path.name} again in EPSG:4326"
            )


def _read_gpkg(path: Path) -> tuple[Layer, ...]:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return tuple(_gpkg_layers(path, database))
    except sqlite3.Error as error:
        raise SourceError(f"{path}: not readable as GeoPackage: {error}") from None


def _gpkg_layers(path: Path, database: sqlite3.Connection) -> Iterator[Layer]:
    query = (
        "SELECT table_name, column_name, organization, organization_coordsys_id, definition "
        "FROM gpkg_geometry_columns JOIN gpkg_spatial_ref_sys USING (srs_id) ORDER BY table_name"
    )
    for table, column, organization, code, definition in database.execute(query).fetchall():
        crs = _gpkg_crs(path, organization, code, definition)
        quoted = table.replace('"', '""')
        features = []
        for row in database.execute(f'SELECT rowid AS seepseg_row, * FROM "{quoted}" ORDER BY rowid'):
            place = f"{path.name}: {table} {row['seepseg_row']}"
            fields = {key: row[key] for key in row.keys() if key not in (column, "seepseg_row")}  # noqa: SIM118
            features.append(Feature(_gpkg_geometry(row[column], place), fields, place))
        yield Layer(crs, tuple(features))


def _gpkg_crs(path: Path, organization: str, code: int, definition: str) -> Any:
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        return CRS.from_user_input(f"{organization}:{code}" if organization.upper() == "EPSG" else definition)
    except (CRSError, AttributeError):
        raise SourceError(f"{path}: a layer has no CRS that is known ({organization} {code}); set it in QGIS") from None


def _gpkg_geometry(blob: bytes | None, place: str) -> Any:
    """A GeoPackage header (magic, version, flags, srs, envelope), then plain WKB."""
    from shapely import from_wkb
    from shapely.errors import ShapelyError

    if blob is None:
        return None
    try:
        if blob[:2] != b"GP":
            raise ValueError("no GeoPackage header")
        return from_wkb(blob[8 + _ENVELOPE_BYTES[(blob[3] >> 1) & 7] :])
    except (IndexError, TypeError, ValueError, ShapelyError) as error:
        raise SourceError(f"{place}: a geometry that can't be read: {error}") from None
