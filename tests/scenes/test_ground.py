import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from pyproj import CRS, Geod, Transformer
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS as RasterCRS
from rasterio.transform import Affine, from_gcps

from make import ragged
from make_scene_objects import PLACES, UTM_31, bitmaps, block, grid_at, ring
from seepseg.georeference import Grid
from seepseg.scenes.antimeridian import as_polygons
from seepseg.scenes.ground import ground_of, lay_down, measure_line, measure_rings, metres_around
from seepseg.scenes.polygons import outline

GEOD = Geod(ellps="WGS84")


def to_degrees(points, crs, t):
    x, y = t.a * points[:, 0] + t.b * points[:, 1] + t.c, t.d * points[:, 0] + t.e * points[:, 1] + t.f
    return np.stack(Transformer.from_crs(CRS(crs), 4326, always_xy=True).transform(x, y), 1)


def geodesic(shape, crs, transform):
    """Area and perimeter with a vertex at every tenth of a pixel, which leaves no room for doubt."""
    dense = shapely.transform(shape.segmentize(0.1), lambda points: to_degrees(points, crs, transform))
    area, perimeter = GEOD.geometry_area_perimeter(dense)
    return abs(area), perimeter


@pytest.mark.parametrize(("crs", "transform"), PLACES)
def test_area_and_perimeter_are_geodesic(crs, transform):
    shape = outline(ragged(np.random.default_rng(1), 60, 80), 500, 300)
    area, perimeter = measure_rings(lay_down(shape, ground_of(grid_at(crs, transform))))
    assert (area, perimeter) == pytest.approx(geodesic(shape, crs, transform), rel=1e-4)


@pytest.mark.parametrize(("crs", "transform"), PLACES)
def test_the_area_of_what_is_written_is_right_too(crs, transform):
    shape = outline(block(900, 3), 20, 300)
    written = as_polygons(lay_down(shape, ground_of(grid_at(crs, transform))), 7)
    assert GEOD.geometry_area_perimeter(written)[0] == pytest.approx(geodesic(shape, crs, transform)[0], rel=5e-3)


def test_holes_count_in_the_perimeter_and_not_in_the_area():
    rings = lay_down(outline(ring(9, 3), 0, 0), ground_of(grid_at(*UTM_31)))
    assert measure_rings(rings) == pytest.approx((72 * 100, (36 + 12) * 10), rel=2e-3)


@settings(max_examples=30)
@given(bitmaps)
def test_any_bitmap_has_a_valid_polygon_on_the_ground(mask):
    ground = ground_of(grid_at("EPSG:4326", Affine(0.5, 0, -180, 0, -0.5, 2)))
    polygons = as_polygons(lay_down(outline(mask, 715, 0), ground), 7)
    assert polygons.is_valid
    assert all(part.exterior.is_ccw for part in polygons.geoms)


def test_long_edges_get_vertices_where_the_ground_bends_away_from_them():
    crs, transform = "EPSG:3413", Affine(1000, 0, -2_000_000, 0, -1000, -500_000)
    shape = outline(block(900, 3), 0, 0)
    polygon = as_polygons(lay_down(shape, ground_of(grid_at(crs, transform))), 7)
    true = shapely.transform(shape.segmentize(1), lambda points: to_degrees(points, crs, transform))
    assert polygon.symmetric_difference(true).area < 0.1 / 3 * true.area
    assert shapely.get_num_coordinates(polygon) < 400


def test_short_edges_get_none():
    shape = outline(ragged(np.random.default_rng(1), 60, 80), 0, 0)
    rings = lay_down(shape, ground_of(grid_at(*UTM_31)))
    assert len(rings.points) == shapely.get_num_coordinates(shape)


def test_another_datum_is_brought_to_wgs84():
    crs, transform = "EPSG:4230", Affine(0.001, 0, 3, 0, -0.001, 60)
    ground = ground_of(grid_at(crs, transform))
    assert ground.place(np.zeros((1, 2)))[0] == pytest.approx(to_degrees(np.zeros((1, 2)), crs, transform)[0], abs=1e-9)
    assert abs(ground.place(np.zeros((1, 2)))[0] - (3, 60)).max() > 1e-4


def test_without_a_crs_there_is_no_ground():
    assert ground_of(Grid(10, 10, Affine.identity(), None, (1.0, 1.0), None)) is None


def test_nor_in_a_crs_that_is_not_on_the_earth():
    local = 'LOCAL_CS["site",LOCAL_DATUM["site",0],UNIT["metre",1],AXIS["X",EAST],AXIS["Y",NORTH]]'
    assert ground_of(Grid(10, 10, Affine.identity(), RasterCRS.from_wkt(local), (1.0, 1.0), None)) is None


def test_a_place_that_the_crs_does_not_have_is_none():
    geostationary = "+proj=geos +h=35785831 +lon_0=0 +ellps=WGS84"
    ground = ground_of(grid_at(geostationary, Affine(10_000, 0, -6_000_000, 0, -10_000, 6_000_000)))
    assert lay_down(outline(block(2, 2), 0, 0), ground) is None


def test_nothing_lies_nowhere():
    assert lay_down(outline(block(0, 0), 0, 0), ground_of(grid_at(*UTM_31))) is None


def test_a_line_is_measured_on_the_ellipsoid():
    ground = ground_of(grid_at("EPSG:4326", Affine(0.01, 0, 0, 0, -0.01, 60)))
    assert measure_line(np.array([[0.0, 0.0], [100.0, 0.0]]), ground) == pytest.approx(GEOD.inv(0, 60, 1, 60)[2])


def test_a_pixel_leads_east_and_north_as_far_as_it_is_large():
    east_north = metres_around(ground_of(grid_at(*UTM_31)), 500, 400)
    assert east_north == pytest.approx(np.array([[10, 0], [0, -10]]), abs=0.15)


def bent_points():
    """Control points that no affine transform fits: the east bends north."""
    return [
        GroundControlPoint(row, column, 3 + column * 1e-3, 60 - row * 1e-3 + (column / 100) ** 2 * 1e-2)
        for row in (0, 50, 100)
        for column in (0, 25, 50, 75, 100)
    ]


def test_control_points_place_better_than_their_fit():
    points = bent_points()
    grid = Grid(200, 200, from_gcps(points), RasterCRS.from_epsg(4326), (0.5, 0.5), None, approximate=True)
    ground = ground_of(grid, (points, grid.crs))
    assert ground.approximate
    assert ground.place(np.array([[100.0, 100.0]]))[0] == pytest.approx((3.05, 59.9525), abs=1e-6)
