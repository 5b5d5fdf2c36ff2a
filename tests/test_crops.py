import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from make import ragged
from seepseg.predict.masks import Crop
from seepseg.crops import area_of, clip, common, share_of_smaller, unite, vote

SIZE = 40


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


@given(crops(), crops())
def test_common_pixels_are_those_of_full_bitmaps(one: Crop, other: Crop) -> None:
    assert common(one, other) == np.count_nonzero(full(one) & full(other))


@given(st.lists(crops(), min_size=1, max_size=4))
def test_a_union_is_that_of_full_bitmaps_in_the_smallest_crop(some: list[Crop]) -> None:
    mask, x, y = unite(some)
    assert np.array_equal(full((mask, x, y)), np.maximum.reduce([full(one) for one in some]))
    assert not mask.size or (mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any())


@given(st.lists(crops(), min_size=3, max_size=3))
def test_a_vote_of_three_keeps_what_two_say(some: list[Crop]) -> None:
    two = sum(full(one).astype(int) for one in some) >= 2
    assert np.array_equal(full(vote([(one, 1.0) for one in some], least=2.0)), two)


@given(crops())
def test_clipping_keeps_what_lies_in_the_frame(one: Crop) -> None:
    inside = full(one)[SIZE : 2 * SIZE, SIZE : 2 * SIZE]
    assert np.array_equal(full(clip(one, SIZE, SIZE))[SIZE : 2 * SIZE, SIZE : 2 * SIZE], inside)
    assert area_of(clip(one, SIZE, SIZE)) == inside.sum()


def test_a_piece_within_a_slick_shares_all_of_itself() -> None:
    assert share_of_smaller((np.ones((10, 10), np.uint8), 0, 0), (np.ones((2, 2), np.uint8), 3, 3)) == 1


def test_an_empty_mask_shares_nothing() -> None:
    assert share_of_smaller((np.zeros((0, 0), np.uint8), 0, 0), (np.ones((2, 2), np.uint8), 0, 0)) == 0
