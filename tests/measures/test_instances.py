import json

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from make_detections import bar, found, random_images, reference, true
from seepseg import rle
from seepseg.dataset.truth import Truth
from seepseg.measures.average_precision import pool, rank
from seepseg.measures.confusion import confuse
from seepseg.measures.instances import CONFIDENCES, best_f1, draw_curves, judge_image, measure_confidence, summarize
from seepseg.measures.matching import AREAS

HERE, THERE = bar(40, 2, 2, 10, 10), bar(40, 20, 20, 10, 10)
NAMES = ["oil", "ship", "ice"]


def mean_of(precision):
    present = precision[precision > -1]
    return pytest.approx(present.mean(), abs=1e-9) if len(present) else None


@pytest.mark.parametrize("kind", ["mask", "box"])
def test_the_summary_holds_the_figures_of_pycocotools(kind):
    images = random_images(np.random.default_rng(7), 30)
    judged = [judge_image(*image) for image in images]
    figures = summarize([one.masks if kind == "mask" else one.boxes for one in judged], NAMES)
    precision, _ = reference(images, 3, kind)
    assert figures["map50"] == mean_of(precision[0, :, :, 0])
    assert figures["map50_95"] == mean_of(precision[:, :, :, 0])
    for number, area in list(enumerate(AREAS))[1:]:
        assert figures["by_size"][area]["map50_95"] == mean_of(precision[:, :, :, number])
        assert figures["per_class"]["ship"]["by_size"][area]["ap50"] == mean_of(precision[0, :, 1, number])


def test_an_absent_class_is_none_and_left_out_of_the_mean():
    one = judge_image(Truth(40, 40, objects=[true(0, HERE)]), [found(0, 0.9, HERE), found(1, 0.9, THERE)])
    figures = summarize([one.masks], NAMES)
    assert figures["map50"] == 1
    assert figures["per_class"]["ship"]["ap50"] is None
    assert figures["per_class"]["ship"]["instances"] == 0


def test_a_summary_of_nothing_is_none_throughout_and_can_be_written():
    figures = summarize([judge_image(Truth(40, 40), []).masks], NAMES)
    assert figures["map50"] is figures["by_size"]["small"]["map50_95"] is figures["per_class"]["oil"]["best_f1"] is None
    json.dumps(figures, allow_nan=False)


def test_crowds_are_not_counted_as_instances():
    one = judge_image(Truth(40, 40, objects=[true(0, HERE), true(0, THERE, crowd=True)]), [])
    assert summarize([one.masks], NAMES)["per_class"]["oil"]["instances"] == 1


def test_what_the_truth_leaves_open_excuses_false_alarms_everywhere():
    truth = Truth(40, 40, ignore=rle.encode(HERE), objects=[true(0, THERE)])
    one = judge_image(truth, [found(0, 0.9, HERE), found(0, 0.8, THERE)])
    assert summarize([one.masks], NAMES)["map50"] == summarize([one.boxes], NAMES)["map50"] == 1
    assert confuse([one.overlapping], 0.25, 3).false_alarms.tolist() == [0]


def ranked_at_random(seed):
    images = random_images(np.random.default_rng(seed), 20, classes=1, crowds=0)
    return rank(pool([judge_image(*image).masks for image in images]), 0)


@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.5, 0.9])
def test_precision_recall_and_f1_by_confidence_are_those_of_scikit_learn(confidence):
    ranked = ranked_at_random(3)
    right = ranked.right(0)
    missed = ranked.positives.sum() - right.sum()
    is_there = np.concatenate([right, np.ones(missed, bool)])
    is_said = np.concatenate([ranked.scores >= confidence, np.zeros(missed, bool)])
    expected = precision_recall_fscore_support(is_there, is_said, average="binary")[:3]
    assert measure_confidence(ranked, np.array([confidence]))[:, 0] == pytest.approx(expected)


def test_no_confidence_beats_the_best_f1():
    ranked = ranked_at_random(5)
    best = best_f1(ranked)
    assert best["f1"] == np.nanmax(measure_confidence(ranked, np.unique(ranked.scores))[2])
    assert measure_confidence(ranked, np.array([best["confidence"]]))[:, 0].tolist() == list(best.values())[1:]


def test_of_two_confidences_with_one_f1_the_higher_is_best():
    truth = Truth(40, 40, objects=[true(0, HERE), true(0, THERE)])
    wrong = bar(40, 14, 0, 5, 5)
    hits = [found(0, 0.9, HERE), found(0, 0.8, wrong), found(0, 0.7, wrong), found(0, 0.6, THERE)]
    assert best_f1(rank(pool([judge_image(truth, hits).masks]), 0))["confidence"] == 0.9


def test_detections_that_count_for_nothing_cost_no_precision():
    truth = Truth(40, 40, objects=[true(0, HERE), true(0, THERE, crowd=True)])
    one = judge_image(truth, [found(0, 0.9, THERE), found(0, 0.8, HERE)])
    assert best_f1(rank(pool([one.masks]), 0)) == {"confidence": 0.8, "precision": 1, "recall": 1, "f1": 1}


def test_where_nothing_is_right_there_is_no_best_confidence():
    one = judge_image(Truth(40, 40, objects=[true(0, HERE)]), [found(0, 0.9, THERE)])
    assert best_f1(rank(pool([one.masks]), 0)) is None


def test_curves_are_drawn_for_the_classes_that_the_truth_has():
    one = judge_image(Truth(40, 40, objects=[true(1, HERE)]), [found(1, 0.5, HERE), found(0, 0.9, HERE)])
    curves = draw_curves([one.masks], NAMES)
    assert list(curves) == ["ship"]
    assert curves["ship"].precision.min() == 1
    assert set(curves["ship"].score) == {0.5}
    recall = curves["ship"].by_confidence[1]
    assert recall[CONFIDENCES <= 0.5].tolist() == [1] * 51
    assert recall[CONFIDENCES > 0.5].tolist() == [0] * 50
