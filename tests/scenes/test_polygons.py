import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize

from make_scene_objects import bitmaps, block, ring
from seepseg.scenes.polygons import keep_valid, outline


@settings(max_examples=40)
@given(bitmaps)
def test_any_bitmap_is_a_valid_polygon_of_as_many_pixels(mask):
    shape = outline(mask, 0, 0)
    assert shape.is_valid
    assert shape.area == mask.sum()


@settings(max_examples=40)
@given(bitmaps, st.integers(0, 50), st.integers(0, 50))
def test_rasterised_back_it_is_the_same_bitmap_at_its_place(mask, x, y):
    whole = np.zeros((60, 60), np.uint8)
    whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    assert np.array_equal(rasterize([outline(mask, x, y)], (60, 60)), whole)


@settings(max_examples=40)
@given(bitmaps)
def test_outsides_are_counterclockwise_and_holes_clockwise(mask):
    for part in outline(mask, 0, 0).geoms:
        assert part.exterior.is_ccw
        assert not any(hole.is_ccw for hole in part.interiors)


def test_a_hole_stays_a_hole():
    (part,) = outline(ring(), 0, 0).geoms
    assert [hole.bounds for hole in part.interiors] == [(3, 3, 6, 6)]


def test_pixels_that_touch_at_a_corner_are_two_parts():
    assert len(outline(np.eye(2, dtype=np.uint8), 0, 0).geoms) == 2


def test_a_straight_edge_has_no_vertices_in_between():
    assert shapely.get_num_coordinates(outline(block(50, 20), 0, 0)) == 5


def test_a_mask_without_pixels_is_empty():
    assert outline(np.zeros((3, 3), np.uint8), 0, 0).is_empty


def test_what_crosses_itself_becomes_polygons():
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert keep_valid(bow).equals(shapely.MultiPolygon([[[(0, 0), (1, 1), (0, 2)]], [[(2, 0), (2, 2), (1, 1)]]]))
