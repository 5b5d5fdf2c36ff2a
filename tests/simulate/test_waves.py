import numpy as np
import pytest

from seepseg.simulate.waves import Waves, isotropic, streaked, swell
from seepseg.values import Window

LARGE = Window(0, 0, 600, 500)


def fields() -> list[Waves]:
    rng = np.random.default_rng(0)
    return [isotropic(rng, 6, 60), streaked(rng, 0.3, (6, 20), (40, 80)), swell(rng, 1.0, 9)]


@pytest.mark.parametrize("waves", fields())
def test_a_field_has_mean_0_and_variance_1(waves: Waves) -> None:
    values = waves.over(LARGE)
    assert abs(values.mean()) < 0.1
    assert 0.8 < values.var() < 1.2


@pytest.mark.parametrize("waves", fields())
def test_a_window_is_a_part_of_the_whole(waves: Waves) -> None:
    part = waves.over(Window(200, 100, 50, 40))
    np.testing.assert_allclose(part, waves.over(LARGE)[100:140, 200:250], atol=1e-4)


def test_streaks_run_along_their_heading() -> None:
    values = streaked(np.random.default_rng(1), 0.0, (8, 20), (150, 400)).over(LARGE)
    down, along = np.gradient(values)
    assert np.abs(along).mean() < 0.25 * np.abs(down).mean()


def test_swell_has_its_wavelength() -> None:
    values = swell(np.random.default_rng(2), 0.0, 10).over(Window(0, 0, 1000, 64))
    spectrum = np.abs(np.fft.rfft(values, axis=1)).mean(axis=0)
    assert 8 < 1000 / np.argmax(spectrum) < 12.5
