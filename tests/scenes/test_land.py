import json
import struct

import numpy as np
import pytest
from pyproj import CRS
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.warp import transform_geom
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box, mapping, shape

from make_geotiff import CORNER, UTM, on_ground, speckle, write_geojson, write_geotiff, write_gpkg
from seepseg.errors import SourceError, UsageError
from seepseg.georeference import grid_of
from seepseg.rasterfile import open_raster
from seepseg.scenes.land import read_land
from seepseg.values import Window

SIZE = 80
ISLAND = Polygon([(10.2, 5.1), (70.3, 12.4), (60, 66.7), (15.5, 50.9)], [[(30, 20), (45, 22), (40, 40)]])
WHOLE = Window(0, 0, SIZE, SIZE)


def scene(tmp_path, **settings):
    return write_geotiff(tmp_path / "scene.tif", speckle(SIZE, SIZE), **settings)


def draw(path, file, window=WHOLE, gsd=None):
    with open_raster(path) as dataset:
        land = read_land(file, dataset, grid_of(dataset, gsd))
    return land.draw(window)


def drawn(geometry, window=WHOLE):
    return rasterize([geometry], (window.height, window.width), transform=Affine.translation(window.x, window.y))


def write_shapefile(path, polygons, wkt=None, turn=1):
    """By the format's own description: a head, then a record for each polygon, outer rings clockwise; with a turn of −1
    against it, as some programs write them."""
    records = b""
    for number, polygon in enumerate(polygons, 1):
        parts = [Polygon(one.exterior, one.interiors) for one in getattr(polygon, "geoms", [polygon])]
        rings = []
        for part in parts:
            rings.append(clockwise(part.exterior.coords)[::turn])
            rings += [clockwise(hole.coords)[::-turn] for hole in part.interiors]
        firsts = np.cumsum([0, *map(len, rings)])[:-1]
        body = struct.pack("<i4d2i", 5, *polygon.bounds, len(rings), sum(map(len, rings)))
        body += firsts.astype("<i4").tobytes() + np.concatenate(rings).astype("<f8").tobytes()
        records += struct.pack(">2i", number, len(body) // 2) + body
    head = struct.pack(">i20xi", 9994, (100 + len(records)) // 2) + struct.pack("<2i8d", 1000, 5, *[0.0] * 8)
    path.write_bytes(head + records)
    if wkt:
        path.with_suffix(".prj").write_text(wkt)
    return path


def clockwise(coordinates):
    ring = np.array(coordinates)
    (x, y), (u, v) = ring[:-1].T, ring[1:].T
    return ring if (x * v - u * y).sum() < 0 else ring[::-1]


def write_feature(path, geometry, **members):
    """As it is, in the CRS that the members name."""
    feature = {"type": "Feature", "properties": {}, "geometry": mapping(geometry)}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature], **members}))
    return path


def utm_wkt():
    return CRS.from_epsg(32631).to_wkt("WKT1_ESRI")


def test_land_covers_the_pixels_whose_centres_it_holds(tmp_path):
    file = write_geojson(tmp_path / "land.geojson", [(ISLAND, {})])
    assert np.array_equal(draw(scene(tmp_path), file), drawn(ISLAND))


def test_windows_are_cut_from_the_same_drawing(tmp_path):
    file, path = write_geojson(tmp_path / "land.geojson", [(ISLAND, {})]), scene(tmp_path)
    whole = draw(path, file)
    for x, y in ((0, 0), (33, 17), (60, 60)):
        window = Window(x, y, 20, 20)
        part = draw(path, file, window)
        part = np.zeros((20, 20), np.uint8) if part is None else part
        assert np.array_equal(part, whole[y : y + 20, x : x + 20])


@pytest.mark.parametrize("crs", ["EPSG:32631", "EPSG:3857"])
def test_land_of_any_crs_is_laid_on_the_scene(tmp_path, crs):
    placed = shape(transform_geom(UTM, crs, on_ground(ISLAND)))
    file = write_feature(tmp_path / "land.geojson", placed, crs={"type": "name", "properties": {"name": crs}})
    assert np.count_nonzero(draw(scene(tmp_path), file) != drawn(ISLAND)) <= 2


def test_a_geopackage_is_read(tmp_path):
    file = write_gpkg(tmp_path / "land.gpkg", [(ISLAND, "a"), (box(75, 75, 90, 90), "b")])
    expected = drawn(ISLAND) | drawn(box(75, 75, 90, 90))
    assert np.array_equal(draw(scene(tmp_path), file), expected)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_shapefile_is_read_with_its_holes_and_islands_in_lakes(tmp_path, turn):
    islet = box(33, 24, 37, 27)
    both = MultiPolygon([ISLAND, islet])
    placed = shape(on_ground(both))
    file = write_shapefile(tmp_path / "land.shp", [placed, shape(on_ground(box(70, 70, 79, 79)))], utm_wkt(), turn)
    expected = drawn(ISLAND) | drawn(islet) | drawn(box(70, 70, 79, 79))
    assert np.array_equal(draw(scene(tmp_path), file), expected)


