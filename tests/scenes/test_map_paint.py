import numpy as np
import pytest

from make_scene_objects import block, found
from seepseg.palette import colour_of
from seepseg.scenes.map_paint import paint_objects, show, veil


def test_at_its_own_size_an_object_is_shown_as_it_is():
    shown, x, y = show(found(block(4, 3), 5, 6), (20, 20), (20, 20))
    assert (shown.tolist(), x, y) == (block(4, 3).tolist(), 5, 6)


def test_a_thin_object_still_shows_in_a_small_picture():
    classes = paint_objects([found(block(1, 900), 503, 50)], (1000, 1000), (50, 50))
    assert np.flatnonzero(classes.any(axis=0)).tolist() == [25]
    assert np.flatnonzero(classes.any(axis=1)).tolist() == list(range(2, 48))


@pytest.mark.parametrize("size", [(40, 60), (10, 15), (33, 47), (7, 90)])
def test_neighbours_leave_no_gap_at_any_size(size):
    left, right = found(block(9, 30), 0, 0), found(block(11, 30), 9, 0)
    assert paint_objects([left, right], (20, 30), size).all()


def test_the_surest_lies_on_top():
    objects = [found(block(4, 4), class_id=0, score=0.9), found(block(4, 4), class_id=1, score=0.5)]
    assert (paint_objects(objects, (4, 4), (4, 4)) == 1).all()


def test_objects_are_edged_in_their_colour_and_veiled_within():
    classes = np.zeros((20, 20), np.int32)
    classes[5:15, 5:15] = 2
    painted = veil(np.full((20, 20, 3), 100, np.uint8), classes)
    assert tuple(painted[5, 5]) == colour_of(1)
    assert tuple(painted[10, 10]) not in (colour_of(1), (100, 100, 100))
    assert tuple(painted[0, 0]) == (100, 100, 100)
