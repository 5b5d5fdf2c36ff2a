"""Twins that are not copies: shifted, turned, mirrored or blurred views of one place.

Phase correlation of all pairs at 40×40 in eight orientations names candidates; at 128×128 each is aligned, and the
detail of the part that both show decides. Pictures are compared with those of their own size; a change of scale or an
angle other than quarter turns is not found.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.progress import track
from seepseg.splits.links import Links
from seepseg.splits.twins import as_grey, correlation, orientations

COARSE = 40
FINE = 128
BAND = 48
"""Waves across the picture: what is finer is lost in a blurred twin."""
BLOCK = 64
CANDIDATE = 4.8
"""Peak of the coarse phase correlation, in standard deviations: 0.9 % of unrelated SAR tiles reach it, and 459 of the
462 twins that a sample of 250 tiles has above 4.6."""
AGREEING = 0.6
"""Correlation of detail in the common part. Of 86,000 candidates among 4,300 SOS tiles, the true twins came to .69 and
more, all others to less than .39."""
COMMON = 0.2
"""Least share of the picture that both must show."""
FLAT = 0.5
"""Grey levels of standard deviation at 40×40 below which there is no texture to compare."""
TURNS = tuple(f"{mirrored}{angle}°" for mirrored in ("", "mirrored ") for angle in (0, 90, 180, 270))

Floats = NDArray[np.float32]
Spectra = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two views of one place, i < j."""

    i: int
    j: int
    turn: str
    """What picture j goes through to lie as i does, counter-clockwise; mirrored left to right first."""
    shift: tuple[int, int]
    """Where the turned picture j then lies on i: x and y, in pixels."""
    score: float
    """Correlation of detail in the common part: 1 is the same."""


@dataclass(frozen=True, slots=True)
class _Thumb:
    """What is kept of a picture."""

    index: int
    width: int
    height: int
    fine: NDArray[np.uint8]


def find_near(load: Callable[[int], NDArray[np.uint8]], count: int, *, workers: int | None = None) -> list[Pair]:
    """All twins among `count` pictures; `load` gives the pixels of one, and is called once for each.

    Holds some 30 kB a picture. Time grows with the square of `count`: 4,300 tiles take 14 minutes of one core.
    """
    by_size: dict[tuple[int, int], list[_Thumb]] = {}
    for index in track(range(count), count, "reading"):
        grey = as_grey(load(index))
        height, width = grey.shape
        fine = np.asarray(cv2.resize(grey, (FINE, FINE), interpolation=cv2.INTER_AREA), np.uint8)
        if _coarse(fine).std() >= FLAT:
            by_size.setdefault((min(height, width), max(height, width)), []).append(_Thumb(index, width, height, fine))
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        pairs = [pair for thumbs in by_size.values() for pair in _pair_up(thumbs, pool)]
    finally:
        pool.shutdown(cancel_futures=True)
    return sorted(pairs, key=lambda pair: (pair.i, pair.j))


def propose_groups(pairs: Sequence[Pair], count: int) -> list[int]:
    """The group of each picture, named by its first member: those that pairs link, by way of others too."""
    links = Links(count, ((pair.i, pair.j) for pair in pairs))
    return [links.root(index) for index in range(count)]


def _pair_up(thumbs: Sequence[_Thumb], pool: ThreadPoolExecutor) -> Iterator[Pair]:
    spectra = np.stack([_whiten(_coarse(thumb.fine)) for thumb in thumbs])
    rows = pool.map(partial(_candidates, spectra), range(len(thumbs)))
    near = [(thumbs[i], thumbs[j]) for i, row in enumerate(track(rows, len(thumbs), "comparing")) for j in row]
    aligned = pool.map(_align, (one for one, _ in near), (other for _, other in near))
    yield from filter(None, track(aligned, len(near), "aligning", unit="pair"))


