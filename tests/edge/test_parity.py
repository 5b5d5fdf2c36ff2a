from dataclasses import replace

import numpy as np
import pytest

from seepseg.edge.parity import Parity, count_differing
from seepseg.values import Detection, Prediction


def detection(mask=None, *, score=0.8, class_id=0, box=(10.0, 10.0, 50.0, 50.0), x=10, y=10):
    mask = np.ones((40, 40), np.uint8) if mask is None else mask
    return Detection(class_id, score, box, mask, x, y)


def differing(one, other):
    return count_differing(*(Prediction(100, 100, tuple(some)) for some in (one, other)))


def holed(pixels):
    mask = np.ones((40, 40), np.uint8)
    mask.flat[:pixels] = 0
    return mask


def test_equal_predictions_do_not_differ():
    assert differing([detection()], [detection()]) == 0


def test_order_among_equals_does_not_count():
    some = [detection(), detection(class_id=1)]
    assert differing(some, some[::-1]) == 0


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (detection(score=0.8009), 0),
        (detection(score=0.802), 2),
        (detection(class_id=1), 2),
        (detection(holed(15)), 0),
        (detection(holed(17)), 2),
        (detection(x=11), 2),
    ],
)
def test_class_score_and_mask_have_to_agree(other, count):
    assert differing([detection()], [other]) == count


def test_what_is_missing_and_what_is_too_much_counts():
    assert differing([detection()], []) == 1
    assert differing([], [detection(), detection()]) == 2


def test_an_instance_at_the_threshold_may_be_there_or_not():
    assert differing([detection(score=0.0505)], []) == 0
    assert differing([], [detection(score=0.0505)]) == 0
    assert differing([detection(score=0.0515)], []) == 1


def test_a_small_mask_may_differ_in_a_pixel_but_not_in_two():
    small = detection(np.ones((3, 3), np.uint8), box=(10.0, 10.0, 13.0, 13.0))
    assert differing([small], [replace(small, mask=holed(1)[:3, :3])]) == 0
    assert differing([small], [replace(small, mask=holed(2)[:3, :3])]) == 2


def test_a_line_on_the_edge_of_a_box_belongs_to_it_or_not():
    before = detection(box=(10.0, 10.0, 50.0, 50.0))
    after = detection(holed(0)[:, 1:], box=(10.0001, 10.0, 50.0, 50.0), x=11)
    assert differing([before], [after]) == 0
    assert differing([before], [replace(after, box=(10.1, 10.0, 50.0, 50.0))]) == 2


def test_two_empty_masks_are_equal():
    nothing = detection(np.zeros((0, 0), np.uint8))
    assert differing([nothing], [nothing]) == 0


def test_scores_that_differ_fail_also_where_no_instance_does():
    assert Parity("onnx", 1, 0, 0, 0.1, 1e-4, 1.0).equal
    assert not Parity("onnx", 1, 0, 0, 0.1, 2e-3, 1.0).equal
    assert not Parity("onnx", 1, 5, 1, 0.1, 1e-4, 1.0).equal
