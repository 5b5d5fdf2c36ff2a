import numpy as np
import pytest

from make_subject import find
from outputs.stand_in import NAMES, stored
from seepseg.dataset.truth import Truth
from seepseg.evaluate.in_force import from_other_images, probabilities
from seepseg.measures.presence import gather, score_image
from seepseg.outputs.verdict import judge
from seepseg.values import Prediction

DOT = np.ones((1, 1), np.uint8)


def seen(*found):
    return Prediction(8, 8, tuple(find(class_id, score, DOT) for class_id, score in found))


def test_presence_is_the_highest_confidence_above_its_own_threshold():
    verdict = judge(seen((0, 0.2), (0, 0.39), (1, 0.31)), stored(), NAMES)
    assert (verdict.present, verdict.score, verdict.threshold) == (True, 0.39, 0.35)
    assert [one.present for one in verdict.classes] == [False, True]


def test_a_score_right_at_the_threshold_is_not_above_it():
    assert not judge(seen((0, 0.35)), stored(), NAMES).present


def test_nothing_found_is_a_score_of_nought():
    verdict = judge(seen(), stored(), NAMES)
    assert (verdict.present, verdict.score) == (False, 0.0)
    assert verdict.probability is not None
    assert verdict.probability < 0.01


def test_given_confidences_decide_in_place_of_the_stored_ones():
    verdict = judge(seen((0, 0.39), (1, 0.31)), stored(), NAMES, limits=(0.38, 0.5))
    assert (verdict.present, verdict.threshold) == (True, 0.38)
    assert [one.present for one in verdict.classes] == [True, False]


def test_without_thresholds_a_quarter_is_the_limit_and_there_is_no_probability():
    verdict = judge(seen((1, 0.26)), None, NAMES)
    assert (verdict.present, verdict.threshold, verdict.probability) == (True, 0.25, None)


def test_score_verdict_and_probability_are_those_of_an_evaluation():
    rng = np.random.default_rng(0)
    images = [seen(*zip(rng.integers(0, 2, 3).tolist(), rng.random(3).tolist(), strict=True)) for _ in range(20)]
    truth = Truth(8, 8)
    presence = gather([score_image(one, truth, 2) for one in images])
    used = from_other_images(stored(), NAMES)
    verdicts = [judge(one, stored(), NAMES) for one in images]
    assert [one.score for one in verdicts] == presence.any_score.tolist()
    assert [one.present for one in verdicts] == (presence.any_score > used.any_presence).tolist()
    for index in range(2):
        theirs = probabilities(used, presence.scores[:, index], index, NAMES)
        assert [one.classes[index].probability for one in verdicts] == pytest.approx(theirs.tolist())
