import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from make import ragged
from seepseg.crops import area_of, at_edge, clip, common, overlap, share_of_smaller, trim, unite, vote
from seepseg.predict.masks import Crop

SIZE = 40
FEW = settings(max_examples=30)


def full(crop: Crop) -> np.ndarray:
    """On a canvas with room around the frame."""
    canvas = np.zeros((3 * SIZE, 3 * SIZE), np.uint8)
    mask, x, y = crop
    canvas[SIZE + y : SIZE + y + mask.shape[0], SIZE + x : SIZE + x + mask.shape[1]] = mask
    return canvas


@st.composite
def crops(draw: st.DrawFn) -> Crop:
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    mask = ragged(rng, draw(st.integers(2, 15)), draw(st.integers(2, 15)), 0.5)
    return mask, draw(st.integers(-10, SIZE)), draw(st.integers(-10, SIZE))


@FEW
@given(crops(), crops())
def test_overlapping_views_show_the_same_place(one: Crop, other: Crop) -> None:
    here, there = overlap(one, other)
    assert here.shape == there.shape
    here[:], there[:] = 2, 2  # into the masks themselves
    assert np.array_equal(full(one) == 2, full(other) == 2)
    windows = [full((np.ones_like(mask), x, y)) for mask, x, y in (one, other)]
    assert here.size == (windows[0] & windows[1]).sum()


@FEW
@given(crops(), crops())
def test_common_pixels_are_those_of_full_bitmaps(one: Crop, other: Crop) -> None:
    assert common(one, other) == np.count_nonzero(full(one) & full(other))


@FEW
@given(st.lists(crops(), min_size=1, max_size=4))
def test_a_union_is_that_of_full_bitmaps_in_the_smallest_crop(some: list[Crop]) -> None:
    mask, x, y = unite(some)
    assert np.array_equal(full((mask, x, y)), np.maximum.reduce([full(one) for one in some]))
    assert not mask.size or (mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any())


@FEW
@given(st.lists(crops(), min_size=3, max_size=3))
def test_a_vote_of_three_keeps_what_two_say(some: list[Crop]) -> None:
    two = sum(full(one).astype(int) for one in some) >= 2
    assert np.array_equal(full(vote([(one, 1.0) for one in some], least=2.0)), two)


@FEW
@given(crops())
def test_clipping_keeps_what_lies_in_the_frame(one: Crop) -> None:
    inside = full(one)[SIZE : 2 * SIZE, SIZE : 2 * SIZE]
    assert np.array_equal(full(clip(one, SIZE, SIZE))[SIZE : 2 * SIZE, SIZE : 2 * SIZE], inside)
    assert area_of(clip(one, SIZE, SIZE)) == inside.sum()


@FEW
@given(crops())
def test_a_mask_is_at_the_edge_where_one_of_its_pixels_is(one: Crop) -> None:
    inside = full(clip(one, SIZE, SIZE))[SIZE : 2 * SIZE, SIZE : 2 * SIZE]
    edge = inside.sum() > inside[1:-1, 1:-1].sum()
    assert at_edge(trim(clip(one, SIZE, SIZE)), SIZE, SIZE) == edge


def test_a_piece_within_a_slick_shares_all_of_itself() -> None:
    assert share_of_smaller((np.ones((10, 10), np.uint8), 0, 0), (np.ones((2, 2), np.uint8), 3, 3)) == 1


def test_an_empty_mask_shares_nothing() -> None:
    assert share_of_smaller((np.zeros((0, 0), np.uint8), 0, 0), (np.ones((2, 2), np.uint8), 0, 0)) == 0
