"""Centre lines, and how far each pixel around lies from them: what slicks are shaped along."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.simulate.waves import Field
from seepseg.values import Window

Points = NDArray[np.float64]
STEP = 0.5
"""Between the points of a track, px."""


@dataclass(frozen=True, slots=True)
class Around:
    """Seen from a track, at each pixel of a window."""

    across: Field
    """Distance to the track, px; negative on its left."""
    along: Field
    """Where on the track the nearest point is, 0 at its start to 1."""


def walk(
    rng: np.random.Generator,
    length: float,
    heading: float,
    *,
    meander: float = 0,
    bend: float = 0,
    start: Points | None = None,
) -> Points:
    """A line of `length` px that leaves `start` with a heading, turns by `bend` radians on its way, and swings by
    `meander` radians to either side."""
    at = np.arange(0, max(length, 1), STEP)
    turn = heading + bend * (at / length - 0.5)
    for _ in range(3):
        wavelength = rng.uniform(22, 30 + 0.8 * length)
        turn = turn + 0.6 * meander * np.sin(2 * np.pi * at / wavelength + rng.uniform(0, 2 * np.pi))
    steps = STEP * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    points: Points = np.cumsum(steps, axis=0) - steps
    return points if start is None else points + start


def window_around(tracks: Sequence[Points], margin: float) -> Window:
    """The pixels that lie within a margin of any of the tracks."""
    points = np.concatenate(tracks)
    low = np.floor(points.min(axis=0) - margin).astype(int)
    high = np.ceil(points.max(axis=0) + margin).astype(int)
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def measure(points: Points, window: Window) -> Around:
    """The nearest point of a track to each pixel centre of a window that holds the whole track."""
    at = points - (window.x, window.y)
    columns, rows = np.floor(at).astype(int).T
    away = np.ones((window.height, window.width), np.uint8)
    away[rows, columns] = 0
    _, labels = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    index = np.zeros(int(labels.max()) + 1, np.int64)
    index[labels[rows, columns]] = np.arange(len(points))
    nearest = index[labels]
    place = at.astype(np.float32)
    dx = np.arange(window.width, dtype=np.float32) + np.float32(0.5) - place[:, 0][nearest]
    dy = (np.arange(window.height, dtype=np.float32) + np.float32(0.5))[:, None] - place[:, 1][nearest]
    ahead = np.gradient(place, axis=0) if len(place) > 1 else np.ones((1, 2), np.float32)
    side = np.where(ahead[:, 0][nearest] * dy < ahead[:, 1][nearest] * dx, np.float32(-1), np.float32(1))
    along = (nearest / max(len(points) - 1, 1)).astype(np.float32)
    return Around(side * np.hypot(dx, dy), along)


def texture(rng: np.random.Generator, window: Window, grain: float) -> Field:
    """Noise of mean 0 and variance 1 whose patches are some `grain` px wide."""
    noise = rng.standard_normal((window.height, window.width), dtype=np.float32)
    smooth: Field = cv2.GaussianBlur(noise, (0, 0), grain) * np.float32(2 * np.sqrt(np.pi) * grain)
    return smooth


def ripple(rng: np.random.Generator, length: float, grain: float) -> NDArray[np.float32]:
    """Noise of mean 0 and variance 1 along a line: one value a px, at least two."""
    count = max(2, int(length))
    reach = int(np.ceil(3 * grain))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / grain) ** 2)
    noise = np.convolve(rng.standard_normal(count + 2 * reach), bell / np.sqrt(np.sum(bell**2)), "valid")
    return noise.astype(np.float32)


def spread(profile: NDArray[np.float32], around: Around) -> Field:
    """A profile along the track, at every pixel around it."""
    at = np.minimum((around.along * len(profile)).astype(np.int64), len(profile) - 1)
    values: Field = profile[at]
    return values
