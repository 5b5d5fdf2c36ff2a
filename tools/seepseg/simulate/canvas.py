"""One scene in the making: what is labelled where, how much the sea is damped, and what shines.

The dampings and the truth are kept as bytes, so that a scene of 10,000 x 10,000 px takes 200 MB and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.errors import UsageError
from seepseg.simulate.sea import Sea, sea_db, speckle
from seepseg.simulate.seeps import LEAST_AREA, Slick, draw_slick
from seepseg.simulate.ships import Echo, draw_platform, draw_ship
from seepseg.simulate.waves import Field
from seepseg.values import Window

CLOSED = 255
"""In the truth while seeps are placed: no seep may come here."""
STEPS_PER_DB = 16
DASHES = 4
TOUCHING = 0.1
"""How often a seep may lie against one of another class."""
PLACES, DRAWS = 10, 30
"""How often one seep is tried elsewhere, and how often another is drawn before pieces too many are left out."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Filled in place by `populate`."""

    truth: NDArray[np.uint8]
    """0 none, class id + 1."""
    damping: NDArray[np.uint8]
    """In sixteenths of a dB."""
    cells: tuple[Window, ...]
    """Where seeps start; components are counted within each cell, as the tiles cut from it will show them."""
    echoes: list[Echo] = field(default_factory=list)


def blank(height: int, width: int, cells: Sequence[Window]) -> Canvas:
    """Open sea everywhere."""
    return Canvas(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8), tuple(cells))


def populate(canvas: Canvas, rng: np.random.Generator, sea: Sea, quota: Sequence[int], ships: int) -> None:
    """Ships, then seeps until each class has exactly its quota of 8-connected components."""
    height, width = canvas.truth.shape
    for _ in range(ships):
        echo, window, wake = draw_ship(rng, rng.uniform(0, width), rng.uniform(0, height))
        canvas.echoes.append(echo)
        _damp(canvas, window, wake)
    for _ in range(int(rng.poisson(ships / 4))):
        canvas.echoes.append(draw_platform(rng, rng.uniform(0, width), rng.uniform(0, height)))
    homes = [canvas.cells[index] for index in rng.permutation(len(canvas.cells))]
    left, turn = np.array(quota), 0
    while left.any():
        class_id = int(rng.choice(len(left), p=left / left.sum()))
        left[class_id] -= _add_seep(canvas, rng, sea.drift, class_id, int(left[class_id]), homes, turn)
        turn += 1


def echo_db(canvas: Canvas, seed: Sequence[int], sea: Sea, window: Window) -> Field:
    """What the sensor measures in a window; the seed is that of the speckle."""
    part = _part(window)
    level = sea_db(sea, window) - canvas.damping[part] * np.float32(sea.contrast / STEPS_PER_DB)
    power = np.exp(level * np.float32(np.log(10) / 10)) + np.float32(10 ** (sea.floor_db / 10))
    power *= speckle(seed, window, sea.looks)
    for echo in canvas.echoes:
        found = _overlap(window, Window(echo.x, echo.y, echo.power.shape[1], echo.power.shape[0]))
        if found:
            here = Window(found.x - window.x, found.y - window.y, found.width, found.height)
            power[_part(here)] += echo.power[_part(found, echo.x, echo.y)]
    measured: Field = np.log(np.maximum(power, np.float32(1e-6))) * np.float32(10 / np.log(10))
    return measured


def _add_seep(
    canvas: Canvas,
    rng: np.random.Generator,
    drift: float,
    class_id: int,
    wanted: int,
    homes: Sequence[Window],
    turn: int,
) -> int:
    """Place one seep of at most `wanted` components; how many it has."""
    for draw in range(4 * DRAWS):
        slick = draw_slick(rng, class_id, drift, wanted)
        thin_out = draw >= DRAWS
        for _ in range(PLACES if slick.mask.any() else 0):
            # The first seeps go to a cell each, so that few stay empty.
            home = homes[turn] if turn < len(homes) and draw < DRAWS else homes[int(rng.integers(len(homes)))]
            x, y = _position(rng, slick, home)
            added = _place(canvas, rng, slick, x, y, wanted, thin_out)
            if added:
                return added
    raise UsageError("the seeps do not fit into tiles this small; give a larger --size")


