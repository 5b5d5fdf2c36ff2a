import cv2
import numpy as np
import pytest

from seepseg.splits.near import TURNS, Pair, find_near, propose_groups
from seepseg.splits.twins import orientations

SIZE = 160


def sea(rng, size=2 * SIZE):
    """A scene with slicks under speckle."""
    field = sum(cv2.GaussianBlur(rng.standard_normal((size, size)), (0, 0), scale) * scale for scale in (2, 5, 14))
    noisy = np.where(field > np.quantile(field, 0.3), 140, 70) + 14 * field + 12 * rng.standard_normal((size, size))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def tile(scene, x=80, y=80):
    return scene[y : y + SIZE, x : x + SIZE]


def near(pictures):
    return find_near(pictures.__getitem__, len(pictures), workers=2)


def linked(pictures):
    return [(pair.i, pair.j) for pair in near(pictures)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("which", range(8))
def test_a_shifted_and_turned_twin_is_found_and_described(rng, which):
    scene = sea(rng)
    turned = list(orientations(tile(scene, 110, 60)))[which]
    (pair,) = near([tile(sea(rng)), tile(scene), tile(sea(rng)), turned])
    assert (pair.i, pair.j) == (1, 3)
    back = list(orientations(turned))[TURNS.index(pair.turn)]
    assert np.array_equal(back, tile(scene, 110, 60))
    assert np.abs(np.subtract(pair.shift, (30, -20))).max() <= 1
    assert pair.score > 0.8


@pytest.mark.parametrize("sigma", [1, 2, 3])
def test_a_blurred_twin_is_found(rng, sigma):
    scene = sea(rng)
    blurred = cv2.GaussianBlur(tile(scene, 95, 90), (0, 0), sigma)
    assert linked([tile(scene), blurred, tile(sea(rng))]) == [(0, 1)]


def test_a_twin_of_other_brightness_and_contrast_is_found(rng):
    scene = sea(rng)
    dimmer = (0.5 * tile(scene, 100, 100) + 20).astype(np.uint8)
    assert linked([tile(scene), dimmer]) == [(0, 1)]


def test_a_turned_twin_that_is_not_square_is_found(rng):
    scene = sea(rng)
    one, other = scene[50:200, 50:250], np.rot90(scene[65:215, 60:260])
    (pair,) = near([one, np.ascontiguousarray(other)])
    assert pair.turn == "270°"
    assert np.abs(np.subtract(pair.shift, (10, 15))).max() <= 2


def test_a_colour_picture_has_a_grey_twin(rng):
    scene = sea(rng)
    assert linked([np.dstack([tile(scene)] * 3), tile(scene, 100, 70)]) == [(0, 1)]


def test_twins_are_found_whichever_comes_first(rng):
    pictures = []
    for turn in range(8):
        for _ in range(3):
            scene = sea(rng)
            barely = list(orientations(tile(scene, 118, 118)))[turn]
            pictures += [tile(scene, 42, 42), np.ascontiguousarray(barely)]
    last = len(pictures) - 1
    found = linked(pictures)
    assert 0 < len(found) < 24  # so little in common that some are missed
    assert found == sorted((last - j, last - i) for i, j in linked(pictures[::-1]))


def test_unrelated_scenes_are_no_twins(rng):
    assert near([tile(sea(rng)) for _ in range(24)]) == []


@pytest.mark.parametrize("looks", [1, 4, 30])
def test_unrelated_speckle_is_no_twin(rng, looks):
    pictures = [np.clip(90 * rng.gamma(looks, 1 / looks, (SIZE, SIZE)), 0, 255).astype(np.uint8) for _ in range(24)]
    assert near(pictures) == []


def test_blank_and_nearly_blank_pictures_are_no_twins(rng):
    blanks = [np.full((SIZE, SIZE), level, np.uint8) for level in (0, 0, 90, 255)]
    noisy = [(100 + (rng.random((SIZE, SIZE)) < 0.5)).astype(np.uint8) for _ in range(6)]
    assert near(blanks + noisy) == []


@pytest.mark.parametrize("trend", ["ramp", "vignette"])
def test_a_trend_that_all_pictures_share_does_not_make_twins(rng, trend):
    x, y = np.meshgrid(np.linspace(-1, 1, SIZE), np.linspace(-1, 1, SIZE))
    shape = 60 * x if trend == "ramp" else -50 * (x**2 + y**2)
    pictures = [
        np.clip(140 + shape + 10 * rng.standard_normal((SIZE, SIZE)), 0, 255).astype(np.uint8) for _ in range(20)
    ]
    assert near(pictures) == []


def test_a_black_frame_that_all_pictures_share_does_not_make_twins(rng):
    pictures = []
    for _ in range(20):
        picture = tile(sea(rng)).copy()
        picture[:12] = picture[:, -20:] = 0
        pictures.append(picture)
    assert near(pictures) == []


def test_a_ship_on_each_of_two_pictures_does_not_make_twins(rng):
    pictures = [np.clip(60 + 15 * rng.standard_normal((SIZE, SIZE)), 0, 255).astype(np.uint8) for _ in range(12)]
    for picture in pictures:
        x, y = rng.integers(30, SIZE - 30, 2)
        cv2.ellipse(picture, (int(x), int(y)), (9, 3), 70, 0, 360, 255, -1)
    assert near(pictures) == []


def test_a_common_part_of_a_tenth_is_not_called_a_twin(rng):
    scene = sea(rng)
    assert near([tile(scene, 0, 0), tile(scene, 110, 110)]) == []


def test_no_pictures_have_no_twins():
    assert find_near([].__getitem__, 0) == []


def test_each_picture_is_loaded_once(rng):
    pictures = [tile(sea(rng)) for _ in range(5)]
    asked = []
    find_near(lambda index: asked.append(index) or pictures[index], 5, workers=2)
    assert asked == [0, 1, 2, 3, 4]


def test_groups_join_twins_through_others():
    def pair(i, j):
        return Pair(i, j, "0°", (0, 0), 1.0)

    assert propose_groups([pair(1, 4), pair(4, 5), pair(2, 3)], 7) == [0, 1, 2, 2, 1, 1, 6]
