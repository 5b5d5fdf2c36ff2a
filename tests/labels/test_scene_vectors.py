import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry import shape

from make_geotiff import on_ground, write_geojson, write_gpkg
from seepseg.errors import SourceError
from seepseg.labels.scene_classes import find_class_field, number_classes, polygons_alone
from seepseg.labels.scene_vectors import Feature, Layer, read_layers

SQUARE = box(2, 3, 12, 9)
BOWTIE = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])


def layer(*rows):
    return [Layer(None, tuple(Feature(geometry, fields, f"a: {n}") for n, (geometry, fields) in enumerate(rows)))]


def write(path, data):
    path.write_text(json.dumps(data))
    return path


def test_geojson_is_wgs84(tmp_path):
    (found,) = read_layers(write_geojson(tmp_path / "a.geojson", [(SQUARE, {"class": "oil"})]))
    assert found.crs.to_string() == "OGC:CRS84"
    assert found.features[0].fields == {"class": "oil"}


def test_an_old_crs_member_is_honoured(tmp_path):
    path = write_geojson(tmp_path / "a.geojson", [(SQUARE, {})], crs="urn:ogc:def:crs:EPSG::32631")
    (found,) = read_layers(path)
    assert found.crs.to_epsg() == 32631
    assert found.features[0].geometry.equals(shape(on_ground(SQUARE)))


def test_metres_without_a_crs_are_refused(tmp_path):
    data = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": on_ground(SQUARE)}],
    }
    with pytest.raises(SourceError, match=r"a\.geojson: feature 0: coordinates such as 500020, .* are not degrees"):
        read_layers(write(tmp_path / "a.geojson", data))


def test_a_single_feature_is_read(tmp_path):
    data = {"type": "Feature", "properties": None, "geometry": box(1, 2, 3, 4).__geo_interface__}
    assert len(read_layers(write(tmp_path / "a.geojson", data))[0].features) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"type": "Topology"}', '{"type": "FeatureCollection"}', '{"images": []}']
)
def test_what_is_not_geojson_is_named(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"a\.json: not"):
        read_layers(path)


def test_every_broken_feature_is_listed(tmp_path):
    broken = [{"type": "Feature", "id": f"n{n}", "properties": {}, "geometry": {"type": "Polygon"}} for n in range(3)]
    with pytest.raises(SourceError, match=r"(?s)n0.*n1.*n2"):
        read_layers(write(tmp_path / "a.geojson", {"type": "FeatureCollection", "features": broken}))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "coordinates"]), inner),
    max_leaves=12,
)


@given(
    st.lists(st.fixed_dictionaries({"type": st.just("Feature"), "properties": JSON, "geometry": JSON}), max_size=3),
    JSON,
)
def test_any_json_is_read_or_refused(tmp_path_factory, features, crs):
    path = write(
        tmp_path_factory.mktemp("json") / "a.geojson", {"type": "FeatureCollection", "features": features, "crs": crs}
    )
    try:
        told = len(read_layers(path)[0].features)
    except SourceError as error:
        told = str(error)
    assert told == len(features) or "a.geojson" in str(told)


def test_a_geopackage_is_read_with_and_without_envelopes(tmp_path):
    path = write_gpkg(tmp_path / "a.gpkg", [(SQUARE, "oil"), (box(20, 20, 30, 30), "ship")])
    (found,) = read_layers(path)
    assert found.crs.to_epsg() == 32631
    assert [one.fields["label"] for one in found.features] == ["oil", "ship"]
    assert found.features[1].geometry.equals(shape(on_ground(box(20, 20, 30, 30))))


def test_a_geopackage_is_not_written_to(tmp_path):
    path = write_gpkg(tmp_path / "a.gpkg", [(SQUARE, "oil")])
    before = path.read_bytes()
    read_layers(path)
    assert (path.read_bytes(), [one.name for one in tmp_path.iterdir()]) == (before, ["a.gpkg"])


