"""Which pieces of tiles are one object: by their masks where both see, or by touching where a tile ends.

Boxes say little of slender things: those of two pieces of one slick hardly overlap, those of two slicks that cross do.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from seepseg.scenes.pieces import Box, Piece
from seepseg.splits.links import Links
from seepseg.values import Bitmap, Window

SHARED = 0.3
"""The share of the smaller mask, within what both tiles see, above which two pieces are one. Measured on thin slicks
with ragged masks: from .1 to .5 gives nearly the same, above that more of them come out in pieces."""
ALIKE = 0.3
"""The IoU, again within what both tiles see, above which two pieces are one though a single tile shows both, or they
are told as two classes. Not a share of the smaller mask: a slick would swallow the ship that lies in it. Measured on
simulated scenes: from .1 to .5 gives nearly the same."""
Boxes = NDArray[np.int64]


class Merger:
    """Takes tile after tile, row by row, and finds what belongs together, by way of third pieces too. Pieces of two
    classes may be one object, unless `classes_apart`."""

    def __init__(self, shared: float = SHARED, *, classes_apart: bool = False) -> None:
        self.pieces: list[Piece] = []
        self.shared = shared
        self.classes_apart = classes_apart
        self._links: list[tuple[int, int]] = []
        self._near: list[tuple[Window, int, Boxes]] = []
        """Tiles that later ones may still reach, the number of the first piece of each, and boxes with classes."""

    def add(self, tile: Window, pieces: Sequence[Piece]) -> None:
        """The next tile; none begins above those before it."""
        self._near = [one for one in self._near if one[0].y + one[0].height >= tile.y]
        if not pieces:
            return
        boxes = np.array([(*piece.box, piece.class_id) for piece in pieces], np.int64)
        first = len(self.pieces)
        self.pieces += pieces
        self._near.append((tile, first, boxes))
        for other, start, others in self._near:
            if _reach(tile, other):
                self._link(first, boxes, start, others)

    def groups(self) -> Iterable[list[Piece]]:
        """The pieces of each object."""
        links = Links(len(self.pieces), self._links)
        by_root: dict[int, list[Piece]] = {}
        for number, piece in enumerate(self.pieces):
            by_root.setdefault(links.root(number), []).append(piece)
        return by_root.values()

    def _link(self, first: int, boxes: Boxes, start: int, others: Boxes) -> None:
        ones, them = boxes[:, None], others[None]
        near = (ones[..., :2] <= them[..., 2:4]).all(axis=2) & (them[..., :2] <= ones[..., 2:4]).all(axis=2)
        if self.classes_apart:
            near &= ones[..., 4] == them[..., 4]
        for here, there in (np.argwhere(near) + (first, start)).tolist():
            if there < here and is_one(self.pieces[here], self.pieces[there], self.shared):
                self._links.append((here, there))


def is_one(one: Piece, other: Piece, shared: float) -> bool:
    """Whether two pieces show the same object."""
    if one.class_id == other.class_id and one.tile != other.tile and (_goes_on(one, other) or _goes_on(other, one)):
        return True
    common, here, there = _count(one, other)
    if one.class_id == other.class_id and one.tile != other.tile:
        return common > shared * min(here, there)
    return common > ALIKE * (here + there - common)


def _count(one: Piece, other: Piece) -> tuple[int, int, int]:
    """Pixels of both masks, of the one and of the other, of which only what both tiles see is counted."""
    seen = _within(_edges(one.tile), _edges(other.tile))
    common = _within(one.box, other.box)
    if not (_some(seen) and _some(common)):
        return 0, 0, 0
    here, there = (int(piece.crop(_within(piece.box, seen)).sum()) for piece in (one, other))
    return int((one.crop(common) & other.crop(common)).sum()), here, there


def _goes_on(ending: Piece, beyond: Piece) -> bool:
    """Whether one is cut by the edge of its tile, and the other touches it on the far side of that edge."""
    left, top, right, bottom = _edges(ending.tile)
    # Each edge as the line of pixels inside it and the one outside, and the axis along which they run.
    lines = (
        ((left, top, left + 1, bottom), (left - 1, top - 1, left, bottom + 1), 1),
        ((right - 1, top, right, bottom), (right, top - 1, right + 1, bottom + 1), 1),
        ((left, top, right, top + 1), (left - 1, top - 1, right + 1, top), 0),
        ((left, bottom - 1, right, bottom), (left - 1, bottom, right + 1, bottom + 1), 0),
    )
    return any(_touch(ending, inside, beyond, outside, axis) for inside, outside, axis in lines)


def _touch(one: Piece, inside: Box, other: Piece, outside: Box, axis: int) -> bool:
    here, there = _within(one.box, inside), _within(other.box, outside)
    if not (_some(here) and _some(there)):
        return False
    ours, theirs = here[axis] + np.flatnonzero(one.crop(here)), there[axis] + np.flatnonzero(other.crop(there))
    before, behind = np.searchsorted(theirs, ours - 1), np.searchsorted(theirs, ours + 1, side="right")
    return bool((before < behind).any())


def _edges(tile: Window) -> Box:
    return tile.x, tile.y, tile.x + tile.width, tile.y + tile.height


def _within(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _some(box: Box) -> bool:
    return box[0] < box[2] and box[1] < box[3]


def _reach(one: Window, other: Window) -> bool:
    """Whether two tiles share pixels or an edge or a corner."""
    left, top, right, bottom = _within(_edges(one), _edges(other))
    return left <= right and top <= bottom


def paint(pieces: Sequence[Piece]) -> tuple[Bitmap, Box, list[int]]:
    """Pieces laid over each other: the crop that holds them all, its place, and how many pixels each adds to those
    before it."""
    left, top = min(piece.x for piece in pieces), min(piece.y for piece in pieces)
    right, bottom = max(piece.box[2] for piece in pieces), max(piece.box[3] for piece in pieces)
    canvas: Bitmap = np.zeros((bottom - top, right - left), np.uint8)
    added = []
    for piece in pieces:
        mask = piece.mask()
        part = canvas[piece.y - top : piece.y - top + piece.height, piece.x - left : piece.x - left + piece.width]
        added.append(int(np.count_nonzero(mask > part)))
        part |= mask
    return canvas, (left, top, right, bottom), added
