import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from make_analysis import blocks
from outputs.stand_in import StandIn
from seepseg.app.pictures import LONGEST, numbers_file, numbers_shown, photo_file, size_shown
from seepseg.outputs.write import instance_map
from seepseg.values import Detection, Prediction


def read(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)))


def found() -> Prediction:
    return StandIn().predict([blocks()], conf=0.1)[0]


def line(width: int, height: int) -> Prediction:
    """One pixel wide, from top to bottom."""
    mask = np.ones((height, 1), np.uint8)
    one = Detection(0, 0.9, (7, 0, 8, height), mask, 7, 0)
    return Prediction(width, height, (one,), ("oil",))


@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
def test_no_picture_is_larger_than_can_be_shown_and_its_shape_is_kept(width: int, height: int) -> None:
    size = size_shown(width, height)
    assert 1 <= max(size.width, size.height) <= LONGEST
    assert size.width * height == pytest.approx(size.height * width, abs=max(width, height))


def test_a_small_image_is_enlarged_by_a_whole_number() -> None:
    assert (size_shown(256, 128).width, size_shown(256, 128).height) == (768, 384)


def test_at_its_own_size_numbers_are_those_of_the_files() -> None:
    prediction = found()
    size = size_shown(48, 48)
    times = size.width // 48
    expected = instance_map(prediction).repeat(times, axis=0).repeat(times, axis=1)
    assert np.array_equal(numbers_shown(prediction, size), expected)


def test_a_line_of_one_pixel_still_shows_when_the_picture_shrinks() -> None:
    numbers = numbers_shown(line(3000, 2000), size_shown(3000, 2000))
    assert (numbers.any(axis=1)).all()


def test_a_browser_reads_numbers_beyond_255_from_red_and_green() -> None:
    numbers = np.array([[0, 1, 255], [256, 300, 511]], np.uint16)
    red, green, blue = read(numbers_file(numbers)).transpose(2, 0, 1).astype(int)
    assert np.array_equal(red + 256 * green, numbers)
    assert not blue.any()


def test_small_photos_keep_every_value() -> None:
    data, mime = photo_file(blocks())
    assert mime == "image/png"
    assert np.array_equal(read(data), blocks())


def test_large_photos_are_made_small() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1500, 2400), np.uint8)
    data, mime = photo_file(noise)
    assert (mime, Image.open(io.BytesIO(data)).size) == ("image/jpeg", (1024, 640))


def test_a_photo_in_colour_keeps_its_colours() -> None:
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[..., 0] = 200  # OpenCV's order
    assert read(photo_file(blue)[0])[0, 0].tolist() == [0, 0, 200]
