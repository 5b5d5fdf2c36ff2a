"""One object cut out of its tile, turned, flipped and scaled, and the places where it fits on another."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import rle
from seepseg.raster import read_pixels
from seepseg.train.seam import REACH, Field, Seam, lift
from seepseg.train.stock import StockTile, closed_of
from seepseg.values import Bitmap, Window

SMALL = 112
"""Px of side up to which a patch is kept: 256 of them take less than 40 MB."""
TRIES = 24
"""Random places before all of them are looked at."""


@dataclass(frozen=True, slots=True)
class Patch:
    """An object and what travels with it, with REACH px around it where its tile goes on."""

    mask: Bitmap
    content: Field
    cut: tuple[bool, bool, bool, bool]
    """Whether the tile's left, top, right and bottom edge cut it off: it is laid against that edge again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What is done to a patch, in this order: flipped from left to right, turned anticlockwise, scaled."""

    degrees: float
    flipped: bool
    scale: float


def cut_patch(tile: StockTile, index: int, seam: Seam) -> Patch:
    """Object `index` of a tile. Small ones are kept for the next time: a rare class has few, and they take turns."""
    _, (x, y, columns, rows) = rle.measure_one(tile.objects[index][1], tile.width, tile.height)
    cut = _cut_small if max(columns, rows) <= SMALL else _cut
    return cut(tile, index, seam, Window(x, y, columns, rows))


def _cut(tile: StockTile, index: int, seam: Seam, box: Window) -> Patch:
    pixels = read_pixels(tile.image)
    right, bottom = box.x + box.width, box.y + box.height
    window = (slice(max(0, box.y - REACH), bottom + REACH), slice(max(0, box.x - REACH), right + REACH))
    mask = np.ascontiguousarray(rle.decode(tile.objects[index][1], tile.width, tile.height)[window])
    content = lift(pixels[window], mask, closed_of(tile, pixels, window, but=index), seam)
    return Patch(mask, content, (box.x == 0, box.y == 0, right == tile.width, bottom == tile.height))


_cut_small = lru_cache(maxsize=256)(_cut)


def draw_turn(rng: np.random.Generator, patch: Patch) -> Turn:
    """Any angle for half of those that are whole; an object cut off keeps its straight side along an edge."""
    flipped, scale = bool(rng.integers(2)), float(np.exp(rng.uniform(np.log(0.7), np.log(1.4))))
    left, top, right, bottom = patch.cut
    if (left and right) or (top and bottom):
        scale = 1.0
    if any(patch.cut) or rng.random() < 0.5:
        return Turn(90.0 * int(rng.integers(4)), flipped, round(scale, 3))
    return Turn(round(float(rng.uniform(0, 360)), 1), flipped, round(scale, 3))


def turn_patch(patch: Patch, turn: Turn) -> Patch | None:
    """The patch after a turn; None where a thin object broke into more parts or shrank to nothing."""
    if turn.flipped:
        left, top, right, bottom = patch.cut
        patch = Patch(patch.mask[:, ::-1], patch.content[:, ::-1], (right, top, left, bottom))
    quarters, odd = divmod(turn.degrees, 90)
    if odd == 0:
        patch = _quarter(patch, int(quarters))
    patch = Patch(np.ascontiguousarray(patch.mask), np.ascontiguousarray(patch.content), patch.cut)
    if odd == 0 and turn.scale == 1:
        return patch
    degrees = turn.degrees if odd else 0.0
    turned = _harden(_resample(patch.mask, degrees, turn.scale), np.count_nonzero(patch.mask) * turn.scale**2)
    if not turned.any() or _parts(turned) > _parts(patch.mask):
        return None
    return Patch(turned, _resample(patch.content, degrees, turn.scale), patch.cut)


def find_free_places(patch: Patch, near: Bitmap, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Free places of the patch's corner, in random order: a few where random ones are free, else one of all there are,
    or none."""
    rows, columns = np.nonzero(patch.mask)
    height, width = near.shape
    across = _range(columns, patch.mask.shape[1], width, patch.cut[0], patch.cut[2])
    down = _range(rows, patch.mask.shape[0], height, patch.cut[1], patch.cut[3])
    if not across or not down:
        return []
    corners = np.stack([rng.integers(*across, TRIES), rng.integers(*down, TRIES)], axis=1).tolist()
    free = [(x, y) for x, y in dict.fromkeys(map(tuple, corners)) if not near[rows + y, columns + x].any()]
    return free or _search(patch.mask, near, across, down, rng)


def part_of(patch: Patch, x: int, y: int, width: int, height: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a patch lies on a tile, and which part of the patch that is: its surroundings may reach beyond."""
    rows, columns = patch.mask.shape
    left, top, right, bottom = max(0, x), max(0, y), min(width, x + columns), min(height, y + rows)
    return (slice(top, bottom), slice(left, right)), (slice(top - y, bottom - y), slice(left - x, right - x))


def _quarter(patch: Patch, quarters: int) -> Patch:
    left, top, right, bottom = patch.cut
    for _ in range(quarters):
        left, top, right, bottom = top, right, bottom, left
    return Patch(np.rot90(patch.mask, quarters), np.rot90(patch.content, quarters), (left, top, right, bottom))


def _resample(part: NDArray[Any], degrees: float, scale: float) -> Field:
    values = part.astype(np.float32)
    rows, columns = part.shape[:2]
    if degrees == 0:
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), degrees, scale)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    width, height = int(np.ceil(columns * cosine + rows * sine)), int(np.ceil(columns * sine + rows * cosine))
    matrix[:, 2] += ((width - columns) / 2, (height - rows) / 2)
    return np.asarray(cv2.warpAffine(values, matrix, (width, height), flags=cv2.INTER_LINEAR), np.float32)


def _harden(soft: Field, area: float) -> Bitmap:
    """The pixels most covered, as many as the object's area asks for: a fixed threshold thins lines out."""
    values = np.sort(soft[soft > 0.2])[::-1]
    if not len(values):
        return np.zeros(soft.shape, np.uint8)
    least = values[min(max(1, round(area)), len(values)) - 1]
    return (soft >= min(float(least), 0.8)).astype(np.uint8)


def _parts(mask: Bitmap) -> int:
    return int(cv2.connectedComponents(mask, connectivity=8)[0])


def _range(at: NDArray[np.int64], size: int, room: int, from_start: bool, from_end: bool) -> tuple[int, int] | None:
    """Corners from the first up to below the second along one axis that keep the whole object on the tile."""
    first, last = -int(at.min()), room - int(at.max())
    if from_start or from_end:
        first = 0 if from_start else room - size
        last = first + 1
        if from_start and from_end and size != room:
            return None
        if first + int(at.min()) < 0 or first + int(at.max()) >= room:
            return None
    return (first, last) if first < last else None


def _search(
    mask: Bitmap, near: Bitmap, across: tuple[int, int], down: tuple[int, int], rng: np.random.Generator
) -> list[tuple[int, int]]:
    """All places at once, as a correlation of what is closed with the object."""
    x, y, columns, rows = cv2.boundingRect(mask)
    kernel = mask[y : y + rows, x : x + columns].astype(np.float32)
    left, top = across[0] + x, down[0] + y
    window = near[top : down[1] - 1 + y + rows, left : across[1] - 1 + x + columns].astype(np.float32)
    hits = cv2.matchTemplate(window, kernel, cv2.TM_CCORR)
    found = np.argwhere(hits < 0.5)
    if not len(found):
        return []
    row, column = found[int(rng.integers(len(found)))].tolist()
    return [(across[0] + column, down[0] + row)]
