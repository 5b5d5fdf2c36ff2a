import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from make import Bitmap
from seepseg.train.seam import REACH, Seam, choose_seam, from_even, is_grey, lay, lift, measure_power, to_even

SPECKLE = Seam("speckle", 0.0)
NOTHING = np.zeros((96, 96), np.uint8)


def sea_db(seed: int, level: float = 130, spread: float = 12) -> Bitmap:
    """Speckle as a rendering in dB has it: of one spread at every level."""
    noise = np.random.default_rng(seed).normal(level, spread, (96, 96))
    return np.clip(noise, 1, 254).astype(np.uint8)


def disc(radius: int = 15) -> Bitmap:
    return cv2.circle(np.zeros((96, 96), np.uint8), (48, 48), radius, 1, -1)


def test_the_power_of_a_rendering_in_db_is_zero() -> None:
    images = [sea_db(seed, level) for seed, level in enumerate([60, 80, 100, 120, 150, 180])]
    assert measure_power(images) == pytest.approx(0, abs=0.1)


def test_the_power_of_a_linear_rendering_is_one() -> None:
    rng = np.random.default_rng(0)
    images = [np.clip(level * rng.gamma(16, 1 / 16, (96, 96)), 0, 254).astype(np.uint8) for level in (20, 40, 70, 110)]
    assert measure_power(images) == pytest.approx(1, abs=0.1)


def test_tiles_of_one_level_are_taken_for_db() -> None:
    assert measure_power([sea_db(seed) for seed in range(4)]) == 0


@given(st.floats(0, 1))
def test_every_pixel_value_survives_the_even_scale(power: float) -> None:
    values = np.arange(256, dtype=np.uint8)[None]
    assert np.array_equal(from_even(to_even(values, power), power), values)


def test_grey_images_in_three_channels_are_joined_as_speckle() -> None:
    images = [np.repeat(sea_db(seed)[..., None], 3, axis=2) for seed in range(3)]
    assert choose_seam(images).kind == "speckle"


def test_colour_images_are_joined_as_copies() -> None:
    image = np.stack([sea_db(0, 160), sea_db(1, 120), sea_db(2, 60)], axis=2)
    assert not is_grey(image)
    assert choose_seam([image] * 3) == Seam("copy")


def test_the_receivers_speckle_runs_on_through_the_object() -> None:
    mask, donor, receiver = disc(), sea_db(0), sea_db(1, level=150, spread=20)
    donor[mask > 0] -= 40
    laid = lay(receiver, lift(donor, mask, NOTHING, SPECKLE), mask, NOTHING, SPECKLE)
    inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    assert laid[inside].mean() == pytest.approx(receiver[inside].mean() - 40, abs=2)
    assert laid[inside].std() == pytest.approx(receiver[inside].std(), rel=0.1)
    assert np.corrcoef(laid[inside], receiver[inside])[0, 1] > 0.97


def test_damping_of_linear_images_is_a_ratio() -> None:
    rng = np.random.default_rng(0)
    seam, mask = Seam("speckle", 1.0), disc()
    donor, receiver = (np.clip(level * rng.gamma(30, 1 / 30, (96, 96)), 1, 254).astype(np.uint8) for level in (80, 140))
    donor[mask > 0] //= 2
    laid = lay(receiver, lift(donor, mask, NOTHING, seam), mask, NOTHING, seam)
    inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    assert laid[inside].mean() / receiver[inside].mean() == pytest.approx(0.5, abs=0.03)


def test_a_thin_line_keeps_its_depth() -> None:
    mask = np.zeros((96, 96), np.uint8)
    mask[48, 20:76] = 1
    donor, receiver = sea_db(0, spread=4), sea_db(1, spread=4)
    donor[mask > 0] -= 50
    laid = lay(receiver, lift(donor, mask, NOTHING, SPECKLE), mask, NOTHING, SPECKLE)
    change = laid.astype(float) - receiver
    assert change[48, 24:72].mean() == pytest.approx(-50, abs=6)


def test_a_bright_platform_beside_the_object_travels_with_it() -> None:
    mask, donor, receiver = disc(), sea_db(0), sea_db(1)
    donor[mask > 0] -= 40
    donor[47:50, 67:69] = 250
    laid = lay(receiver, lift(donor, mask, NOTHING, SPECKLE), mask, NOTHING, SPECKLE)
    assert laid[47:50, 67:69].min() > 230


def test_nothing_changes_farther_away_than_the_reach() -> None:
    mask, donor, receiver = disc(), sea_db(0), sea_db(1)
    donor[mask > 0] -= 40
    laid = lay(receiver, lift(donor, mask, NOTHING, SPECKLE), mask, NOTHING, SPECKLE)
    changed = laid != receiver
    assert changed[mask > 0].mean() > 0.95
    assert not changed[ndimage.distance_transform_edt(1 - mask) > REACH].any()


@pytest.mark.parametrize("kind", ["speckle", "copy"])
def test_closed_pixels_stay_as_they_were(kind: str) -> None:
    seam, mask = Seam(kind), disc()
    grey, other = sea_db(0), sea_db(1)
    grey[mask > 0] -= 40
    donor, receiver = (np.repeat(one[..., None], 3, axis=2) for one in (grey, other))
    closed = NOTHING.copy()
    closed[:, 64:] = 1
    laid = lay(receiver, lift(donor, mask, NOTHING, seam), mask, closed, seam)
    assert np.array_equal(laid[(closed > 0) & (mask == 0)], receiver[(closed > 0) & (mask == 0)])
    assert not np.array_equal(laid, receiver)


def test_a_copy_takes_on_the_mean_of_its_new_surroundings() -> None:
    mask, seam = disc(), Seam("copy")
    donor = np.stack([sea_db(seed, level, 3) for seed, level in enumerate([150, 110, 60])], axis=2)
    receiver = np.stack([sea_db(seed, level, 3) for seed, level in enumerate([120, 130, 90])], axis=2)
    donor[mask > 0] -= np.array([20, 30, 40], np.uint8)
    laid = lay(receiver, lift(donor, mask, NOTHING, seam), mask, NOTHING, seam)
    inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    assert laid[inside].mean(axis=0) == pytest.approx([100, 100, 50], abs=1.5)
