"""Bright points on the sea: ships with their wakes, and platforms. None of them is labelled."""

from dataclasses import dataclass

import numpy as np

from seepseg.simulate.tracks import Points, measure, ripple, spread, texture, walk, window_around
from seepseg.simulate.waves import Field
from seepseg.values import Window

REACH = 16
"""How far the sidelobes of a bright point are drawn, px."""


@dataclass(frozen=True, slots=True)
class Echo:
    """A patch of power that is added to the sea's, not damped and hardly speckled."""

    x: int
    y: int
    power: Field


def draw_ship(rng: np.random.Generator, x: float, y: float) -> tuple[Echo, Window, Field]:
    """A ship, and the damping (dB) of its wake in a window of the scene."""
    course = float(rng.uniform(0, 2 * np.pi))
    ahead = np.array([np.cos(course), np.sin(course)])
    hull = np.linspace(-1, 1, int(rng.integers(2, 5)))[:, None] * rng.uniform(0.7, 2.6) * ahead
    echo = _echo(rng, x, y, hull, float(rng.uniform(-2, 13)))
    length = float(rng.uniform(25, 130)) if rng.random() < 0.6 else 4.0
    # A moving ship is imaged beside its wake: its own velocity shifts it along the satellite's track.
    stern = np.array([x, y + rng.normal(0, 3)]) - 3 * ahead
    track = walk(rng, length, course + np.pi, bend=rng.normal(0, 0.1), start=stern)
    window = window_around([track], 5)
    around = measure(track, window)
    half = spread((0.8 + 0.25 * ripple(rng, length, 9)).astype(np.float32), around) + around.along
    film: Field = np.clip(0.5 + (half - np.abs(around.across) + 0.3 * texture(rng, window, 1.1)) / 1.5, 0, 1)
    wake: Field = np.float32(rng.uniform(1.5, 4.5)) * film * (1 - around.along)
    return echo, window, wake


def draw_platform(rng: np.random.Generator, x: float, y: float) -> Echo:
    """A platform: a few scatterers close together."""
    return _echo(rng, x, y, rng.normal(0, 0.9, (int(rng.integers(2, 6)), 2)), float(rng.uniform(-4, 9)))


def _echo(rng: np.random.Generator, x: float, y: float, scatterers: Points, peak_db: float) -> Echo:
    """Each scatterer as the sensor's impulse response: a peak with a cross of sidelobes."""
    left, top = int(np.floor(x)) - REACH, int(np.floor(y)) - REACH
    at = np.arange(2 * REACH + 1) + 0.5
    fade = np.hanning(2 * REACH + 3)[1:-1]
    power = np.zeros((len(at), len(at)))
    for dx, dy in scatterers:
        along = np.sinc((at - (x + dx - left)) / 1.4) ** 2 * fade
        down = np.sinc((at - (y + dy - top)) / 1.4) ** 2 * fade
        power += rng.exponential() * np.outer(down, along)
    return Echo(left, top, (10 ** (peak_db / 10) * power).astype(np.float32))