def _position(rng: np.random.Generator, slick: Slick, home: Window) -> tuple[int, int]:
    """Where the origin goes so that some pixel of the seep lies in a cell."""
    rows, columns = np.nonzero(slick.mask)
    pick = int(rng.integers(len(rows)))
    x = home.x + int(rng.integers(home.width)) - int(columns[pick]) - slick.x
    y = home.y + int(rng.integers(home.height)) - int(rows[pick]) - slick.y
    return x, y


def _place(canvas: Canvas, rng: np.random.Generator, slick: Slick, x: int, y: int, wanted: int, thin_out: bool) -> int:
    """Paint a seep with its origin at (x, y) if it fits there; how many components that adds."""
    rows, columns = slick.mask.shape
    left, top = x + slick.x, y + slick.y
    window = _overlap(Window(0, 0, canvas.truth.shape[1], canvas.truth.shape[0]), Window(left, top, columns, rows))
    if not window:
        return 0
    mask = slick.mask[_part(window, left, top)].astype(np.uint8)
    there = canvas.truth[_part(window)]
    touched = there[cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0]
    if np.isin(touched, (CLOSED, slick.class_id + 1)).any() or (touched.any() and rng.random() > TOUCHING):
        return 0
    mask[there > 0] = 0
    pieces = _pieces(mask, window, canvas.cells)
    if len(pieces) > wanted and not thin_out:
        return 0
    kept = sorted(pieces, key=lambda piece: -len(piece[0]))[:wanted]
    short = wanted - len(kept)
    if not kept or (slick.class_id == DASHES and 0 < short < 3 and not thin_out):
        return 0
    film = slick.damping_db[_part(window, left, top)].copy()
    dropped = mask.copy()
    for piece in kept:
        dropped[piece] = 0
        there[piece] = slick.class_id + 1
    if len(kept) < len(pieces):
        film[cv2.dilate(dropped, np.ones((5, 5), np.uint8)) > 0] = 0
    _damp(canvas, window, film)
    if slick.platform:
        canvas.echoes.append(draw_platform(rng, x + 0.5, y + 0.5))
    return len(kept)


Piece = tuple[NDArray[np.int64], NDArray[np.int64]]


def _pieces(mask: NDArray[np.uint8], window: Window, cells: Sequence[Window]) -> list[Piece]:
    """The components that tiles cut along the cells will show, each as its rows and columns; slivers left out."""
    found = []
    for cell in cells:
        shared = _overlap(window, cell)
        if not shared:
            continue
        dy, dx = shared.y - window.y, shared.x - window.x
        part = mask[dy : dy + shared.height, dx : dx + shared.width]
        count, labels, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8)
        for label in range(1, count):
            if stats[label, cv2.CC_STAT_AREA] >= LEAST_AREA:
                rows, columns = np.nonzero(labels == label)
                found.append((rows + dy, columns + dx))
    return found


def _damp(canvas: Canvas, window: Window, damping_db: Field) -> None:
    """What damps most counts; a window may reach beyond the scene."""
    inside = _overlap(Window(0, 0, canvas.truth.shape[1], canvas.truth.shape[0]), window)
    if inside:
        part = damping_db[_part(inside, window.x, window.y)]
        there = canvas.damping[_part(inside)]
        np.maximum(there, np.clip(part * STEPS_PER_DB + 0.5, 0, 255).astype(np.uint8), out=there)


def _overlap(one: Window, other: Window) -> Window | None:
    x, y = max(one.x, other.x), max(one.y, other.y)
    width = min(one.x + one.width, other.x + other.width) - x
    height = min(one.y + one.height, other.y + other.height) - y
    return Window(x, y, width, height) if width > 0 and height > 0 else None


def _part(window: Window, x: int = 0, y: int = 0) -> tuple[slice, slice]:
    """The window as slices of an array whose first pixel is at (x, y)."""
    return slice(window.y - y, window.y - y + window.height), slice(window.x - x, window.x - x + window.width)