def test_a_broken_geometry_of_a_geopackage_is_named(tmp_path):
    path = write_gpkg(tmp_path / "a.gpkg", [(SQUARE, "oil")])
    database = sqlite3.connect(path)
    database.execute('UPDATE "oil ""films""" SET geom = ?', (b"GP\0\1nothing",))
    database.commit()
    database.close()
    with pytest.raises(SourceError, match=r"a\.gpkg: oil \"films\" 1: a geometry that can't be read"):
        read_layers(path)


@pytest.mark.parametrize("content", [b"", b"not a database"])
def test_what_is_no_geopackage_is_named(tmp_path, content):
    path = tmp_path / "a.gpkg"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.gpkg: not readable as GeoPackage"):
        read_layers(path)


def test_lines_points_and_nothing_are_counted(tmp_path):
    rows = [(SQUARE, {}), (LineString([(0, 0), (1, 1)]), {}), (Point(0, 0), {}), (None, {}), (Polygon(), {})]
    (kept,), skipped = polygons_alone(layer(*rows))
    assert len(kept.features) == 1
    assert [(one.reason, one.where) for one in skipped] == [
        ("feature that is not a polygon", "a: 1"),
        ("feature that is not a polygon", "a: 2"),
        ("feature without a geometry", "a: 3"),
        ("feature without a geometry", "a: 4"),
    ]


def test_a_polygon_that_crosses_itself_is_repaired_and_counted():
    (kept,), (skip,) = polygons_alone(layer((BOWTIE, {})))
    assert kept.features[0].geometry.is_valid
    assert kept.features[0].geometry.area == 50
    assert skip.reason == "polygon that crosses itself, repaired"


def test_several_parts_stay_one_object():
    (kept,), _ = polygons_alone(layer((MultiPolygon([SQUARE, box(20, 20, 30, 30)]), {})))
    assert len(kept.features) == 1


def test_the_usual_fields_are_tried_in_order():
    rows = layer((SQUARE, {"name": "x", "Class": None, "label": "oil"}))
    assert find_class_field(rows, None) == "label"
    assert find_class_field(layer((SQUARE, {"Class": "oil", "label": "b"})), None) == "Class"


def test_a_wanted_field_that_is_not_there_lists_those_that_are():
    with pytest.raises(SourceError, match="--class-field kind: no polygon has it; there are id, label"):
        find_class_field(layer((SQUARE, {"label": "oil", "id": 3})), "kind")


def test_names_are_compared_without_case():
    names, (found,), _ = number_classes(
        layer((SQUARE, {"class": "OIL "}), (SQUARE, {"class": "ship"})), "class", ("Ship", "oil")
    )
    assert names == ("Ship", "oil")
    assert [one.fields["class_id"] for one in found.features] == [1, 0]


def test_names_of_the_file_are_sorted():
    assert number_classes(layer((SQUARE, {"class": "ship"}), (SQUARE, {"class": 2.0})), "class", None)[0] == (
        "2",
        "ship",
    )


def test_spellings_that_differ_in_case_alone_are_one_class():
    rows = layer(*((SQUARE, {"class": name}) for name in ("oil", "Oil", "ship")))
    names, (found,), _ = number_classes(rows, "class", None)
    assert names == ("Oil", "ship")
    assert [one.fields["class_id"] for one in found.features] == [0, 0, 1]


def test_every_class_that_is_not_named_is_listed():
    rows = layer(*((SQUARE, {"class": name}) for name in ("oil", "ship", "rig")))
    with pytest.raises(SourceError, match=r"(?s)not in --names oil:.*rig.*ship"):
        number_classes(rows, "class", ("oil",))


def test_a_polygon_without_a_class_is_counted():
    _, (found,), (skip,) = number_classes(layer((SQUARE, {"class": "oil"}), (SQUARE, {"class": None})), "class", None)
    assert (len(found.features), skip.reason, skip.where) == (1, "polygon without a class", "a: 1")


def test_one_name_serves_polygons_without_a_field():
    names, (found,), _ = number_classes(layer((SQUARE, {})), None, ("oil",))
    assert (names, found.features[0].fields) == (("oil",), {"class_id": 0})


def test_no_field_and_no_single_name_is_refused():
    with pytest.raises(SourceError, match="--class-field"):
        number_classes(layer((SQUARE, {"id": 1})), None, ("oil", "ship"))
