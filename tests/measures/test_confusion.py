import numpy as np
import pytest

from make_detections import bar, found, true
from seepseg.measures.confusion import confuse, find_overlapping
from seepseg.measures.matching import overlaps

OIL, SHIP, NONE = 0, 1, 2
HERE, THERE = bar(40, 2, 2, 10, 10), bar(40, 20, 20, 10, 10)


def image(truth, predicted, open_shares=None):
    return find_overlapping(truth, predicted, overlaps(truth, predicted, "mask", 40, 40), open_shares)


def cells(*images, thresholds=0.25):
    """(truth, predicted) → count, of the cells that are not empty."""
    counts = confuse(images, thresholds, 2).counts
    return {(int(row), int(column)): int(counts[row, column]) for row, column in np.argwhere(counts)}


def test_a_right_detection_stands_on_the_diagonal():
    assert cells(image([true(SHIP, HERE)], [found(SHIP, 0.9, HERE)])) == {(SHIP, SHIP): 1}


def test_the_right_mask_with_the_wrong_class_is_confused():
    assert cells(image([true(OIL, HERE)], [found(SHIP, 0.9, HERE)])) == {(OIL, SHIP): 1}


def test_an_object_without_a_detection_and_one_elsewhere_are_a_miss_and_a_false_alarm():
    assert cells(image([true(OIL, HERE)], [found(OIL, 0.9, THERE)])) == {(OIL, NONE): 1, (NONE, OIL): 1}


def test_a_second_detection_of_an_object_is_a_false_alarm():
    twice = image([true(OIL, HERE)], [found(OIL, 0.9, HERE), found(OIL, 0.8, HERE)])
    assert cells(twice) == {(OIL, OIL): 1, (NONE, OIL): 1}


def test_of_two_masks_the_better_fitting_one_is_taken_whatever_its_class_or_score():
    both = image([true(OIL, HERE)], [found(OIL, 0.9, bar(40, 2, 2, 10, 8)), found(SHIP, 0.3, HERE)])
    assert cells(both) == {(OIL, SHIP): 1, (NONE, OIL): 1}


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_masks_that_fit_as_well_the_one_of_the_right_class_is_taken(order):
    both = image([true(OIL, HERE)], [found(SHIP, 0.9, HERE), found(OIL, 0.3, HERE)][::order])
    assert cells(both) == {(OIL, OIL): 1, (NONE, SHIP): 1}


def test_detections_below_the_threshold_of_their_class_are_not_there():
    both = image([true(OIL, HERE), true(SHIP, THERE)], [found(OIL, 0.5, HERE), found(SHIP, 0.5, THERE)])
    assert cells(both, thresholds=[0.5, 0.6]) == {(OIL, OIL): 1, (SHIP, NONE): 1}


def test_each_image_may_have_thresholds_of_its_own():
    one = image([true(OIL, HERE)], [found(OIL, 0.5, HERE)])
    assert cells(one, one, thresholds=[[0.4, 0], [0.6, 0]]) == {(OIL, OIL): 1, (OIL, NONE): 1}


def test_what_lies_in_a_crowd_is_no_false_alarm_and_a_crowd_no_miss():
    assert cells(image([true(OIL, HERE, crowd=True)], [found(SHIP, 0.9, bar(40, 3, 3, 4, 4))])) == {}


def test_what_lies_where_the_truth_is_open_is_no_false_alarm():
    assert cells(image([], [found(OIL, 0.9, HERE), found(SHIP, 0.9, THERE)], np.array([0.5, 0.4]))) == {(NONE, SHIP): 1}


def test_each_image_says_what_went_wrong_in_it():
    fine = image([true(OIL, HERE)], [found(OIL, 0.9, HERE)])
    missed = image([true(OIL, HERE), true(SHIP, THERE)], [])
    mixed = image([true(OIL, HERE)], [found(SHIP, 0.9, HERE), found(OIL, 0.9, THERE)])
    confusion = confuse([fine, missed, mixed, image([], [])], 0.25, 2)
    assert confusion.misses.tolist() == [0, 2, 0, 0]
    assert confusion.false_alarms.tolist() == [0, 0, 1, 0]
    assert confusion.confused.tolist() == [0, 0, 1, 0]


def test_no_images_confuse_nothing():
    assert confuse([], [0.5, 0.5], 2).counts.tolist() == [[0] * 3] * 3
