from dataclasses import replace

import numpy as np
import pytest

from seepseg.simulate.canvas import blank, echo_db
from seepseg.simulate.sea import draw_sea, sea_db, speckle
from seepseg.values import Window


@pytest.mark.parametrize("looks", [1, 4, 16])
def test_speckle_is_gamma_of_its_looks(looks: int) -> None:
    power = speckle((0,), Window(0, 0, 700, 700), looks)
    assert power.mean() == pytest.approx(1, rel=0.01)
    assert power.var() == pytest.approx(1 / looks, rel=0.05)
    # The third moment tells a gamma distribution from others of this mean and variance.
    skewness = ((power - power.mean()) ** 3).mean() / power.var() ** 1.5
    assert skewness == pytest.approx(2 / np.sqrt(looks), rel=0.1)


def test_speckle_is_alike_in_neighbours_and_no_further() -> None:
    power = speckle((1,), Window(0, 0, 400, 400), 4)
    beside = np.corrcoef(power[:, :-1].ravel(), power[:, 1:].ravel())[0, 1]
    apart = np.corrcoef(power[:, :-4].ravel(), power[:, 4:].ravel())[0, 1]
    assert 0.1 < beside < 0.6
    assert abs(apart) < 0.03


def test_speckle_is_one_field_whatever_the_window() -> None:
    whole = speckle((7,), Window(0, 0, 90, 150), 3)
    np.testing.assert_array_equal(speckle((7,), Window(30, 60, 40, 70), 3), whole[60:130, 30:70])


def test_the_sea_is_one_field_whatever_the_window() -> None:
    for seed in range(6):
        sea = draw_sea(np.random.default_rng(seed), 4, 300)
        part = sea_db(sea, Window(40, 60, 80, 50))
        np.testing.assert_allclose(part, sea_db(sea, Window(0, 0, 300, 200))[60:110, 40:120], atol=2e-2)


def test_nothing_looks_darker_than_the_noise_floor() -> None:
    sea = replace(draw_sea(np.random.default_rng(0), 16, 256), floor_db=-22.0)
    canvas = blank(256, 256, [])
    canvas.damping[:] = 255
    level = echo_db(canvas, (1,), replace(sea, mean_db=-40.0), Window(0, 0, 256, 256))
    assert 10 * np.log10((10 ** (level / 10)).mean()) == pytest.approx(-22, abs=0.2)


def test_films_show_less_in_a_strong_wind() -> None:
    sea = draw_sea(np.random.default_rng(0), 4, 100)
    assert replace(sea, wind_ms=12.0).contrast < replace(sea, wind_ms=5.0).contrast
