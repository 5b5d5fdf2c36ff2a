import json
import re

import numpy as np
import pytest
from rasterio.transform import Affine
from shapely.geometry import shape

from make import ragged
from make_scene_objects import UTM_31, block, found, grid_at, ring
from seepseg.labels.scene_vectors import read_layers
from seepseg.scenes import geojson
from seepseg.scenes.features import make_features
from seepseg.scenes.ground import ground_of

FIJI = ("EPSG:4326", Affine(0.01, 0, 177, 0, -0.01, -16))


def write(path, objects, place=UTM_31):
    ground = ground_of(grid_at(*place)) if place else None
    with geojson.writing(path, {"scene": "a.tif"} if place else geojson.IN_PIXELS) as add:
        for feature in make_features(objects, ground, ("oil",), {}):
            add(feature)
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.geojson"


def test_it_is_a_feature_collection_without_a_crs(path):
    written = write(path, [found(block(5, 5)), found(ring(), 50, 50)])
    assert written["type"] == "FeatureCollection"
    assert "crs" not in written
    assert [feature["id"] for feature in written["features"]] == [1, 2]


def test_provenance_stands_under_our_name(path):
    assert write(path, [])["seepseg"] == {"scene": "a.tif"}


def test_nothing_found_is_an_empty_collection(path):
    written = write(path, [])
    assert written["features"] == []
    assert "bbox" not in written


def test_one_part_is_a_polygon_and_several_are_a_multipolygon(path):
    written = write(path, [found(block(2, 2)), found(np.eye(2, dtype=np.uint8))])
    assert [feature["geometry"]["type"] for feature in written["features"]] == ["Polygon", "MultiPolygon"]


def test_rings_turn_by_the_right_hand(path):
    geometry = shape(write(path, [found(ring())])["features"][0]["geometry"])
    assert geometry.exterior.is_ccw
    assert [hole.is_ccw for hole in geometry.interiors] == [False]


def test_degrees_have_seven_decimals(path):
    geometry = write(path, [found(ragged(np.random.default_rng(0), 40, 40))])["features"][0]["geometry"]
    decimals = {len(part) for part in re.findall(r"\.(\d+)", json.dumps(geometry))}
    assert max(decimals) == 7


def test_the_box_holds_all_features(path):
    written = write(path, [found(block(5, 5)), found(block(5, 5), 500, 300)])
    boxes = np.array([shape(feature["geometry"]).bounds for feature in written["features"]])
    assert written["bbox"] == [*boxes.min(axis=0)[:2], *boxes.max(axis=0)[2:]]


def test_a_box_across_the_antimeridian_begins_in_the_east(path):
    written = write(path, [found(block(10, 10), 290, 0), found(block(10, 10), 320, 0)], FIJI)
    assert written["bbox"] == [179.9, -16.1, -179.7, -16]


def test_pixels_are_said_to_be_pixels(path):
    written = write(path, [found(block(2, 3), 4, 5)], None)
    assert written["seepseg"]["coordinates"] == "pixels"
    assert written["bbox"] == [4, 5, 6, 8]
    assert "coordinates" not in written


def test_a_name_in_any_script_is_kept(path):
    with geojson.writing(path, {"scene": "mer Égée 油.tif"}):
        pass
    assert json.loads(path.read_text(encoding="utf-8"))["seepseg"]["scene"] == "mer Égée 油.tif"


def test_our_own_reader_reads_it_back(path):
    write(path, [found(ring(), 50, 50)])
    (layer,) = read_layers(path)
    assert layer.features[0].fields["class"] == "oil"
    assert len(layer.features[0].geometry.interiors) == 1
