import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from make_scene import detection
from seepseg.scenes.merge import Merger, is_one
from seepseg.scenes.pieces import pieces_of
from seepseg.values import Window

SIZE = (1000, 1000)
LEFT, RIGHT = Window(0, 0, 20, 20), Window(12, 0, 20, 20)
BESIDE, CORNER = Window(20, 0, 20, 20), Window(20, 20, 20, 20)


def piece(tile, *pixels, class_id=0):
    """One that covers these boxes of the scene: left, top, right, bottom."""
    mask = np.zeros((tile.height, tile.width), np.uint8)
    for left, top, right, bottom in pixels:
        mask[top - tile.y : bottom - tile.y, left - tile.x : right - tile.x] = 1
    (found,) = pieces_of([detection(mask, class_id=class_id)], tile, None, SIZE)
    return found


@pytest.mark.parametrize(("shared", "one"), [(4, True), (3, False)])
def test_pieces_are_one_above_a_share_of_the_smaller_in_what_both_tiles_see(shared, one):
    """There the first has 14 pixels and the second 10; what the second has beyond counts for nothing."""
    first = piece(LEFT, (2, 4, 19, 6))
    second = piece(RIGHT, (13, 4, 13 + shared, 5), (10 + shared, 9, 30, 10))
    assert is_one(first, second, 0.3) == is_one(second, first, 0.3) == one


def test_slicks_whose_boxes_cross_and_whose_masks_do_not_are_two():
    rising = piece(LEFT, *((x, 18 - x, x + 1, 19 - x) for x in range(2, 18)))
    other = piece(RIGHT, *((x, 19 - (x - 12), x + 1, 20 - (x - 12)) for x in range(13, 31)))
    assert not is_one(rising, other, 0.3)


@pytest.mark.parametrize(("gap", "one"), [(0, True), (1, False)])
def test_pieces_that_touch_across_the_edge_of_a_tile_are_one(gap, one):
    first, second = piece(LEFT, (10, 5, 20, 7)), piece(BESIDE, (20 + gap, 7, 30, 9))
    assert is_one(first, second, 0.3) == is_one(second, first, 0.3) == one


def test_pieces_that_touch_corner_to_corner_of_their_tiles_are_one():
    assert is_one(piece(LEFT, (15, 15, 20, 20)), piece(CORNER, (20, 20, 25, 25)), 0.3)


def test_what_lies_beside_a_cut_object_without_touching_it_is_another():
    assert not is_one(piece(LEFT, (10, 5, 20, 7)), piece(BESIDE, (20, 8, 30, 9)), 0.3)


def test_pieces_of_two_classes_that_touch_across_the_edge_of_a_tile_are_two():
    assert not is_one(piece(LEFT, (10, 5, 20, 7)), piece(BESIDE, (20, 5, 30, 7), class_id=1), 0.3)


@pytest.mark.parametrize("tile", [LEFT, RIGHT])
def test_a_slick_that_is_told_as_two_classes_is_one(tile):
    first, second = piece(LEFT, (13, 4, 19, 6)), piece(tile, (14, 4, 19, 7), class_id=1)
    assert is_one(first, second, 0.3)
    assert is_one(second, first, 0.3)


@pytest.mark.parametrize("class_id", [0, 1])
def test_what_is_told_twice_by_one_tile_is_one_where_it_is_alike(class_id):
    """10 of 20 pixels, and 2 of 20."""
    first = piece(LEFT, (2, 2, 17, 3))
    assert is_one(first, piece(LEFT, (7, 2, 17, 3), (7, 5, 12, 6), class_id=class_id), 0.9)
    assert not is_one(first, piece(LEFT, (15, 2, 20, 3), (7, 5, 9, 6), class_id=class_id), 0.1)


@pytest.mark.parametrize("tile", [LEFT, RIGHT])
def test_a_ship_within_a_slick_stays_a_ship(tile):
    assert not is_one(piece(LEFT, (12, 2, 20, 18)), piece(tile, (14, 8, 17, 11), class_id=1), 0.3)


def test_classes_stay_apart_if_asked_for():
    merger = Merger(classes_apart=True)
    merger.add(LEFT, [piece(LEFT, (10, 5, 20, 7)), piece(LEFT, (10, 5, 20, 7), class_id=1)])
    assert len(list(merger.groups())) == 2


def test_a_row_below_still_reaches_the_row_above():
    below = Window(0, 20, 20, 20)
    merger = Merger()
    merger.add(LEFT, [piece(LEFT, (5, 10, 7, 20))])
    merger.add(BESIDE, [piece(BESIDE, (30, 10, 32, 12))])
    merger.add(below, [piece(below, (5, 20, 7, 30))])
    assert sorted(map(len, merger.groups())) == [1, 2]


@given(st.integers(0, 2**32 - 1))
def test_any_part_of_a_piece_is_what_was_put_in(seed):
    rng = np.random.default_rng(seed)
    mask = (rng.random(rng.integers(1, 30, 2)) < 0.4).astype(np.uint8)
    found = pieces_of([detection(mask, 3, 4)], Window(10, 20, 40, 40), None, SIZE)
    canvas = np.zeros((80, 80), np.uint8)
    canvas[24 : 24 + mask.shape[0], 13 : 13 + mask.shape[1]] = mask
    for one in found:
        left, top, right, bottom = one.box
        x, y = int(rng.integers(left, right)), int(rng.integers(top, bottom))
        assert np.array_equal(one.crop((x, y, right, bottom)), canvas[y:bottom, x:right])
        assert one.mask().sum() == canvas.sum()
    assert len(found) == mask.any()
