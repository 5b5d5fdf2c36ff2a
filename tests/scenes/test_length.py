import cv2
import numpy as np
import pytest

from make_scene_objects import block
from seepseg.scenes.length import MOST_NODES, longest_way


def length(line, pixel=(1.0, 1.0)):
    return np.hypot(*(np.diff(line, axis=0) * pixel).T).sum()


def line_at(degrees, thickness, reach=400):
    mask = np.zeros((reach + 20, reach + 20), np.uint8)
    end = (10 + round(reach * np.cos(np.radians(degrees))), 10 + round(reach * np.sin(np.radians(degrees))))
    return cv2.line(mask, (10, 10), end, 1, thickness)


@pytest.mark.parametrize("degrees", [0, 10, 22.5, 30, 45, 71, 90])
def test_a_line_of_one_pixel_is_as_long_in_any_direction(degrees):
    assert length(longest_way(line_at(degrees, 1))) == pytest.approx(401, rel=0.01)


@pytest.mark.parametrize("degrees", [0, 15, 30, 60])
def test_a_wide_line_is_too(degrees):
    assert length(longest_way(line_at(degrees, 7))) == pytest.approx(407, rel=0.02)


def test_the_way_follows_a_bend_and_does_not_cut_across():
    mask = cv2.circle(np.zeros((420, 420), np.uint8), (210, 210), 200, 1, 3)
    mask[210:, 210:] = 0
    assert length(longest_way(mask)) == pytest.approx(1.5 * np.pi * 200, rel=0.02)


def test_a_hairpin_is_twice_as_long_as_it_looks():
    mask = block(100, 7)
    mask[1:6, :99] = 0
    assert length(longest_way(mask)) == pytest.approx(100 + 6 + 100, rel=0.02)


def test_one_pixel_is_as_long_as_a_pixel():
    assert longest_way(block(1, 1)).tolist() == [[0.0, 0.5], [1.0, 0.5]]


def test_dashes_in_a_row_reach_from_the_first_to_the_last():
    mask = np.zeros((3, 90), np.uint8)
    mask[1, :20] = mask[1, 40:50] = mask[1, 80:] = 1
    assert length(longest_way(mask)) == pytest.approx(90)


def test_pixels_that_are_longer_than_wide_count_as_long_as_they_are():
    cross = np.zeros((21, 21), np.uint8)
    cross[10], cross[3:18, 10] = 1, 1
    assert longest_way(cross, (1.0, 10.0)).tolist() == [[10.5, 18], [10.5, 3]]


def test_a_large_object_is_measured_in_coarser_cells():
    mask = block(600, 300)
    assert mask.sum() > MOST_NODES
    assert length(longest_way(mask)) == pytest.approx(np.hypot(600, 300), rel=0.02)
