import numpy as np
import pytest
from pyproj import Geod, Transformer
from rasterio.transform import Affine
from shapely.geometry import Point, shape

from make_scene_objects import UTM_31, block, found, grid_at, ring
from seepseg.scenes.features import FIELDS, make_features, potential, prediction_as_geojson
from seepseg.scenes.ground import ground_of
from seepseg.values import Detection, Prediction

GROUND = ground_of(grid_at(*UTM_31))
NAMES = ("oil", "ship")


def properties(*objects, ground=GROUND, **settings):
    return [one.properties for one in make_features(objects, ground, NAMES, {}, **settings)]


@pytest.mark.parametrize("name", ["oil", "Oil", "Seep cls3", "oil_spill", "oil-spill", "slicks", "OilSpill oil"])
def test_oil_by_any_name_is_a_potential_slick(name):
    assert potential(name) == "potential slick"


@pytest.mark.parametrize("name", ["ship", "look-alike", "oil look-alike", "soil", "boiling", "tank"])
def test_whatever_else_is_potentially_what_its_class_says(name):
    assert potential(name) == f"potential {name}"


def test_every_feature_has_the_same_fields_in_the_same_order():
    rows = properties(found(block(3, 3)), found(np.zeros((2, 2), np.uint8)))
    assert [list(row) for row in rows] == [list(FIELDS)] * 2


def test_objects_keep_their_order_and_are_numbered_from_1():
    rows = properties(found(block(1, 1)), found(block(9, 9), class_id=1))
    assert [(row["id"], row["class"]) for row in rows] == [(1, "oil"), (2, "ship")]


def test_confidence_is_told_as_mean_median_and_maximum():
    (row,) = properties(found(block(3, 3), score=0.91234))
    assert (row["confidence_mean"], row["confidence_median"], row["confidence_max"]) == (0.7123, 0.8123, 0.9123)


def test_the_threshold_is_that_of_the_class():
    rows = properties(found(block(3, 3)), found(block(3, 3), class_id=1), thresholds=(0.25, 0.4))
    assert [row["threshold"] for row in rows] == [0.25, 0.4]


def test_sizes_are_those_of_the_ground():
    (row,) = properties(found(block(300, 20), 400, 300))
    assert row["area_km2"] == pytest.approx(3.0 * 0.2, rel=5e-3)
    assert row["length_km"] == pytest.approx(np.hypot(3.0, 0.2), rel=1e-2)
    assert row["width_km"] == pytest.approx(0.2, rel=1e-2)
    assert row["perimeter_km"] == pytest.approx(6.4, rel=5e-3)
    assert row["area_px"] == 6000


def test_the_centroid_is_the_middle_and_the_inner_point_lies_inside():
    (feature,) = make_features([found(ring(41, 31), 100, 50)], GROUND, NAMES, {})
    row = feature.properties
    middle = Transformer.from_crs(UTM_31[0], 4326, always_xy=True).transform(500_000 + 1205, 6_650_000 - 705)
    away = Geod(ellps="WGS84").inv(row["centroid_lon"], row["centroid_lat"], *middle)[2]
    assert away < 0.1
    assert feature.geometry.contains(Point(row["inside_lon"], row["inside_lat"]))


def test_places_in_longitudes_from_0_to_360_come_back_to_180():
    ground = ground_of(grid_at("EPSG:4326", Affine(0.1, 0, 190, 0, -0.1, 10)))
    (row,) = properties(found(block(10, 10)), ground=ground)
    assert (row["centroid_lon"], row["centroid_lat"]) == (-169.5, 9.5)
    assert -170 < row["inside_lon"] < -169


def test_without_ground_there_are_pixels_and_no_kilometres():
    (row,) = properties(found(block(4, 2), 10, 20), ground=None)
    assert row["area_px"] == 8
    assert {name for name in row if name.endswith(("km", "km2", "lon", "lat")) and row[name] is not None} == set()


def test_an_object_where_the_crs_has_no_place_has_no_geometry():
    place = ("+proj=geos +h=35785831 +lon_0=0 +ellps=WGS84", Affine(10_000, 0, -6_000_000, 0, -10_000, 6_000_000))
    (feature,) = make_features([found(block(2, 2))], ground_of(grid_at(*place)), NAMES, {})
    assert feature.geometry.is_empty
    assert feature.properties["area_km2"] is None
    assert feature.properties["area_px"] == 4


def predicted(mask, x, y):
    one = Detection(0, 0.8, (x, y, x + mask.shape[1], y + mask.shape[0]), mask, x, y)
    return Prediction(100, 80, (one,), ("oil",))


def test_a_prediction_without_a_grid_is_in_pixels_and_says_so():
    collection = prediction_as_geojson(predicted(block(4, 2), 10, 20), None)
    assert collection["seepseg"]["coordinates"] == "pixels"
    assert shape(collection["features"][0]["geometry"]).bounds == (10, 20, 14, 22)


def test_a_prediction_on_a_grid_is_in_degrees():
    collection = prediction_as_geojson(predicted(ring(), 10, 20), grid_at(*UTM_31, (100, 80)))
    geometry = shape(collection["features"][0]["geometry"])
    assert "seepseg" not in collection
    assert collection["bbox"] == list(geometry.bounds)
    assert Geod(ellps="WGS84").geometry_area_perimeter(geometry)[0] == pytest.approx(7200, rel=5e-3)


@pytest.mark.parametrize(("x", "y", "cut"), [(0, 5, True), (5, 0, True), (96, 5, True), (5, 78, True), (95, 77, False)])
def test_an_object_at_the_edge_of_its_image_is_cut(x, y, cut):
    collection = prediction_as_geojson(predicted(block(4, 2), x, y), None)
    assert collection["features"][0]["properties"]["cut"] is cut


def test_a_detection_without_a_pixel_keeps_its_place_in_the_list():
    collection = prediction_as_geojson(predicted(np.zeros((0, 0), np.uint8), 3, 3), grid_at(*UTM_31))
    assert collection["features"][0]["geometry"] is None
    assert "bbox" not in collection
