"""The same picture twice: byte for byte, turned by quarters, mirrored, or saved again as JPEG.

A fingerprint is a thumbnail averaged over its eight orientations, which all of them share. Those close to each other
name candidates; the pixels decide.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.splits.links import Links

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

THUMB = 32
CANDIDATES = 8
"""Most candidates that one picture is compared with: a limit for frames of a standing camera, which all are near."""
AXES = 24
BLOCK = 256
FLAT = 0.5
"""Grey levels of standard deviation below which there is nothing to recognise a picture by."""
LOCAL_DIFFERENCE = 4.0
"""Grey levels by which 8×8 pixels may differ in the mean: JPEG at quality 75 stays below 3."""
DETAIL_MATCH = 0.7
"""Correlation of fine detail: of speckle saved as JPEG at quality 75 .89 and more, of two different speckles 0."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is needed of a picture to find its copies."""

    digest: bytes
    sides: tuple[int, int]
    """The shorter and the longer."""
    thumb: bytes | None
    """Orbit means, 16-bit, in 1/256 of a grey level; None of a picture without texture."""


def fingerprint(pixels: Pixels) -> Fingerprint:
    """The fingerprint of a picture, (height, width) or (height, width, 3); colours count as their grey."""
    grey = as_grey(pixels)
    height, width = grey.shape
    digest = hashlib.sha256(grey.tobytes() + repr(grey.shape).encode()).digest()
    sides = (min(height, width), max(height, width))
    if cv2.meanStdDev(grey)[1][0, 0] < FLAT:
        return Fingerprint(digest, sides, None)
    if sides[0] < THUMB:
        factor = math.ceil(2 * THUMB / sides[0])
        grey = grey.repeat(factor, axis=0).repeat(factor, axis=1)
    thumb = cv2.resize(grey.astype(np.float32), (THUMB, THUMB), interpolation=cv2.INTER_AREA)
    orbit, size = _orbits()
    means = np.bincount(orbit, thumb.ravel()) / size
    return Fingerprint(digest, sides, np.round(means * 256).astype(np.uint16).tobytes())


def find_copies(fingerprints: Sequence[Fingerprint], load: Callable[[int], Pixels]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, that link each picture to its copies: enough of them to join all, not every pair.

    `load` gives the pixels of one picture; it is called for candidates alone.
    """
    first: dict[bytes, int] = {}
    copies = []
    links = Links(len(fingerprints))
    for index, found in enumerate(fingerprints):
        earliest = first.setdefault(found.digest, index)
        if links.join(earliest, index):
            copies.append((earliest, index))
    read = lru_cache(maxsize=64)(lambda index: as_grey(load(index)))
    by_size: dict[tuple[int, int], list[int]] = {}
    for index in first.values():
        if fingerprints[index].thumb is not None:
            by_size.setdefault(fingerprints[index].sides, []).append(index)
    for sides, members in by_size.items():
        thumbs = b"".join(fingerprints[index].thumb or b"" for index in members)
        means = np.frombuffer(thumbs, np.uint16).reshape(len(members), -1).astype(np.float32)
        for i, j in sorted(_neighbours(means, 256 * _radius(sides))):
            one, other = members[i], members[j]
            if not links.joined(one, other) and same_picture(read(one), read(other)):
                links.join(one, other)
                copies.append((one, other))
    return sorted(copies)


def same_picture(one: Pixels, other: Pixels) -> bool:
    """Whether two grey pictures agree in one of the eight orientations, but for what JPEG changes."""
    thumb, detail = _thumb(one), _detail(one)
    for turned in orientations(other):
        if turned.shape != one.shape or np.abs(thumb - _thumb(turned)).max() > 2 * LOCAL_DIFFERENCE:
            continue
        difference = cv2.blur(cv2.subtract(one, turned, dtype=cv2.CV_32F), (8, 8))
        if np.abs(difference).max() <= LOCAL_DIFFERENCE and correlation(detail, _detail(turned)) >= DETAIL_MATCH:
            return True
    return False


def orientations(pixels: Pixels) -> Iterator[Pixels]:
    """A picture in its eight orientations."""
    for mirrored in (pixels, pixels[:, ::-1]):
        for quarters in range(4):
            yield np.ascontiguousarray(np.rot90(mirrored, quarters))


def as_grey(pixels: Pixels) -> Pixels:
    """A picture of one band, from one or three."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8) if pixels.ndim == 3 else pixels


@lru_cache(maxsize=1)
def _orbits() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which cells of a thumbnail change places as it turns: the orbit of each cell, and the size of each orbit."""
    cells = np.arange(THUMB * THUMB, dtype=np.int64).reshape(THUMB, THUMB)
    views = [np.rot90(cells[:, ::step], quarters) for step in (1, -1) for quarters in range(4)]
    _, orbit = np.unique(np.min(views, axis=0), return_inverse=True)
    return orbit.ravel(), np.bincount(orbit.ravel())


def _radius(sides: tuple[int, int]) -> float:
    """How far fingerprints of copies may lie apart, per orbit: JPEG's noise, averaged over the pixels of a cell."""
    return min(3.0, 0.1 + 4.0 / (sides[0] / THUMB))


def _neighbours(means: Floats, radius: float) -> set[tuple[int, int]]:
    """Pairs within the radius, of each row the nearest few of those after it along the main axis.

    Blocks of rows are compared in the leading principal axes, where nothing lies further apart than in all of them.
    """
    count, width = means.shape
    centred = means - means.mean(axis=0)
    few = count <= BLOCK
    axes = np.eye(width, dtype=np.float32) if few else np.linalg.eigh(centred.T @ centred)[1][:, : -AXES - 1 : -1]
    order = np.argsort(centred @ axes[:, 0], kind="stable")
    rows = centred[order]
    leading = rows @ axes
    along = leading[:, 0].astype(np.float64)
    squares = np.einsum("ij,ij->i", leading, leading)[:, None]
    ones = np.ones_like(squares)
    left, right = np.hstack([-2 * leading, squares, ones]), np.hstack([leading, ones, squares])
    reach, limit = 1.01 * radius * width**0.5, radius**2 * width
    pairs: set[tuple[int, int]] = set()
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        high = int(np.searchsorted(along, along[stop - 1] + reach))
        apart = left[start:stop] @ right[start:high].T
        for row in np.flatnonzero(_any_later(apart, 1.02 * limit)).tolist():
            near = row + 1 + np.flatnonzero(apart[row, row + 1 :] <= 1.02 * limit)
            exact = ((rows[start + near] - rows[start + row]) ** 2).sum(axis=1)
            nearest = near[np.argsort(exact, kind="stable")[:CANDIDATES]][np.sort(exact)[:CANDIDATES] <= limit]
            one = int(order[start + row])
            pairs.update((min(one, other), max(one, other)) for other in order[start + nearest].tolist())
    return pairs


def _any_later(apart: Floats, limit: float) -> NDArray[np.bool_]:
    """Which rows of a block have a neighbour after themselves; the first columns are the block's own rows."""
    own = apart[:, : len(apart)]
    own[np.tril_indices(len(apart))] = np.inf
    return np.asarray(apart.min(axis=1) <= limit)


def _thumb(grey: Pixels) -> Floats:
    return cv2.resize(grey, (8, 8), interpolation=cv2.INTER_AREA).astype(np.float32)


def _detail(grey: Pixels) -> Floats:
    fine, coarse = (cv2.blur(grey.astype(np.float32), (size, size)) for size in (3, 13))
    return np.asarray(fine - coarse, np.float32)


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's; 0 where one of them is constant."""
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(np.vdot(one, other)) / scale if scale else 0.0
