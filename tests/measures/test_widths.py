import cv2
import numpy as np
import pytest

from make_detections import bar, found, true
from seepseg.measures.matching import match_image
from seepseg.measures.widths import EDGES_PX, bin_width, bin_widths, recall_by_width


def px(bitmap):
    """The lower edge of the bin."""
    return EDGES_PX[bin_width(bitmap)]


@pytest.mark.parametrize(
    ("width", "edge"), [(1, 1), (2, 2), (3, 2), (4, 4), (7, 4), (8, 8), (15, 8), (16, 16), (31, 16), (32, 32), (60, 32)]
)
@pytest.mark.parametrize("length", [64, 200])
def test_a_bar_falls_into_the_bin_of_its_width(width, edge, length):
    assert px(np.ones((length, width), np.uint8)) == edge
    assert px(np.pad(np.ones((width, length), np.uint8), 3)) == edge


@pytest.mark.parametrize("angle", [10, 30, 45, 70])
@pytest.mark.parametrize(("width", "edge"), [(3, 2), (6, 4), (12, 8), (24, 16), (40, 32)])
def test_a_slanting_bar_falls_into_the_bin_of_its_width(angle, width, edge):
    y, x = np.mgrid[-150:150, -150:150] + 0.5
    along = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    across = y * np.cos(np.radians(angle)) - x * np.sin(np.radians(angle))
    assert px(((abs(across) <= width / 2) & (abs(along) <= 125)).astype(np.uint8)) == edge


def test_a_diagonal_of_single_pixels_is_one_wide():
    assert px(np.eye(50, dtype=np.uint8)) == 1


def test_a_single_pixel_is_one_wide():
    assert px(np.ones((1, 1), np.uint8)) == 1


def test_a_disc_is_as_wide_as_its_diameter():
    assert px(cv2.circle(np.zeros((60, 60), np.uint8), (30, 30), 9, 1, -1)) == 16


def test_a_thread_with_a_small_blob_is_as_narrow_as_the_thread():
    thread = np.zeros((300, 300), np.uint8)
    thread[:, 100:102] = 1
    assert px(cv2.circle(thread, (101, 150), 10, 1, -1)) == 2


def test_a_large_blob_with_a_thread_is_as_wide_as_the_blob():
    thread = np.zeros((300, 300), np.uint8)
    thread[:, 100:102] = 1
    assert px(cv2.circle(thread, (101, 150), 25, 1, -1)) == 32


def test_objects_are_measured_where_they_lie_in_the_image():
    truth = [true(0, bar(80, 0, 76, 80, 4)), true(0, bar(80, 5, 5, 1, 30)), true(0, bar(80, 30, 0, 40, 33))]
    assert [EDGES_PX[number] for number in bin_widths(truth, 80, 80)] == [4, 1, 32]


def test_recall_is_counted_by_width_at_any_confidence_and_at_the_thresholds():
    thin, low, wide = bar(80, 0, 0, 80, 1), bar(80, 0, 10, 80, 1), bar(80, 0, 40, 80, 9)
    truth = [true(0, thin), true(0, low), true(1, wide), true(0, bar(80, 0, 60, 80, 1), crowd=True)]
    predicted = [found(0, 0.6, thin), found(0, 0.4, low), found(0, 0.9, wide)]
    image = match_image(truth, predicted, "mask", 80, 80)
    table = recall_by_width([image], [bin_widths(truth, 80, 80)], [0.5, 0.5], 2)
    assert table[0] == {"from_px": 1, "to_px": 2, "instances": 2, "recall": 1, "recall_at_thresholds": 0.5}
    assert table[1] == {"from_px": 2, "to_px": 4, "instances": 0, "recall": None, "recall_at_thresholds": None}
    assert table[3] == {"from_px": 8, "to_px": 16, "instances": 1, "recall": 0, "recall_at_thresholds": 0}
    assert table[5]["to_px"] is None


def test_no_images_have_no_recall():
    assert [row["recall"] for row in recall_by_width([], [], 0.5, 2)] == [None] * len(EDGES_PX)
