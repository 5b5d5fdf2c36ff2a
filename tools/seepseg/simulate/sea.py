"""The sea without oil: wind, swell, look-alikes and the fall of the echo across the swath, in dB; and speckle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from seepseg.simulate.waves import Field, Waves, isotropic, streaked, swell
from seepseg.values import Window

PSF = np.array([0.45, 1, 0.45], np.float32)
"""How far one echo spreads: what makes neighbouring speckle alike."""
ROWS = 64
"""Rows of speckle made at once."""


@dataclass(frozen=True, slots=True)
class Sea:
    """The weather of one scene; all its tiles share it."""

    wind_ms: float
    looks: int
    drift: float
    """Where surface films go, radians from x towards y."""
    mean_db: float
    per_column_db: float
    """The trend across the swath, by incidence angle."""
    floor_db: float
    """Noise of the instrument: no film looks darker."""
    layers: tuple[tuple[Waves, float], ...]
    """Gusts, wind rows and swell, each with its standard deviation in dB."""
    calm: Waves | None
    """Low wind: broad dark patches with soft edges, never labelled."""
    calm_level: float
    """How far above its mean the field of lulls starts to show."""
    film: Waves | None
    """Biogenic film: thin faint lines that follow the current, never labelled."""
    film_patches: Waves | None

    @property
    def contrast(self) -> float:
        """How much of a film's damping shows: most in a moderate wind, little in a strong one or in none."""
        return float(np.interp(self.wind_ms, [2, 4, 7, 11, 13], [0.7, 1, 1, 0.65, 0.5]))

    def describe(self) -> Mapping[str, float | int | bool]:
        """What the record says of this scene."""
        return {
            "wind_ms": round(self.wind_ms, 2),
            "looks": self.looks,
            "drift_degrees": round(float(np.degrees(self.drift)), 1),
            "mean_db": round(self.mean_db, 2),
            "noise_floor_db": round(self.floor_db, 2),
            "low_wind": self.calm is not None,
            "biogenic_film": self.film is not None,
        }


def draw_sea(rng: np.random.Generator, looks: int, columns: int) -> Sea:
    """The weather of a scene of so many columns; `looks` is what scenes have on average."""
    wind = float(np.clip(rng.gamma(9, 0.68), 2.2, 12))
    heading = float(rng.uniform(0, 2 * np.pi))
    per_column = float(rng.choice([-1, 1]) * rng.uniform(2e-4, 8e-4))
    layers = (
        (isotropic(rng, 10, 500, slope=0.6), float(rng.uniform(0.4, 0.9))),
        (streaked(rng, heading, (14, 70), (250, 1500)), float(rng.uniform(0.15, 0.2 + 0.08 * wind))),
        (swell(rng, rng.uniform(0, 2 * np.pi), rng.uniform(4.5, 12)), float(rng.uniform(0, 0.9))),
    )
    mean = -20 + 16 * np.log10(wind / 3) + rng.normal(0, 0.7)
    return Sea(
        wind_ms=wind,
        looks=max(1, round(looks * float(rng.choice([0.75, 1, 1, 1.5])))),
        drift=heading + float(rng.normal(0, 0.35)),
        mean_db=float(mean) - per_column * columns / 2,
        per_column_db=per_column,
        floor_db=float(rng.uniform(-27, -23)),
        layers=layers,
        calm=isotropic(rng, 14, 900, slope=0.75) if rng.random() < (0.6 if wind < 5 else 0.2) else None,
        calm_level=float(rng.uniform(0.9, 1.9)),
        film=streaked(rng, heading, (26, 60), (150, 900)) if wind < 7 and rng.random() < 0.5 else None,
        film_patches=isotropic(rng, 60, 400),
    )


def sea_db(sea: Sea, window: Window) -> Field:
    """The clean sea's mean echo in a window, in dB."""
    columns = np.arange(window.x, window.x + window.width, dtype=np.float32)
    level = np.tile(np.float32(sea.mean_db) + np.float32(sea.per_column_db) * columns, (window.height, 1))
    for waves, deviation in sea.layers:
        level += np.float32(deviation) * waves.over(window)
    if sea.calm:
        level -= _calm_db(sea.calm, sea.calm_level, window)
    if sea.film and sea.film_patches:
        level -= _film_db(sea.film, sea.film_patches, window)
    return level


def _calm_db(waves: Waves, level: float, window: Window) -> Field:
    """Deeper where the wind falls further; the wind rows run on through it."""
    lull = waves.over(window) - np.float32(level)
    depth: Field = np.float32(7) / (1 + np.exp(np.float32(0.8) - np.float32(3.5) * lull))
    return depth


def _film_db(film: Waves, patches: Waves, window: Window) -> Field:
    """Lines where the field crosses zero, about 1.5 px wide whatever its slope there, in patches."""
    values = film.over(Window(window.x - 1, window.y - 1, window.width + 2, window.height + 2))
    down, along = np.gradient(values)
    slope = np.hypot(down, along)
    away = (np.abs(values) / (slope + 0.01))[1:-1, 1:-1]
    there = np.clip(1.6 * patches.over(window) - 0.6, 0, 1)
    depth: Field = np.float32(2.8) * there * np.exp(-0.5 * (away / np.float32(1.3)) ** 2)
    return depth


def speckle(seed: Sequence[int], window: Window, looks: int) -> Field:
    """Gamma speckle of mean 1 and variance 1 / looks, correlated between neighbours as the PSF has it.

    Each row has a seed of its own, so that any window shows its part of one field.
    """
    kernel = PSF / np.sqrt(np.sum(PSF**2))
    power = np.empty((window.height, window.width), np.float32)
    for top in range(0, window.height, ROWS):
        rows = range(window.y + top, window.y + min(top + ROWS, window.height))
        noise = np.empty((len(rows) + 2, window.x + window.width + 2, 2 * looks), np.float32)
        for row, values in zip(range(rows.start - 1, rows.stop + 1), noise, strict=True):
            # Not row + 1: zeros at the end of a seed do not count.
            np.random.default_rng([*seed, row + 2]).standard_normal(dtype=np.float32, out=values)
        spread = cv2.sepFilter2D(noise[:, window.x :], cv2.CV_32F, kernel, kernel)[1:-1, 1:-1]
        power[top : top + len(rows)] = np.einsum("ijk,ijk->ij", spread, spread)
    return power / np.float32(2 * looks)
