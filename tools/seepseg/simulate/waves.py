"""Smooth random fields as sums of plane waves: the same at every place, whichever window of them is asked for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seepseg.values import Window

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Waves:
    """A field of mean 0 and variance 1."""

    kx: NDArray[np.float64]
    ky: NDArray[np.float64]
    phase: NDArray[np.float64]
    amplitude: NDArray[np.float64]

    def over(self, window: Window) -> Field:
        """The field's values at the pixels of a window."""
        down = np.outer(np.arange(window.y, window.y + window.height), self.ky) + self.phase
        along = np.outer(self.kx, np.arange(window.x, window.x + window.width))
        left = np.concatenate([np.cos(down) * self.amplitude, -np.sin(down) * self.amplitude], axis=1)
        right = np.concatenate([np.cos(along), np.sin(along)])
        values: Field = left.astype(np.float32) @ right.astype(np.float32)
        return values


def isotropic(rng: np.random.Generator, shortest: float, longest: float, *, count: int = 64, slope: float = 1) -> Waves:
    """Patches of all wavelengths (px) between two; amplitude grows as wavelength ** slope."""
    length = _lengths(rng, shortest, longest, count)
    heading = rng.uniform(0, 2 * np.pi, count)
    return _waves(rng, 2 * np.pi / length * np.cos(heading), 2 * np.pi / length * np.sin(heading), length**slope)


def streaked(
    rng: np.random.Generator,
    heading: float,
    across: tuple[float, float],
    along: tuple[float, float],
    *,
    count: int = 48,
) -> Waves:
    """Bands drawn out along a heading (radians, x to y): wavelengths (px) across and along them."""
    k_across = 2 * np.pi / _lengths(rng, *across, count)
    k_along = 2 * np.pi / _lengths(rng, *along, count) * rng.choice([-1, 1], count)
    kx = k_along * np.cos(heading) - k_across * np.sin(heading)
    ky = k_along * np.sin(heading) + k_across * np.cos(heading)
    return _waves(rng, kx, ky, 1 / k_across**0.7)


def swell(rng: np.random.Generator, heading: float, wavelength: float, *, count: int = 40) -> Waves:
    """A narrow band of waves about one wavelength (px) and heading: crests that come in groups."""
    length = wavelength * np.exp(rng.normal(0, 0.12, count))
    headings = heading + rng.normal(0, 0.2, count)
    return _waves(rng, 2 * np.pi / length * np.cos(headings), 2 * np.pi / length * np.sin(headings), np.ones(count))


def _lengths(rng: np.random.Generator, shortest: float, longest: float, count: int) -> NDArray[np.float64]:
    steps = (np.arange(count) + rng.random(count)) / count
    return shortest * (longest / shortest) ** steps


def _waves(
    rng: np.random.Generator, kx: NDArray[np.float64], ky: NDArray[np.float64], weight: NDArray[np.float64]
) -> Waves:
    amplitude = weight * np.sqrt(2 / np.sum(weight**2))
    return Waves(kx, ky, rng.uniform(0, 2 * np.pi, len(kx)), amplitude)
