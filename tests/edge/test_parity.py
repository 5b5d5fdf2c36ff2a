from dataclasses import replace

import numpy as np
import pytest

from edge.test_counterparts import detection
from seepseg.edge.answer import Answer
from seepseg.edge.parity import compare
from seepseg.edge.runners import Runner, Seen
from seepseg.outputs.verdict import Verdict
from seepseg.values import Prediction

IMAGES = [np.zeros((100, 100), np.uint8)] * 3
OUTPUT = np.zeros((4 + 2 + 32, 21), np.float32)
PROTOTYPES = np.zeros((32, 4, 4), np.float32)


def seen(*detections, score=0.9, present=True, outputs=(OUTPUT, PROTOTYPES), ms=2.0):
    each = Verdict(present, score, None, 0.5)
    return Seen(Answer(Prediction(100, 100, detections), replace(each, classes=(each, each))), outputs, ms)


def runner(one, limits=(0.05, 0.05)):
    return Runner("onnx", "predict", "fp32", limits, lambda images: [one] * len(images))


def parity(one, other, limits=(0.05, 0.05)):
    (found,) = compare(runner(one), [runner(other, limits)], IMAGES)
    return found


def spoiled(row, by):
    output = OUTPUT.copy()
    output[row, 0] = by
    return output, PROTOTYPES


def test_the_same_answers_are_equal():
    found = parity(seen(detection()), seen(detection(), ms=7.0))
    assert found.equal
    assert (found.images, found.instances, found.least_iou, found.ms) == (3, 3, 1, 7)


def test_differences_are_told_by_their_largest_and_their_mean():
    found = parity(seen(detection()), seen(detection(), outputs=spoiled(0, 10.0)))
    assert found.equal
    assert (found.raw.most, found.raw_score) == (10, 0)
    assert found.raw.mean == pytest.approx(10 / (OUTPUT.size + PROTOTYPES.size))


def test_raw_scores_that_differ_fail_also_where_no_instance_does():
    assert parity(seen(), seen(outputs=spoiled(4, 1e-4))).equal
    assert not parity(seen(), seen(outputs=spoiled(5, 2e-3))).equal


@pytest.mark.parametrize("outputs", [spoiled(4, np.nan), (OUTPUT[:-1], PROTOTYPES)])
def test_what_is_no_number_or_of_another_shape_is_no_answer(outputs):
    found = parity(seen(), seen(outputs=outputs))
    assert not found.equal
    assert found.raw.most == np.inf


def test_an_instance_that_differs_fails():
    found = parity(seen(detection()), seen(detection(score=0.7)))
    assert not found.equal
    assert found.differing == 6
    assert found.score.most == pytest.approx(0.1)


def test_a_verdict_that_differs_fails_unless_its_score_lies_at_the_threshold():
    assert parity(seen(score=0.6), seen(score=0.4, present=False)).verdicts == 3
    assert not parity(seen(score=0.6), seen(score=0.4, present=False)).equal
    assert parity(seen(score=0.5001), seen(score=0.4999, present=False)).equal


def test_only_what_a_runner_tells_is_compared():
    found = parity(seen(detection(), detection(score=0.2)), seen(detection(), outputs=None, ms=None), (0.5, 0.5))
    assert found.equal
    assert (found.instances, found.raw, found.ms) == (3, None, None)


def test_logits_of_a_semantic_model_are_compared_as_probabilities():
    logits = np.full((2, 4, 4), 20.0, np.float32)
    far = np.stack([logits[0], logits[0] - 8])
    assert parity(seen(outputs=(far,)), seen(outputs=(far + [[[0]], [[0.5]]],))).equal
    assert not parity(seen(outputs=(logits,)), seen(outputs=(logits + [[[0]], [[0.5]]],))).equal
