import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from make_detections import bar, found, true
from seepseg import rle
from seepseg.measures.matching import encode_prediction, match_image, overlaps, share_inside
from seepseg.values import Detection, Prediction

OIL, SHIP = 0, 1
ALL, SMALL, LARGE = 0, 1, 3
EVERY = 2**10 - 1
SIZE = (40, 40)
HERE, THERE = bar(40, 2, 2, 10, 10), bar(40, 20, 20, 10, 10)


@given(
    rows=st.integers(0, 5), columns=st.integers(0, 5), y=st.integers(0, 4), x=st.integers(0, 3), seed=st.integers(0, 99)
)
def test_a_crop_becomes_the_run_lengths_of_the_whole_image(rows, columns, y, x, seed):
    crop = np.random.default_rng(seed).integers(0, 2, (rows, columns), dtype=np.uint8)
    whole = np.zeros((9, 8), np.uint8)
    whole[y : y + rows, x : x + columns] = crop
    (one,) = encode_prediction(Prediction(8, 9, (Detection(OIL, 0.5, (0, 0, 1, 1), crop, x, y),)))
    assert np.array_equal(rle.decode(one.rle, 8, 9), whole)


def test_an_image_without_detections_encodes_to_nothing():
    assert encode_prediction(Prediction(8, 9)) == []


def test_a_second_detection_of_one_object_is_wrong():
    matches = match_image([true(OIL, HERE)], [found(OIL, 0.5, HERE), found(OIL, 0.9, HERE)], "mask", *SIZE)
    assert matches.scores.tolist() == [0.9, 0.5]
    assert matches.hits[ALL].tolist() == [EVERY, 0]
    assert matches.ignored[ALL].tolist() == [0, 0]
    assert matches.found.tolist() == [0.9]


def test_the_right_mask_with_the_wrong_class_matches_nothing():
    matches = match_image([true(OIL, HERE)], [found(SHIP, 0.9, HERE)], "mask", *SIZE)
    assert matches.hits.max() == 0
    assert np.isnan(matches.found).all()


def test_a_detection_is_right_up_to_its_own_iou():
    matches = match_image([true(OIL, HERE)], [found(OIL, 0.9, bar(40, 2, 2, 10, 7))], "mask", *SIZE)
    assert matches.hits[ALL].tolist() == [0b11111]  # IoU 0.7: 0.50, 0.55, 0.60, 0.65, 0.70


def test_any_number_of_detections_in_a_crowd_count_for_nothing():
    inside = [found(OIL, 0.9, bar(40, y, 3, 2, 2)) for y in (3, 5, 7)]
    matches = match_image([true(OIL, HERE, crowd=True)], inside, "mask", *SIZE)
    assert matches.ignored[ALL].tolist() == [EVERY] * 3
    assert not matches.counted.any()
    assert np.isnan(matches.found).all()


@pytest.mark.parametrize("order", [1, -1])
def test_a_crowd_is_taken_only_where_no_object_is_free(order):
    truth = [true(OIL, bar(40, 0, 0, 20, 20), crowd=True), true(OIL, HERE)][::order]
    matches = match_image(truth, [found(OIL, 0.9, HERE), found(OIL, 0.8, HERE)], "mask", *SIZE)
    assert matches.ignored[ALL].tolist() == [0, EVERY]


def test_a_wrong_detection_counts_only_in_the_range_of_its_own_area():
    matches = match_image([], [found(OIL, 0.9, HERE)], "mask", *SIZE)
    assert matches.ignored[[ALL, SMALL, LARGE], 0].tolist() == [0, 0, EVERY]


def test_a_wrong_detection_where_the_truth_is_open_is_ignored_up_to_the_share_that_lies_there():
    predicted = [found(OIL, 0.9, HERE), found(OIL, 0.8, THERE)]
    shares = share_inside(rle.encode(bar(40, 0, 0, 40, 8)), predicted, *SIZE)
    matches = match_image([], predicted, "mask", *SIZE, open_shares=shares)
    assert shares.tolist() == [0.6, 0]
    assert matches.ignored[ALL].tolist() == [0b111, 0]


def test_a_right_detection_stays_right_where_the_truth_is_open():
    matches = match_image([true(OIL, HERE)], [found(OIL, 0.9, HERE)], "mask", *SIZE, open_shares=np.ones(1))
    assert (matches.hits[ALL, 0], matches.ignored[ALL, 0]) == (EVERY, 0)


def test_no_more_than_the_best_of_each_class_are_kept():
    many = [found(OIL, score / 1000, THERE) for score in range(305)]
    matches = match_image([], [*many, found(SHIP, 0.0, HERE)], "mask", *SIZE)
    assert matches.class_ids.tolist() == [OIL] * 300 + [SHIP]
    assert matches.scores[299] == 0.005


def test_boxes_overlap_as_the_model_drew_them():
    predicted = [found(OIL, 0.9, HERE)]
    object.__setattr__(predicted[0], "box", (2.0, 2.0, 12.0, 9.5))
    assert overlaps([true(OIL, HERE)], predicted, "box", *SIZE).item() == pytest.approx(0.75)
