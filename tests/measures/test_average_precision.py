import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from make_detections import bar, found, random_images, reference, true
from seepseg.dataset.truth import Truth
from seepseg.measures.average_precision import (
    RECALLS,
    average_precision,
    bootstrap_map,
    interpolate,
    pool,
    rank,
    score_at_recalls,
)
from seepseg.measures.matching import AREAS, match_image

HERE, THERE = bar(40, 2, 2, 10, 10), bar(40, 20, 20, 10, 10)


def match(images, kind="mask"):
    return [match_image(t.objects, predicted, kind, t.width, t.height) for t, predicted in images]


def same_as_coco(images, classes, kind):
    pooled = pool(match(images, kind))
    precision, scores = reference(images, classes, kind)
    for class_id in range(classes):
        for number, area in enumerate(AREAS):
            ranked = rank(pooled, class_id, area)
            mine = np.nan_to_num(interpolate(ranked)[0], nan=-1)
            np.testing.assert_allclose(mine, precision[:, :, class_id, number], atol=1e-9)
            if ranked.positives.any():
                # At recall 0 COCO names the very first score, whether that detection is right or not.
                np.testing.assert_allclose(
                    np.nan_to_num(score_at_recalls(ranked))[1:], scores[0, 1:, class_id, number], atol=1e-9
                )
    return precision


@pytest.mark.parametrize("kind", ["mask", "box"])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6), tied=st.booleans())
def test_every_point_of_every_curve_is_that_of_pycocotools(kind, seed, count, tied):
    same_as_coco(random_images(np.random.default_rng(seed), count, tied=tied), 3, kind)


@pytest.mark.parametrize("kind", ["mask", "box"])
def test_curves_are_those_of_pycocotools_beyond_a_hundred_and_three_hundred_detections(kind):
    images = random_images(np.random.default_rng(4), 3, classes=1, most=3)
    truth, predicted = images[0]
    rng = np.random.default_rng(5)
    for _ in range(330):
        y, x, rows, columns = rng.integers(1, 20, 4)
        predicted.append(found(0, round(rng.random(), 2), bar(truth.width, y, x, rows, columns)))
    truth.objects.append(true(0, bar(truth.width, 5, 5, 9, 9)))
    assert same_as_coco(images, 1, kind).max() > 0


@pytest.mark.parametrize("kind", ["mask", "box"])
def test_a_class_that_only_the_predictions_have_is_absent(kind):
    images = [(Truth(40, 40, objects=[true(0, HERE)]), [found(1, 0.9, HERE), found(0, 0.5, HERE)])]
    precision = same_as_coco(images, 2, kind)
    assert precision[:, :, 1].max() == -1
    assert average_precision(rank(pool(match(images, kind)), 1)) is None


@pytest.mark.parametrize("left_first", [True, False])
def test_of_two_objects_that_fit_as_well_the_one_that_pycocotools_takes_is_taken(left_first):
    left, right, between = bar(40, 5, 0, 10, 10), bar(40, 5, 6, 10, 10), bar(40, 5, 3, 10, 10)
    objects = [true(0, left), true(0, right)][:: 1 if left_first else -1]
    precision = same_as_coco(
        [(Truth(40, 40, objects=objects), [found(0, 0.9, between), found(0, 0.8, right)])], 1, "mask"
    )
    assert precision[0, -1, 0, 0] == pytest.approx(0 if left_first else 1)


def test_no_detection_at_all_is_zero_as_in_pycocotools():
    assert same_as_coco([(Truth(40, 40, objects=[true(0, HERE)]), [])], 1, "mask")[0, :, 0, 0].max() == 0


def test_no_image_at_all_has_no_figure():
    assert average_precision(rank(pool([]), 0)) is None


def one_image(*predicted):
    truth = Truth(40, 40, objects=[true(0, HERE), true(0, THERE)])
    return average_precision(rank(pool(match([(truth, list(predicted))])), 0))


