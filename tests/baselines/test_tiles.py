import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.conftest import GREYS, STILL, bright_map
from make import write_image
from make_evaluated import as_truth
from seepseg.baselines.losses import IGNORE
from seepseg.baselines.tiles import Order, Tiles, augment, paint_classes
from seepseg.evaluate.samples import Sample
from seepseg.predict.letterbox import BORDER, frame_of, place

TURNED = {"degrees": 45.0, "translate": 0.1, "scale": 0.3, "hsv_v": 0.0, "fliplr": 0.5, "flipud": 0.5}


def square(top, left, side, size=8):
    bitmap = np.zeros((size, size), np.uint8)
    bitmap[top : top + side, left : left + side] = 1
    return bitmap


def test_pixels_have_their_class_and_the_rest_is_background():
    painted = paint_classes(as_truth((0, square(0, 0, 3)), (1, square(4, 4, 2))), 2)
    assert [int((painted == value).sum()) for value in (0, 1, 2)] == [9, 4, 51]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_class_that_covers_less_lies_on_top(order):
    objects = [(0, square(0, 0, 6)), (1, square(2, 2, 2))]
    painted = paint_classes(as_truth(*(objects[one] for one in order)), 2)
    assert (painted == 1).sum() == 4


def test_pixels_that_the_truth_leaves_open_are_ignored_but_where_objects_are():
    painted = paint_classes(as_truth((0, square(0, 0, 3)), ignore=square(0, 0, 5)), 1)
    assert [int((painted == value).sum()) for value in (0, IGNORE, 1)] == [9, 16, 39]


def test_validation_sees_the_pixels_that_prediction_sees(tmp_path):
    tile = np.repeat(bright_map(3, 64), 2, axis=1)
    sample = sample_of(tmp_path, tile)
    image, classes = Tiles([sample], 2, 96)[0, 0]
    frame = frame_of(128, 64, 96)
    assert np.array_equal(image, place(GREYS[tile], frame))
    assert (classes[: frame.top] == IGNORE).all()
    assert set(np.unique(classes[frame.top : frame.top + 48])) == {0, 1, 2}


def test_a_class_map_is_resized_to_the_class_at_each_centre(tmp_path):
    tile = (np.indices((64, 64)).sum(0) // 16 % 2 + 1).astype(np.uint8)
    _, classes = Tiles([sample_of(tmp_path, tile)], 2, 32)[0, 0]
    assert np.array_equal(classes, tile[1::2, 1::2].astype(int) - 1)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([(64, 64), (40, 90), (130, 50)]))
def test_image_and_class_map_move_together(seed, size):
    tile = np.zeros(size, np.uint8)
    tile[5:25, 10:35], tile[26:38, 20:48] = 1, 2
    classes = np.where(tile > 0, tile.astype(np.int16) - 1, 2).astype(np.int16)
    image, mapped = augment(GREYS[tile], classes, frame_of(size[1], size[0], 64), TURNED, np.random.default_rng(seed))
    seen = image[..., 0][mapped != IGNORE]
    expected = GREYS[[1, 2, 0]][mapped[mapped != IGNORE]]
    # Between two classes, the image is mixed where the map takes one of them.
    assert np.mean(np.abs(seen.astype(int) - expected) < 12) > 0.8


def test_nothing_drawn_is_the_letterbox(tmp_path):
    sample = sample_of(tmp_path, bright_map(2, 64))
    plain, drawn = (Tiles([sample], 2, 64, 0, how)[0, 0] for how in (None, STILL))
    assert all(np.array_equal(one, other) for one, other in zip(plain, drawn, strict=True))


def test_mirrors_are_exact(tmp_path):
    tile = bright_map(2, 64)
    image, classes = Tiles([sample_of(tmp_path, tile)], 2, 64, 0, {**STILL, "fliplr": 1.0})[0, 0]
    assert np.array_equal(image[..., 0], GREYS[tile][:, ::-1])
    assert np.array_equal(classes == 0, tile[:, ::-1] == 1)


def test_brightness_leaves_the_border_as_prediction_has_it(tmp_path):
    sample = sample_of(tmp_path, np.zeros((32, 64), np.uint8))
    image, classes = Tiles([sample], 2, 64, 0, {**STILL, "hsv_v": 0.5})[0, 0]
    assert (image[classes == IGNORE] == BORDER).all()
    assert image[32, 32, 0] != GREYS[0]


def test_the_same_key_gives_the_same_tile_and_another_epoch_another(tmp_path):
    tiles = Tiles([sample_of(tmp_path, bright_map(1, 64))], 2, 64, 7, TURNED)
    assert np.array_equal(tiles[3, 0][0], tiles[3, 0][0])
    assert not np.array_equal(tiles[3, 0][0], tiles[4, 0][0])


def test_an_epoch_shows_each_image_once_in_an_order_of_its_own():
    first, second = Order(20, 5, 0), Order(20, 5, 1)
    assert sorted(number for _, number in first) == list(range(20))
    assert [number for _, number in first] != [number for _, number in second]
    assert list(second) == list(Order(20, 5, 1))


def sample_of(folder, tile):
    height, width = tile.shape
    objects = [(value - 1, (tile == value).astype(np.uint8)) for value in (1, 2) if (tile == value).any()]
    truth = as_truth(*objects)
    truth.width, truth.height = width, height
    return Sample("a.png", write_image(folder / "a.png", GREYS[tile]), None, truth)
