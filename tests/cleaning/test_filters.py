import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from make import grey_image
from seepseg.cleaning.filters import filter_image, parse_filters, reduce_speckle

EACH = ["median:3", "lee:5", "gaussian:1", "clahe:2", "equalize", "gamma:0.5"]
Pixels = NDArray[np.uint8]


def apply(text: str, pixels: Pixels) -> Pixels:
    return filter_image(pixels, parse_filters(text))


def sea(seed: int = 0, height: int = 60, width: int = 70) -> Pixels:
    """A dark patch on a grey sea, with speckle."""
    rng = np.random.default_rng(seed)
    calm = np.full((height, width), 120.0)
    calm[20:40, 15:50] = 60
    return np.clip(calm + rng.normal(0, 12, calm.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("text", EACH)
def test_a_grey_picture_is_filtered_alike_with_one_channel_and_with_three(text: str) -> None:
    grey = sea()
    assert np.array_equal(apply(text, cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)), np.dstack([apply(text, grey)] * 3))


@pytest.mark.parametrize("text", EACH)
def test_the_image_itself_is_left_as_it_was(text: str) -> None:
    image = np.dstack([sea(seed) for seed in range(3)])
    before = image.copy()
    filtered = apply(text, image)
    assert np.array_equal(image, before)
    assert (filtered.shape, filtered.dtype) == (image.shape, image.dtype)
    assert not np.array_equal(filtered, image)


@pytest.mark.parametrize("text", EACH)
def test_tiles_of_one_pixel_pass(text: str) -> None:
    assert apply(text, np.full((1, 1), 7, np.uint8)).shape == (1, 1)


def test_the_median_is_scipys() -> None:
    image = grey_image(np.random.default_rng(0), 31, 40)
    assert np.array_equal(apply("median:5", image), ndimage.median_filter(image, 5, mode="nearest"))


def test_the_gaussian_is_scipys_within_rounding() -> None:
    image = grey_image(np.random.default_rng(1), 31, 40)
    expected = ndimage.gaussian_filter(image.astype(float), 1.5, mode="mirror")
    assert np.abs(apply("gaussian:1.5", image) - expected).max() < 1.5


@pytest.mark.parametrize("side", [3, 5, 7])
def test_lee_follows_its_formula(side: int) -> None:
    values = sea().astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, side // 2, mode="reflect"), (side, side))
    mean, variance = windows.mean(axis=(2, 3)), windows.var(axis=(2, 3))
    own = np.clip(1 - np.median(variance) / variance, 0, None)
    expected = mean + own * (values - mean)
    assert np.abs(reduce_speckle(sea(), side) - expected).max() <= 0.5 + 1e-6


def test_lee_calms_the_sea_and_keeps_the_edge() -> None:
    filtered, blurred = reduce_speckle(sea(), 5), cv2.blur(sea(), (5, 5))
    assert filtered[:15].std() < 0.6 * sea()[:15].std()
    across = [np.abs(np.diff(one[15:45, 14:16].astype(float).mean(axis=0))).item() for one in (filtered, blurred)]
    assert across[0] > 1.5 * across[1]


def test_lee_leaves_a_flat_picture_flat() -> None:
    flat = np.full((20, 20), 99, np.uint8)
    assert np.array_equal(reduce_speckle(flat, 5), flat)


def test_equalizing_follows_the_ranks_of_the_values() -> None:
    image = (sea() // 4 + 90).astype(np.uint8)
    ranks = np.searchsorted(np.sort(image, axis=None), image, side="right")
    lowest = ranks.min()
    expected = 255 * (ranks - lowest) / (image.size - lowest)
    assert np.abs(apply("equalize", image) - expected).max() <= 0.5 + 1e-4


def test_clahe_raises_the_contrast_of_each_part() -> None:
    image = np.hstack([sea(0) // 6 + 20, sea(1) // 6 + 200]).astype(np.uint8)
    gentle, strong = apply("clahe:2", image), apply("clahe:8", image)
    for half in (np.s_[:, :70], np.s_[:, 70:]):
        assert image[half].std() < gentle[half].std() < strong[half].std()


@pytest.mark.parametrize("text", ["clahe:2", "equalize"])
def test_contrast_leaves_a_blue_picture_blue(text: str) -> None:
    stretched = apply(text, np.dstack([sea() // 2 + 90, sea() // 2, sea() // 2]).astype(np.uint8)).astype(int)
    assert (stretched[..., 0] - stretched[..., 2]).mean() > 40


def test_gamma_is_a_power_of_the_value() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(1, -1)
    assert np.abs(apply("gamma:2", ramp) - ramp.astype(float) ** 2 / 255).max() <= 0.5


def test_filters_are_applied_in_the_order_given() -> None:
    assert np.array_equal(apply("gamma:2,equalize", sea()), apply("equalize", apply("gamma:2", sea())))
    assert not np.array_equal(apply("gamma:2,equalize", sea()), apply("equalize,gamma:2", sea()))


def test_without_filters_nothing_changes() -> None:
    image = sea()
    assert apply("none", image) is image
