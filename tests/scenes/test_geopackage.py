import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import shapely

from make_scene_objects import UTM_31, block, found, grid_at, ring
from seepseg.labels.scene_vectors import read_layers
from seepseg.scenes import geojson, geopackage
from seepseg.scenes.features import FIELDS, make_features
from seepseg.scenes.ground import ground_of

OBJECTS = [found(ring(), 10, 20), found(np.eye(3, dtype=np.uint8), 50, 50, cut=True)]


def features(objects, place=UTM_31):
    return list(make_features(objects, ground_of(grid_at(*place)) if place else None, ("oil",), {"scene": "a.tif"}))


def write(path, some, about=None):
    with geopackage.writing(path, about or {"scene": "a.tif"}) as add:
        for feature in some:
            add(feature)
    return path


def rows(path, query):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.gpkg"


def test_the_file_says_that_it_is_a_geopackage(path):
    head = write(path, []).read_bytes()[:72]
    assert head[:15] == b"SQLite format 3"
    assert head[68:72] == b"GPKG"


def test_geometries_are_those_of_the_features(path):
    some = features(OBJECTS)
    blobs = [blob for (blob,) in rows(write(path, some), "SELECT geom FROM objects ORDER BY id")]
    assert all(blob[:4] == b"GP\x00\x03" for blob in blobs)
    assert [shapely.from_wkb(blob[8 + 32 :]).wkt for blob in blobs] == [feature.geometry.wkt for feature in some]


def test_each_geometry_is_headed_by_its_crs_and_box(path):
    (feature,) = features(OBJECTS[:1])
    ((blob,),) = rows(write(path, [feature]), "SELECT geom FROM objects")
    west, south, east, north = feature.geometry.bounds
    assert int.from_bytes(blob[4:8], "little") == 4326
    assert np.frombuffer(blob[8:40]).tolist() == [west, east, south, north]


def test_columns_are_the_fields(path):
    write(path, features(OBJECTS))
    columns = {name: kind for _, name, kind, *_ in rows(path, "PRAGMA table_info(objects)")}
    assert set(columns) == {*FIELDS, "geom"}
    assert (columns["area_km2"], columns["cut"], columns["geom"]) == ("DOUBLE", "BOOLEAN", "MULTIPOLYGON")
    assert rows(path, 'SELECT id, "class", cut, scene FROM objects') == [(1, "oil", 0, "a.tif"), (2, "oil", 1, "a.tif")]


def test_the_layer_is_registered_in_wgs84_with_its_box(path):
    some = features(OBJECTS)
    (found_row,) = rows(
        write(path, some), "SELECT table_name, data_type, srs_id, min_x, min_y, max_x, max_y FROM gpkg_contents"
    )
    assert found_row == ("objects", "features", 4326, *shapely.total_bounds([one.geometry for one in some]))


def test_provenance_is_the_description_of_the_layer(path):
    write(path, [], {"scene": "mer Égée.tif", "confidence": [0.25]})
    ((text,),) = rows(path, "SELECT description FROM gpkg_contents")
    assert json.loads(text) == {"scene": "mer Égée.tif", "confidence": [0.25]}


def test_pixels_have_no_place_on_the_earth(path):
    write(path, features([found(block(2, 2), 3, 4)], None), geojson.IN_PIXELS)
    assert rows(path, "SELECT srs_id, min_x, max_y FROM gpkg_contents") == [(-1, 3.0, 6.0)]


def test_an_empty_geometry_is_marked_as_empty(path):
    ((blob,),) = rows(write(path, features([found(np.zeros((2, 2), np.uint8))])), "SELECT geom FROM objects")
    assert blob[3] == 0b10001
    assert shapely.from_wkb(blob[8:]).is_empty


def test_nothing_found_is_a_layer_without_rows(path):
    write(path, [])
    assert rows(path, "SELECT count(*) FROM objects") == [(0,)]
    assert rows(path, "SELECT min_x FROM gpkg_contents") == [(None,)]


def test_sqlite_finds_nothing_wrong_with_it(path):
    write(path, features(OBJECTS))
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []


def test_our_own_reader_reads_it_back(path):
    some = features(OBJECTS)
    (layer,) = read_layers(write(path, some))
    assert layer.crs.to_epsg() == 4326
    assert [feature.geometry.wkt for feature in layer.features] == [feature.geometry.wkt for feature in some]
