"""The seven classes of seeps, told apart by shape, by damping and by what lies beside them.

1 a thin filament that meanders away from its source and fades · 2 filaments that fork · 3 a compact pool ·
4 a plume, sharp towards the wind and feathered away from it · 5 short dashes in a row · 6 a crescent bent by the
current · 7 a hairpin or a pair of filaments that trail from a bright platform

Sizes, widths and contrasts of the classes overlap: no single one of them gives a class away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.simulate.tracks import Around, Points, measure, ripple, spread, texture, walk, window_around
from seepseg.simulate.waves import Field
from seepseg.values import Window

NAMES = ("Seep cls1", "Seep cls2", "Seep cls3", "Seep cls4", "Seep cls5", "Seep cls6", "Seep cls7")
LEAST_AREA = 10
"""Pixels; what is smaller is not labelled."""
SHARP = 1.3
"""Width in px over which a film ends where nothing spreads it."""
MARGIN = 6.0


@dataclass(frozen=True, slots=True)
class Slick:
    """One seep around its own origin."""

    class_id: int
    x: int
    y: int
    """Where the crop's first pixel lies, seen from the origin."""
    mask: NDArray[np.bool_]
    damping_db: Field
    platform: bool = False
    """Whether something bright stands at the origin."""


@dataclass(frozen=True, slots=True)
class _Body:
    """Part of a slick: `inside` is how many px a pixel lies within its edge, `film` how thick the oil is, 0 to 1."""

    inside: Field
    film: Field


def draw_slick(rng: np.random.Generator, class_id: int, drift: float, pieces: int) -> Slick:
    """A seep of a class (0 to 6) where films drift towards a heading; a row of dashes has at most so many pieces."""
    slick = _DRAW[class_id](rng, drift, pieces)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(slick.mask.astype(np.uint8), connectivity=8)
    slick.mask[:] = np.append(False, stats[1:count, cv2.CC_STAT_AREA] >= LEAST_AREA)[labels]
    return slick


def _filament(rng: np.random.Generator, drift: float, pieces: int) -> Slick:
    length = float(np.clip(rng.lognormal(4.65, 0.5), 25, 280))
    track = walk(rng, length, drift + rng.normal(0, 0.4), meander=rng.uniform(0.15, 0.8), bend=rng.normal(0, 0.4))
    window = window_around([track], MARGIN)
    half = _line_width(rng, length, float(rng.lognormal(0.3, 0.42)))
    half[: int(rng.uniform(2, 6))] += rng.uniform(0.3, 1.2)
    body = _line(rng, track, window, half, fade=rng.uniform(0, 0.6))
    return _slick(rng, 0, window, [body], (4.5, 11))


def _fork(rng: np.random.Generator, drift: float, pieces: int) -> Slick:
    length = float(rng.uniform(55, 170))
    heading = drift + rng.normal(0, 0.5)
    trunk = walk(rng, length, heading, meander=rng.uniform(0.1, 0.5), bend=rng.normal(0, 0.3))
    tracks, side = [trunk], rng.choice([-1, 1])
    for _ in range(int(rng.integers(1, 5))):
        leaves = trunk[int(rng.uniform(0.15, 0.75) * len(trunk))]
        turn = heading + side * rng.uniform(0.35, 1.0)
        tracks.append(walk(rng, length * rng.uniform(0.25, 0.7), turn, meander=0.3, bend=-side * 0.4, start=leaves))
        side = -side if rng.random() < 0.7 else side
    window = window_around(tracks, MARGIN)
    width = float(rng.lognormal(0.5, 0.35))
    bodies = []
    for track in tracks:
        half = _line_width(rng, len(track) / 2, width * (1 if track is trunk else rng.uniform(0.6, 0.95)), breaks=0.18)
        bodies.append(_line(rng, track, window, half, fade=rng.uniform(0, 0.4)))
    return _slick(rng, 1, window, bodies, (4.5, 11))


def _pool(rng: np.random.Generator, drift: float, pieces: int) -> Slick:
    radius = float(np.clip(rng.lognormal(2.4, 0.4), 5, 28))
    track = walk(rng, max(1.0, radius * rng.uniform(0, 1.3)), drift + rng.normal(0, 0.5), bend=rng.normal(0, 0.5))
    window = window_around([track], radius * 1.6 + MARGIN)
    around = measure(track, window)
    inside = (
        radius
        - np.abs(around.across)
        + radius * (0.2 * texture(rng, window, max(2.0, radius / 2)) + 0.1 * texture(rng, window, 1.5))
    )
    inside = np.minimum(inside, 3 - 1.6 * texture(rng, window, 1.8) - rng.uniform(-2, 1.5))
    film = np.clip(0.5 + inside / rng.uniform(1.3, 3), 0, 1)
    return _slick(rng, 2, window, [_Body(inside, film)], (5, 11))


def _plume(rng: np.random.Generator, drift: float, pieces: int) -> Slick:
    length = float(rng.uniform(50, 170))
    track = walk(rng, length, drift + rng.normal(0, 0.6), meander=rng.uniform(0, 0.3), bend=rng.normal(0, 0.4))
    reach = float(np.clip(rng.lognormal(2.65, 0.35), 6, 32))
    window = window_around([track], 2.2 * reach + MARGIN)
    around = measure(track, window)
    side = float(rng.choice([-1, 1]))
    across = side * around.across
    at = np.linspace(0, 1, max(2, int(length)), dtype=np.float32)
    fan = reach * at**0.6 * (1 - 0.75 * at**6) * (1 + 0.3 * ripple(rng, length, 2.2) + 0.25 * ripple(rng, length, 9))
    leeward = np.maximum(spread(np.maximum(fan, 0.8), around), 0.8)
    ragged = 0.35 * texture(rng, window, 1.2)
    windward = 1 + across + ragged
    lee = leeward * (1 + 0.3 * texture(rng, window, 2)) - across
    inside = np.minimum(windward, lee)
    film = np.clip(0.5 + windward / SHARP, 0, 1) * np.clip(0.5 + lee / (0.9 * leeward + 1), 0, 1)
    return _slick(rng, 3, window, [_Body(inside, film.astype(np.float32))], (4, 9))