def test_perfect_detections_have_one():
    assert one_image(found(0, 0.9, HERE), found(0, 0.8, THERE)).tolist() == [1] * 10


def test_detections_in_the_wrong_place_have_zero():
    assert one_image(found(0, 0.9, bar(40, 14, 0, 5, 5))).tolist() == [0] * 10


def test_a_duplicate_between_two_right_ones_costs_precision_at_the_second():
    # Recall 0.5 at precision 1 holds 51 of 101 points, recall 1 at precision 2/3 the other 50.
    ap = one_image(found(0, 0.9, HERE), found(0, 0.8, HERE), found(0, 0.7, THERE))
    assert ap == pytest.approx([(51 + 50 * 2 / 3) / 101] * 10)


def test_a_duplicate_behind_all_right_ones_costs_nothing():
    assert one_image(found(0, 0.9, HERE), found(0, 0.8, THERE), found(0, 0.7, HERE)).tolist() == [1] * 10


def test_the_score_at_a_recall_is_the_lowest_that_it_takes():
    truth = Truth(40, 40, objects=[true(0, HERE), true(0, THERE), true(0, bar(40, 0, 30, 5, 5))])
    matches = match([(truth, [found(0, 0.9, HERE), found(0, 0.6, THERE)])])
    scores = score_at_recalls(rank(pool(matches), 0))
    assert scores[[33, 34, 66]].tolist() == [0.9, 0.6, 0.6]
    assert np.isnan(scores[67:]).all()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), times=st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_weights_are_images_repeated(seed, times):
    images = random_images(np.random.default_rng(seed), 5, tied=False)
    repeated = [image for image, often in zip(images, times, strict=True) for _ in range(often)]
    weighted, really = pool(match(images)), pool(match(repeated))
    for class_id in range(3):
        for area in AREAS:
            np.testing.assert_allclose(
                interpolate(rank(weighted, class_id, area), np.array([times]))[0],
                interpolate(rank(really, class_id, area))[0],
                atol=1e-12,
            )


def test_many_draws_equal_each_draw_by_itself(monkeypatch):
    pooled = pool(match(random_images(np.random.default_rng(3), 12)))
    draws = np.random.default_rng(0).integers(0, 4, (9, 12))
    alone = np.concatenate([interpolate(rank(pooled, 0), draw[None]) for draw in draws])
    monkeypatch.setattr("seepseg.measures.average_precision._CELLS", 4 * len(rank(pooled, 0).scores))
    assert np.array_equal(interpolate(rank(pooled, 0), draws), alone, equal_nan=True)


def test_a_draw_of_each_image_once_gives_the_plain_figures():
    images = random_images(np.random.default_rng(1), 20)
    figures = bootstrap_map(match(images), ["a", "b", "absent", "c"][:3], np.ones((2, 20), np.int64))
    precision = reference(images, 3, "mask")[0][:, :, :, 0]
    assert figures["map50"] == pytest.approx([precision[0].mean()] * 2)
    assert figures["map50_95"] == pytest.approx([precision.mean()] * 2)
    assert figures["per_class.b.ap50"] == pytest.approx([precision[0, :, 1].mean()] * 2)


def test_a_class_missing_from_a_draw_is_left_out_of_its_mean():
    images = [
        (Truth(40, 40, objects=[true(0, HERE)]), [found(0, 0.9, HERE)]),
        (Truth(40, 40, objects=[true(1, HERE)]), []),
    ]
    figures = bootstrap_map(match(images), ["oil", "ship", "absent"], np.array([[1, 1], [2, 0], [0, 0]]))
    assert np.array_equal(figures["map50"], [0.5, 1, np.nan], equal_nan=True)
    assert np.array_equal(figures["per_class.ship.ap50"], [0, np.nan, np.nan], equal_nan=True)
    assert not any("absent" in name for name in figures)


def test_recalls_are_those_of_coco():
    assert RECALLS.tolist() == np.linspace(0.0, 1.00, int(np.round((1.00 - 0.0) / 0.01)) + 1).tolist()