def _coarse(fine: NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.resize(fine.astype(np.float32), (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.float32)


def _whiten(picture: Floats) -> Spectra:
    from scipy import fft

    spectrum = fft.fft2(picture - picture.mean())
    strength = np.abs(spectrum)
    return np.asarray(spectrum / (strength + 0.01 * strength.mean()), np.complex64)


def _candidates(spectra: Spectra, row: int) -> list[int]:
    """Which later pictures may be twins of this one, whichever of the two comes first.

    The spectrum of a picture turned by 180° is the conjugate: one complex transform holds the correlations of both,
    as its real and its imaginary part.
    """
    packed = [np.conj(view) + 1j * view for view in _views(spectra[row])]
    found: list[int] = []
    room = np.empty_like(spectra[:BLOCK])
    for start in range(row + 1, len(spectra), BLOCK):
        peaks = _peaks(packed, spectra[start : start + BLOCK], room)
        found += (start + np.flatnonzero(peaks > CANDIDATE)).tolist()
    return found


def _peaks(packed: Sequence[Spectra], block: Spectra, room: Spectra) -> Floats:
    """The highest correlation with each picture of a block, in standard deviations.

    In `room` again and again: arrays of this size fresh from the system cost as much as the transforms.
    """
    from scipy import fft

    best = np.zeros(len(block), np.float32)
    for one in packed:
        product = np.multiply(one, block, out=room[: len(block)])
        surfaces = fft.ifft2(product, overwrite_x=True).reshape(len(block), -1)
        np.maximum(best, surfaces.view(np.float32).max(axis=1), out=best)
    return best * COARSE


def _views(spectrum: Spectra) -> Iterator[Spectra]:
    """The spectra of a picture as it is, mirrored, transposed and both."""
    mirrored = np.roll(spectrum[:, ::-1], 1, axis=1)
    for view in (spectrum, mirrored):
        yield np.ascontiguousarray(view)
        yield np.ascontiguousarray(view.T)


def _align(one: _Thumb, other: _Thumb) -> Pair | None:
    """The turn and shift that lay the other on the one, and how well they then agree; None where they do not."""
    from scipy import fft

    turned = list(orientations(other.fine))
    spectra = fft.rfft2(np.stack([_windowed(picture) for picture in (one.fine, *turned)]))
    strength = np.abs(spectra)
    spectra *= _band() / (strength + 0.01 * strength.mean())
    surfaces = fft.irfft2(spectra[0] * np.conj(spectra[1:]))
    turn, y, x = (int(at) for at in np.unravel_index(int(surfaces.argmax()), surfaces.shape))
    here, there = _detail(one.fine), _detail(turned[turn])
    shifts = [(dx, dy) for dx in (x, x - FINE) for dy in (y, y - FINE)]
    score, (dx, dy) = max((_agreement(here, there, shift), shift) for shift in shifts)
    if score < AGREEING:
        return None
    shift = (round(dx * one.width / FINE), round(dy * one.height / FINE))
    return Pair(one.index, other.index, TURNS[turn], shift, round(score, 3))


def _windowed(picture: NDArray[np.uint8]) -> Floats:
    taper = np.sin(np.pi * (np.arange(FINE, dtype=np.float32) + 0.5) / FINE)
    return np.asarray((picture - picture.mean(dtype=np.float32)) * taper[:, None] * taper, np.float32)


@cache
def _band() -> Floats:
    """Which waves of a fine spectrum count."""
    down, across = np.fft.fftfreq(FINE, 1 / FINE)[:, None], np.fft.rfftfreq(FINE, 1 / FINE)
    radius = np.hypot(down, across)
    return np.asarray((radius >= 1) & (radius <= BAND), np.float32)


def _detail(picture: NDArray[np.uint8]) -> Floats:
    """Clipped, or a bright ship on each of two pictures would be all that counts."""
    broad = picture.astype(np.float32)
    detail = cv2.GaussianBlur(broad, (0, 0), 1.5) - cv2.GaussianBlur(broad, (0, 0), 6)
    most = max(3 * float(np.median(np.abs(detail))), 0.5 * float(detail.std()))
    return np.asarray(np.clip(detail, -most, most), np.float32)


def _agreement(one: Floats, other: Floats, shift: tuple[int, int]) -> float:
    """Correlation in the common part; -1 where that is too small."""
    x, y = shift
    if (FINE - abs(x)) * (FINE - abs(y)) < COMMON * FINE**2:
        return -1.0
    here = one[max(y, 0) : FINE + min(y, 0), max(x, 0) : FINE + min(x, 0)]
    there = other[max(-y, 0) : FINE + min(-y, 0), max(-x, 0) : FINE + min(-x, 0)]
    return correlation(here, there)
