import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from make import grey_image
from seepseg.predict.resize import resize_bilinear

sides = st.integers(1, 90)


@settings(max_examples=150)
@given(sides, sides, sides, sides, st.sampled_from([(), (3,)]), st.integers(0, 99))
def test_pixels_are_those_of_opencv(height, width, new_height, new_width, channels, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, *channels), dtype=np.uint8)
    expected = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(resize_bilinear(image, new_width, new_height), expected)


@pytest.mark.parametrize("size", [(200, 150), (800, 600), (399, 301), (1000, 3), (533, 400)])
def test_pixels_of_larger_images_are_those_of_opencv(size):
    image = grey_image(np.random.default_rng(1), 300, 400)
    np.testing.assert_array_equal(resize_bilinear(image, *size), cv2.resize(image, size))


def test_a_size_halved_along_one_side_only_is_not_averaged():
    image = grey_image(np.random.default_rng(2), 40, 60)
    np.testing.assert_array_equal(resize_bilinear(image, 30, 40), cv2.resize(image, (30, 40)))
