import numpy as np
import pytest
import shapely
from pyproj import Geod
from rasterio.transform import Affine

from make import ragged
from make_scene_objects import block, grid_at, ring
from seepseg.scenes.antimeridian import as_polygons
from seepseg.scenes.ground import ground_of, lay_down, measure_rings
from seepseg.scenes.polygons import outline

ACROSS = ("EPSG:4326", Affine(0.01, 0, 178, 0, -0.01, 10))
NORTH = ("EPSG:3413", Affine(1000, 0, -100_000, 0, -1000, 100_000))
SOUTH = ("EPSG:3031", Affine(1000, 0, -100_000, 0, -1000, 100_000))


def laid(mask, x, y, place):
    rings = lay_down(outline(mask, x, y), ground_of(grid_at(*place)))
    return as_polygons(rings, 7), measure_rings(rings)[0]


def geodesic_area(polygons):
    """Of edges that are straight in degrees."""
    return sum(Geod(ellps="WGS84").geometry_area_perimeter(part.segmentize(0.05))[0] for part in polygons.geoms)


def test_an_object_across_the_antimeridian_is_cut_there():
    polygons, _ = laid(block(100, 20), 150, 0, ACROSS)
    assert sorted(part.bounds for part in polygons.geoms) == [(-180, 9.8, -179.5, 10), (179.5, 9.8, 180, 10)]


def test_its_parts_together_are_as_large():
    polygons, area = laid(ragged(np.random.default_rng(2), 60, 100), 150, 0, ACROSS)
    assert polygons.is_valid
    assert geodesic_area(polygons) == pytest.approx(area, rel=1e-4)


def test_a_hole_on_the_antimeridian_stays_a_hole():
    polygons, area = laid(ring(40, 20), 180, 0, ACROSS)
    assert not polygons.contains(shapely.Point(179.95, 9.8))
    assert not polygons.contains(shapely.Point(-179.95, 9.8))
    assert geodesic_area(polygons) == pytest.approx(area, rel=1e-4)


def test_longitudes_from_0_to_360_come_back_to_180():
    polygons, _ = laid(block(10, 10), 0, 0, ("EPSG:4326", Affine(0.1, 0, 190, 0, -0.1, 10)))
    assert polygons.bounds == (-170, 9, -169, 10)


def test_the_whole_width_of_the_world_is_one_band():
    polygons, area = laid(block(720, 10), 0, 0, ("EPSG:4326", Affine(0.5, 0, -180, 0, -0.5, 10)))
    assert polygons.bounds == (-180, 5, 180, 10)
    assert geodesic_area(polygons) == pytest.approx(area, rel=1e-3)


@pytest.mark.parametrize(("place", "pole"), [(NORTH, 90), (SOUTH, -90)])
def test_an_object_over_a_pole_reaches_it(place, pole):
    polygons, area = laid(block(40, 40), 80, 80, place)
    assert polygons.is_valid
    assert pole in (polygons.bounds[1], polygons.bounds[3])
    assert geodesic_area(polygons) == pytest.approx(area, rel=2e-3)


def test_a_hole_over_a_pole_does_not_reach_it():
    polygons, area = laid(ring(60, 30), 70, 70, NORTH)
    assert polygons.bounds[3] < 89.9
    assert geodesic_area(polygons) == pytest.approx(area, rel=2e-3)
