import pickle

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from make import grey_image
from seepseg.splits import twins
from seepseg.splits.twins import find_copies, fingerprint, orientations

ORIENTATIONS = range(8)


def copies(pictures):
    """The pairs found, and how often pixels were asked for."""
    loads = []

    def load(index):
        loads.append(index)
        return pictures[index]

    return find_copies([fingerprint(one) for one in pictures], load), len(loads)


def saved_again(pixels, quality=75):
    return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_UNCHANGED)


def waves(rng, height=96, width=96, sigma=4.0):
    field = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), sigma)
    return cv2.normalize(field, None, 20, 230, cv2.NORM_MINMAX).astype(np.uint8)


def speckle(rng, deviation, size=128):
    return np.clip(110 + deviation * rng.standard_normal((size, size)), 0, 255).astype(np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@settings(max_examples=60)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from(ORIENTATIONS), st.booleans(), st.integers(0, 99))
def test_a_turned_or_mirrored_copy_of_any_shape_is_found(height, width, which, colour, seed):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3) if colour else (height, width), dtype=np.uint8)
    turned = list(orientations(picture))[which]
    assert copies([picture, turned])[0] == [(0, 1)]


@pytest.mark.parametrize("which", ORIENTATIONS)
@pytest.mark.parametrize("shape", [(128, 128), (100, 150), (65, 257)])
def test_a_turned_copy_saved_again_as_jpeg_is_found(rng, which, shape):
    for picture in (waves(rng, *shape), grey_image(rng, *shape)):
        others = [waves(rng, *shape), grey_image(rng, *shape)]
        turned = list(orientations(picture))[which]
        assert copies([*others, picture, saved_again(turned)])[0] == [(2, 3)]


@pytest.mark.parametrize("deviation", [5, 15, 60])
def test_speckle_saved_again_is_found_among_speckle_of_the_same_statistics(rng, deviation):
    pictures = [speckle(rng, deviation) for _ in range(12)]
    pictures.append(saved_again(np.ascontiguousarray(np.rot90(pictures[5]))))
    assert copies(pictures)[0] == [(5, 12)]


def test_colour_saved_again_with_subsampled_colours_is_found(rng):
    picture = np.dstack([waves(rng), waves(rng), waves(rng)])
    assert copies([picture, saved_again(picture[::-1].copy())])[0] == [(0, 1)]


def test_a_grey_picture_and_its_colour_version_are_copies(rng):
    picture = waves(rng)
    assert copies([picture, np.dstack([picture] * 3)])[0] == [(0, 1)]


def test_two_speckles_with_equal_thumbnails_are_no_copies(rng):
    first = rng.integers(60, 200, (128, 128), dtype=np.uint8)
    blocks = first.reshape(32, 4, 32, 4).transpose(0, 2, 1, 3).reshape(32, 32, 16)
    second = rng.permuted(blocks, axis=2).reshape(32, 32, 4, 4).transpose(0, 2, 1, 3).reshape(128, 128)
    assert fingerprint(first).thumb == fingerprint(second).thumb
    found, loads = copies([first, second])
    assert found == []
    assert loads == 2


def test_a_picture_with_one_thing_moved_is_no_copy(rng):
    still = waves(rng)
    moved = still.copy()
    moved[40:50, 40:50] = 255 - moved[40:50, 40:50]
    assert copies([still, moved])[0] == []


def test_a_shifted_picture_is_no_copy(rng):
    wide = waves(rng, 96, 100)
    assert copies([wide[:, :96], wide[:, 4:]])[0] == []


def test_equal_pictures_of_other_size_are_no_copies(rng):
    picture = waves(rng)
    assert copies([picture, cv2.resize(picture, (128, 128))])[0] == []


def test_blank_pictures_are_copies_where_equal_alone(rng):
    black, grey = np.zeros((64, 64), np.uint8), np.full((64, 64), 90, np.uint8)
    noisy = [grey ^ (rng.random(grey.shape) < 0.1) for _ in range(2)]
    assert copies([black, grey, black, *noisy])[0] == [(0, 2)]


def test_thousands_of_equal_blanks_are_one_star_without_a_look_at_pixels():
    blank = fingerprint(np.zeros((256, 256), np.uint8))
    assert find_copies([blank] * 5000, None) == [(0, index) for index in range(1, 5000)]


def test_every_copy_is_linked_to_its_picture(rng):
    picture = waves(rng)
    pictures = [
        saved_again(np.ascontiguousarray(turned), 80 + index) for index, turned in enumerate(orientations(picture))
    ]
    found, _ = copies([picture, waves(rng), *pictures])
    assert len(found) == 8
    assert {index for pair in found for index in pair} == {0, 2, 3, 4, 5, 6, 7, 8, 9}


def test_alike_pictures_are_compared_with_a_few_only(rng, monkeypatch):
    scene = waves(rng)
    frames = []
    for index in range(60):
        frame = scene.copy()
        frame[index : index + 5, 30:35] ^= 64
        frames.append(frame)
    compared = []
    monkeypatch.setattr(twins, "same_picture", lambda one, other: compared.append(1))
    assert copies(frames)[0] == []
    assert 60 <= len(compared) <= 60 * 8


def test_nearly_blank_pictures_are_not_looked_at(rng):
    pictures = [(90 + (rng.random((64, 64)) < 0.05)).astype(np.uint8) for _ in range(10)]
    assert copies(pictures) == ([], 0)


def test_a_fingerprint_is_small_and_travels_between_processes(rng):
    mark = fingerprint(grey_image(rng, 256, 256))
    packed = pickle.dumps(mark)
    assert len(packed) < 1000
    assert pickle.loads(packed) == mark


def test_the_eight_orientations_differ():
    assert len({one.tobytes() for one in orientations(np.arange(9, dtype=np.uint8).reshape(3, 3))}) == 8
