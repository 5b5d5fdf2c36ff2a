import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from make import grey_image
from seepseg.predict.letterbox import boxes_to_image, frame_of, place

SIZES = [(64, 64), (96, 96), (1, 1), (1, 7), (300, 4), (4, 300), (65, 97), (97, 65), (192, 192), (200, 150), (127, 255)]


def picture(width, height):
    return np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def letter_box(torch):
    from ultralytics.data.augment import LetterBox

    return LetterBox


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_input_is_that_of_ultralytics(letter_box, width, height):
    image = picture(width, height)
    expected = letter_box((96, 96), auto=False)(image=image)
    np.testing.assert_array_equal(place(image, frame_of(width, height, 96)), expected)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_smallest_rectangle_is_that_of_ultralytics(letter_box, width, height):
    image = picture(width, height)
    expected = letter_box((96, 96), auto=True, stride=32)(image=image)
    np.testing.assert_array_equal(place(image, frame_of(width, height, 96, square=False)), expected)


@settings(max_examples=300)
@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([32, 256, 640, (64, 128)]))
def test_places_and_sizes_are_those_of_ultralytics(letter_box, width, height, imgsz):
    frame = frame_of(width, height, imgsz)
    box = letter_box(imgsz).get_params({"img": np.empty((height, width))})
    assert (frame.resized_width, frame.resized_height) == box["new_unpad"]
    assert (frame.left, frame.top, frame.scale) == (box["left"], box["top"], box["ratio"][0])
    assert frame.imgsz == box["new_shape"]


@pytest.mark.parametrize("shape", [(40, 20), (40, 20, 1)])
def test_a_grey_image_fills_all_channels(shape):
    grey = grey_image(np.random.default_rng(0), 40, 20).reshape(shape)
    frame = frame_of(20, 40, 64)
    colour = np.repeat(grey.reshape(40, 20, 1), 3, axis=2)
    np.testing.assert_array_equal(place(grey, frame), place(colour, frame))


def test_an_image_of_the_input_size_is_not_touched():
    image = picture(64, 64)
    np.testing.assert_array_equal(place(image, frame_of(64, 64, 64)), image)


@pytest.mark.parametrize(("dtype", "shape"), [(np.uint16, (8, 8)), (np.uint8, (8, 9)), (np.uint8, (8, 8, 4))])
def test_pixels_that_do_not_fit_are_refused(dtype, shape):
    with pytest.raises(ValueError, match="8-bit pixels of 8 × 8"):
        place(np.zeros(shape, dtype), frame_of(8, 8, 32))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_boxes_come_back_as_ultralytics_brings_them(torch, width, height):
    from ultralytics.utils.ops import scale_boxes

    boxes = np.random.default_rng(0).uniform(-20, 120, (50, 4)).astype(np.float32)
    expected = scale_boxes((96, 96), torch.from_numpy(boxes.copy()), (height, width)).numpy()
    np.testing.assert_array_equal(boxes_to_image(boxes, frame_of(width, height, 96)), expected)
