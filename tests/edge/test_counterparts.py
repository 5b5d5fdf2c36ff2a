from dataclasses import replace

import numpy as np
import pytest

from seepseg.edge.counterparts import match
from seepseg.values import Detection, Prediction


def detection(mask=None, *, score=0.8, class_id=0, box=(10.0, 10.0, 50.0, 50.0), x=10, y=10):
    mask = np.ones((40, 40), np.uint8) if mask is None else mask
    return Detection(class_id, score, box, mask, x, y)


def matched(one, other, limits=0.05):
    return match(*(Prediction(100, 100, tuple(some)) for some in (one, other)), limits)


def differing(one, other, limits=0.05):
    return matched(one, other, limits).differing


def holed(pixels):
    mask = np.ones((40, 40), np.uint8)
    mask.flat[:pixels] = 0
    return mask


def test_equal_predictions_do_not_differ():
    found = matched([detection()], [detection()])
    assert found.differing == 0
    assert [(one.iou, one.score, one.box_px) for one in found.pairs] == [(1, 0, 0)]


def test_order_among_equals_does_not_count():
    some = [detection(), detection(class_id=1)]
    assert differing(some, some[::-1]) == 0


def test_of_two_alike_the_equal_one_is_the_counterpart():
    some = [detection(score=0.8), detection(score=0.6)]
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
        (detection(x=60), 2),
    ],
)
def test_class_score_and_mask_have_to_agree(other, count):
    assert differing([detection()], [other]) == count


def test_what_is_another_object_makes_no_pair_but_what_is_a_little_off_does():
    assert matched([detection()], [detection(x=60)]).pairs == ()
    (pair,) = matched([detection()], [detection(x=15, score=0.7, box=(15.0, 10.0, 55.0, 50.0))]).pairs
    assert (pair.iou, pair.box_px) == (35 / 45, 5)
    assert pair.score == pytest.approx(0.1)


def test_what_is_missing_and_what_is_too_much_counts():
    assert differing([detection()], []) == 1
    assert differing([], [detection(), detection()]) == 2


def test_an_instance_at_the_threshold_may_be_there_or_not():
    assert differing([detection(score=0.0505)], []) == 0
    assert differing([], [detection(score=0.0505)]) == 0
    assert differing([detection(score=0.0515)], []) == 1


def test_each_class_may_have_a_threshold_of_its_own():
    assert differing([detection(score=0.4005, class_id=1)], [], [0.1, 0.4]) == 0
    assert differing([detection(score=0.4005, class_id=0)], [], [0.1, 0.4]) == 1


def test_where_as_many_are_kept_as_can_be_the_last_may_be_another():
    full = [detection(x=1, score=0.9 - at / 1000) for at in range(300)]
    assert differing(full, [*full[:-1], detection(score=full[-1].score, x=60)]) == 0
    assert differing(full[:10], [*full[:9], detection(score=full[9].score, x=60)]) == 2


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
