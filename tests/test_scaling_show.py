import numpy as np
import pytest

from seepseg.errors import UsageError
from seepseg.scaling import Rule, show, show_bands, untouched

DB = Rule("db", (-35.0,), (0.0,), (1,), "dB", -99.0)
COLOURS = Rule("minmax", (0.0,) * 3, (1000.0,) * 3, (3, 2, 1), "counts")


def test_eight_bits_are_shown_as_they_are():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert show(image, DB) is image
    np.testing.assert_array_equal(show_bands(image.transpose(2, 0, 1), DB), image[..., ::-1])


def test_a_grey_band_is_a_grey_image():
    assert show_bands(np.full((1, 2, 3), 7, np.uint8), None).tolist() == [[7, 7, 7], [7, 7, 7]]


def test_values_become_bytes_by_the_rule():
    values = np.array([[-35, 0, -99, np.nan, -17.5]])
    assert show(values, DB).tolist() == [[1, 255, 0, 0, 128]]
    assert show_bands(values[None], DB).tolist() == [[1, 255, 0, 0, 128]]


def test_bands_are_taken_by_their_number_and_channels_in_their_order():
    bands = np.array([0, 500, 1000, 7], np.uint16).reshape(4, 1, 1)
    # Of bands 3, 2, 1 as red, green, blue.
    assert show_bands(bands, COLOURS).tolist() == [[[1, 128, 255]]]
    assert show(np.array([[[0, 500, 1000]]], np.uint16), COLOURS).tolist() == [[[1, 128, 255]]]


def test_a_model_of_one_band_is_shown_that_of_a_coloured_image():
    bands = np.array([1, 2, 3], np.uint8).reshape(3, 1, 1)
    assert show_bands(bands, untouched((2,))).tolist() == [[2]]


@pytest.mark.parametrize(
    ("planes", "rule", "words"),
    [
        (np.zeros((1, 2, 2), np.uint16), None, "holds uint16, and the model was trained on 8-bit images"),
        (np.zeros((1, 2, 2), np.float32), untouched((1,)), "holds float32, and the model was trained on 8-bit images"),
        (np.zeros((1, 2, 2), np.complex64), DB, "complex64 can't be shown"),
        (np.zeros((2, 2, 2), np.uint8), None, "has 2 bands; give grey"),
        (np.zeros((2, 2, 2), np.uint16), COLOURS, "has 2 bands, and the model takes band 3"),
        (np.full((1, 2, 2), 0.01, np.float32), DB, "almost all of band 1 lies beyond what the model was trained on"),
    ],
)
def test_bands_that_the_model_was_not_trained_on_are_refused(planes, rule, words):
    with pytest.raises(UsageError, match=words):
        show_bands(planes, rule)


def test_an_image_without_any_data_is_black():
    assert not show_bands(np.full((1, 2, 2), np.nan), DB).any()