def _dashes(rng: np.random.Generator, drift: float, pieces: int) -> Slick:
    count = min(pieces, int(rng.integers(3, 9)))
    row, skew = drift + rng.normal(0, 0.5), rng.normal(0, 0.35)
    curve, width = rng.normal(0, 0.06), float(rng.lognormal(0.45, 0.32))
    tracks, tip = [], np.zeros(2)
    for _ in range(count):
        length, gap = rng.uniform(8, 27), rng.uniform(6, 15) + 2 * width
        tracks.append(walk(rng, length, row + skew + rng.normal(0, 0.12), bend=rng.normal(0, 0.2), start=tip))
        tip = tip + (length * np.cos(skew) + gap) * np.array([np.cos(row), np.sin(row)]) + rng.normal(0, 1, 2)
        row += curve
    window = window_around(tracks, MARGIN)
    bodies = []
    for track in tracks:
        half = _line_width(rng, len(track) / 2, width * rng.uniform(0.75, 1.3), breaks=0, taper=0.5)
        bodies.append(_line(rng, track, window, half, fade=0))
    return _slick(rng, 4, window, bodies, (4, 10))


def _crescent(rng: np.random.Generator, drift: float, pieces: int) -> Slick:
    radius, sweep = float(rng.uniform(11, 48)), float(rng.uniform(1.7, 3.6)) * rng.choice([-1, 1])
    length = radius * abs(sweep)
    track = walk(rng, length, drift + rng.normal(0, 0.5), meander=rng.uniform(0.05, 0.4), bend=sweep)
    width = float(np.clip(rng.lognormal(0.85, 0.42), 0.9, min(6.5, radius / 3)))
    window = window_around([track], MARGIN + width)
    half = _line_width(rng, length, width, breaks=0.1, taper=1)
    return _slick(rng, 5, window, [_line(rng, track, window, half, fade=0)], (4, 10))


def _trail(rng: np.random.Generator, drift: float, pieces: int) -> Slick:
    heading, apart = drift + rng.normal(0, 0.3), rng.uniform(4, 10)
    bend, meander = rng.normal(0, 0.4), rng.uniform(0.05, 0.25)
    aside = np.array([-np.sin(heading), np.cos(heading)])
    onset = rng.uniform(3, 7) * np.array([np.cos(heading), np.sin(heading)])
    hairpin = pieces < 2 or rng.random() < 0.5
    tracks = []
    for side in (-1, 1):
        opening = heading + side * rng.uniform(0.05, 0.3)
        start = onset + side * (0.5 if hairpin else apart / 2) * aside
        head = walk(rng, apart, heading + side * rng.uniform(0.7, 1.2), start=start) if hairpin else start[None]
        tail = walk(rng, rng.uniform(28, 100), opening, meander=meander, bend=bend, start=head[-1])
        tracks.append(np.concatenate([head, tail]))
    window = window_around([*tracks, np.zeros((1, 2))], MARGIN)
    width = float(rng.lognormal(0.4, 0.3))
    bodies = []
    for track in tracks:
        half = _line_width(rng, len(track) / 2, width, breaks=0.1, taper=0.2)
        bodies.append(_line(rng, track, window, half, fade=rng.uniform(0, 0.4)))
    return _slick(rng, 6, window, bodies, (4, 10), platform=True)


_DRAW: Sequence[Callable[[np.random.Generator, float, int], Slick]] = (
    _filament,
    _fork,
    _pool,
    _plume,
    _dashes,
    _crescent,
    _trail,
)


def _line_width(
    rng: np.random.Generator, length: float, half: float, *, breaks: float = 0.3, taper: float = 0.15
) -> NDArray[np.float32]:
    """Half the width of a line at each px of its length; where the swings of it pass below 0 the line is broken."""
    at = np.linspace(0, 1, max(2, int(length)), dtype=np.float32)
    ends = np.minimum(1, np.minimum(at, 1 - at) / max(taper / 2, 1e-3)) ** 0.7
    swing = 1 + breaks * ripple(rng, length, rng.uniform(5, 16)) + 0.15 * ripple(rng, length, 2)
    return (half * ends * swing).astype(np.float32)


def _line(rng: np.random.Generator, track: Points, window: Window, half: NDArray[np.float32], fade: float) -> _Body:
    """A ragged line; what it damps falls by `fade` from its start to its end."""
    around: Around = measure(track, window)
    width = spread(half, around)
    inside = width - np.abs(around.across) + np.minimum(0.5, 0.25 * width) * texture(rng, window, 1.1)
    film = np.clip(0.5 + inside / SHARP, 0, 1) * (1 - np.float32(fade) * around.along)
    return _Body(inside, film)


def _slick(
    rng: np.random.Generator,
    class_id: int,
    window: Window,
    bodies: Sequence[_Body],
    depth_db: tuple[float, float],
    *,
    platform: bool = False,
) -> Slick:
    """Bodies in union: the thickest film counts, patchy within."""
    inside = np.maximum.reduce([body.inside for body in bodies])
    film = np.maximum.reduce([body.film for body in bodies])
    patchy = np.clip(1 + 0.12 * texture(rng, window, 3), 0.5, 1.3)
    damping: Field = (rng.uniform(*depth_db) * film * patchy).astype(np.float32)
    return Slick(class_id, window.x, window.y, inside > 0, damping, platform)