def test_a_continent_that_reaches_beyond_the_crs_of_the_scene_is_clipped_first(tmp_path):
    """All the world but the sea east of the middle of the scene."""
    middle = transform_geom(UTM, "EPSG:4326", mapping(Point(CORNER[0] + 400, CORNER[1] - 400)))["coordinates"]
    file = write_feature(tmp_path / "land.geojson", box(-180, -90, middle[0], 90))
    assert np.flatnonzero(draw(scene(tmp_path), file).all(axis=0)).tolist() == list(range(40))


def test_land_across_the_antimeridian_is_laid_on_both_sides(tmp_path):
    path = scene(tmp_path, crs="EPSG:32660", transform=Affine(1000, 0, 793000, 0, -1000, 40000))
    file = write_feature(tmp_path / "land.geojson", box(-180, -20, 0, 20))
    columns = np.flatnonzero(draw(path, file).any(axis=0))
    x = transform_geom("EPSG:4326", "EPSG:32660", mapping(Point(180, 0)))["coordinates"][0]
    assert abs(columns[0] - (x - 793000) / 1000) < 1
    assert columns[-1] == SIZE - 1


@pytest.mark.parametrize("west", [179.6, -180.4])
def test_land_is_laid_on_a_scene_whose_longitudes_run_on_beyond_180(tmp_path, west):
    path = scene(tmp_path, crs="EPSG:4326", transform=Affine(0.01, 0, west, 0, -0.01, 10))
    file = write_feature(tmp_path / "land.geojson", box(-180, -20, 0, 20))
    assert np.flatnonzero(draw(path, file).any(axis=0)).tolist() == list(range(40, SIZE))


def test_land_is_laid_on_a_scene_in_longitudes_from_0_to_360(tmp_path):
    path = scene(tmp_path, crs="EPSG:4326", transform=Affine(0.01, 0, 190, 0, -0.01, 10))
    file = write_feature(tmp_path / "land.geojson", box(-169.7, -20, -160, 20))
    assert np.flatnonzero(draw(path, file).any(axis=0)).tolist() == list(range(30, SIZE))


def test_land_follows_a_resampled_grid(tmp_path):
    file = write_geojson(tmp_path / "land.geojson", [(box(20, 40, 60, 80), {})])
    found = draw(scene(tmp_path), file, Window(0, 0, 40, 40), gsd=20.0)
    assert np.array_equal(found, drawn(box(10, 20, 30, 40), Window(0, 0, 40, 40)))


def test_land_is_laid_by_control_points_where_there_is_no_transform(tmp_path):
    file = write_geojson(tmp_path / "land.geojson", [(ISLAND, {})])
    assert np.count_nonzero(draw(scene(tmp_path, gcps=True), file) != drawn(ISLAND)) <= 2


def test_a_window_without_land_is_no_bitmap(tmp_path):
    file = write_geojson(tmp_path / "land.geojson", [(box(0, 0, 10, 10), {})])
    assert draw(scene(tmp_path), file, Window(40, 40, 20, 20)) is None


@pytest.mark.parametrize(
    ("name", "content", "error", "sentence"),
    [
        ("land.kml", b"<kml/>", UsageError, r"not a kind of vector file .*\.geojson, \.gpkg, \.json, \.shp"),
        ("land.shp", b"no shapefile", SourceError, r"land\.shp: not a shapefile"),
        ("land.geojson", b"{", SourceError, "not readable as GeoJSON"),
    ],
)
def test_files_that_hold_no_areas_are_refused(tmp_path, name, content, error, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=sentence):
        draw(scene(tmp_path), tmp_path / name)


def test_lines_are_no_land(tmp_path):
    file = write_geojson(tmp_path / "coast.geojson", [(LineString([(0, 0), (50, 50)]), {})])
    with pytest.raises(SourceError, match="holds no polygons"):
        draw(scene(tmp_path), file)


def test_a_shapefile_without_its_crs_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"has no land\.prj beside it"):
        draw(scene(tmp_path), write_shapefile(tmp_path / "land.shp", [box(0, 0, 1, 1)]))


def test_a_shapefile_that_is_cut_off_is_refused(tmp_path):
    file = write_shapefile(tmp_path / "land.shp", [shape(on_ground(ISLAND))], utm_wkt())
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(SourceError, match="cut off or damaged"):
        draw(scene(tmp_path), file)


def test_a_scene_without_a_crs_takes_no_land(tmp_path):
    file = write_geojson(tmp_path / "land.geojson", [(ISLAND, {})])
    with pytest.raises(UsageError, match="has no CRS"):
        draw(scene(tmp_path, crs=None), file)
