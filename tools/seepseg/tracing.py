"""Bitmap → rings along the edges between pixels, clockwise, the object on their right.

Holes hang on the ring around them by a seam of no width, laid inside the object.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seepseg.values import Outline

# The four sides of a pixel, clockwise from the top: where its outer neighbour lies, and where one travels along it.
_OUT_X, _OUT_Y = np.array([0, 1, 0, -1]), np.array([-1, 0, 1, 0])
_CORNER_X, _CORNER_Y = np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0])
_IN = np.stack([-_OUT_X, -_OUT_Y], axis=1).astype(np.int8)
_SEAM_OUT = np.array([[1, 0, 0], [-1, 0, 0]], np.int8)
_NORTH, _EAST, _SOUTH, _WEST = range(4)


@dataclass(frozen=True, slots=True)
class _Cracks:
    """Unit edges between a pixel and a neighbour of another label, ring after ring, each in travel order."""

    pixel: NDArray[np.int64]
    side: NDArray[np.int64]
    ring_start: NDArray[np.int64]
    vertex_start: NDArray[np.int64]
    """Vertices emitted before the end of this crack."""


def trace(labels: NDArray[np.int32]) -> list[tuple[int, Outline]]:
    """Every 8-connected part of every region (label > 0), with its holes seamed in: (label, outline), in order of
    label, then of the part's first pixel."""
    height, width = labels.shape
    pitch = width + 2
    flat = np.zeros((height + 2, pitch), labels.dtype)
    flat[1:-1, 1:-1] = labels
    flat = flat.ravel()
    cracks, points, inward = _follow(flat, pitch)
    if not len(cracks.pixel):
        return []
    bounds = np.append(cracks.ring_start, len(cracks.pixel))
    vertex_bounds = np.append(cracks.vertex_start[cracks.ring_start], len(points))
    twice_area = _twice_signed_areas(points, vertex_bounds)
    holes = np.flatnonzero(twice_area < 0)
    children = _seam_holes(cracks, holes, bounds, points, inward, pitch)
    found = []
    for ring in np.flatnonzero(twice_area > 0).tolist():
        pixel = int(cracks.pixel[bounds[ring]])
        if ring in children:
            vertices, ways = _assemble(ring, None, children[ring], cracks, bounds, points, inward)
        else:
            part = slice(vertex_bounds[ring], vertex_bounds[ring + 1])
            vertices, ways = points[part], inward[part]
        found.append((int(flat[pixel]), pixel, Outline(vertices, ways)))
    found.sort(key=lambda one: one[:2])
    return [(label, outline) for label, _, outline in found]


def _follow(flat: NDArray[np.int32], pitch: int) -> tuple[_Cracks, NDArray[np.float64], NDArray[np.int8]]:
    out = _OUT_X + _OUT_Y * pitch
    ahead = np.roll(out, -1)
    left_of = np.flatnonzero(flat[1:] != flat[:-1])
    above = np.flatnonzero(flat[pitch:] != flat[:-pitch])
    on_side = [above + pitch, left_of, above, left_of + 1]
    on_side = [pixels[flat[pixels] > 0] for pixels in on_side]
    pixel = np.concatenate(on_side)
    side = np.repeat(np.arange(4), [len(one) for one in on_side])
    first = np.concatenate(([0], np.cumsum([len(one) for one in on_side])))

    label = flat[pixel]
    beside = pixel + ahead[side] + out[side]
    straight = flat[pixel + ahead[side]] == label
    left = flat[beside] == label
    turn = np.where(left, np.where(straight, 2, 3), np.where(straight, 0, 1))
    next_pixel = np.where(left, beside, np.where(straight, pixel + ahead[side], pixel))
    next_side = np.where(left, side - 1, np.where(straight, side, side + 1)) & 3
    following = np.empty(len(pixel), np.int64)
    for one in range(4):
        there = next_side == one
        following[there] = first[one] + np.searchsorted(on_side[one], next_pixel[there])

    order, ring_start = _cycles(following)
    pixel, side, turn = pixel[order], side[order], turn[order]
    emitted = np.array([0, 1, 1, 2])[turn]
    vertex_start = np.cumsum(emitted) - emitted
    at = np.repeat(np.arange(len(turn)), emitted)
    second = np.arange(len(at)) != vertex_start[at]
    kind, s = turn[at], side[at]
    x = pixel[at] % pitch - 1 + _CORNER_X[s]
    y = pixel[at] // pitch - 1 + _CORNER_Y[s]
    points = np.stack([x, y], axis=1).astype(np.float64)
    # Convex: inwards of this side and the next. Concave: of this side and the one before, which comes next. Where two
    # pixels touch at a corner alone: a vertex inside the one, then a vertex inside the other.
    other = np.where((kind == 1)[:, None] | ((kind == 3) & ~second)[:, None], _IN[(s + 1) & 3], _IN[(s - 1) & 3])
    ways = np.where(second[:, None], -_IN[s], _IN[s]) + other
    inward = np.concatenate([ways, (kind == 3)[:, None]], axis=1, dtype=np.int8)
    return _Cracks(pixel, side, ring_start, vertex_start), points, inward


def _cycles(following: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A permutation as its cycles: all members in order, and where each cycle starts."""
    step = following.tolist()
    order: list[int] = []
    starts = []
    for first, following_one in enumerate(step):
        if following_one < 0:
            continue
        starts.append(len(order))
        at = first
        while (after := step[at]) >= 0:
            order.append(at)
            step[at] = -1
            at = after
    return np.array(order, np.int64), np.array(starts, np.int64)


def _twice_signed_areas(points: NDArray[np.float64], bounds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Positive for rings around an object, negative for rings around a hole."""
    after = np.arange(1, len(points) + 1)
    after[bounds[1:] - 1] = bounds[:-1]
    cross = points[:, 0] * points[after, 1] - points[after, 0] * points[:, 1]
    areas: NDArray[np.float64] = np.add.reduceat(cross, bounds[:-1])
    return areas


_Spliced = tuple[int, NDArray[np.float64], NDArray[np.int8]]


def _seam_holes(
    cracks: _Cracks,
    holes: NDArray[np.int64],
    bounds: NDArray[np.int64],
    points: NDArray[np.float64],
    inward: NDArray[np.int8],
    pitch: int,
) -> dict[int, list[_Spliced]]:
    """What to splice into each ring, and at which of its cracks.

    From the leftmost edge of a hole the seam runs left along its pixel row to the first edge it meets: all object, and
    whatever it meets reaches further left, so that no two holes can hang on each other.
    """
    if not len(holes):
        return {}
    west = np.flatnonzero(cracks.side == _WEST)
    west = west[np.argsort(cracks.pixel[west])]
    west_pixels = cracks.pixel[west]
    starts = []
    for ring in holes.tolist():
        eastern = bounds[ring] + np.flatnonzero(cracks.side[bounds[ring] : bounds[ring + 1]] == _EAST)
        starts.append(eastern[np.argmin(cracks.pixel[eastern] % pitch)])
    children: dict[int, list[_Spliced]] = {}
    columns = cracks.pixel[starts] % pitch
    for index in np.argsort(-columns, kind="stable").tolist():
        ring, start = int(holes[index]), int(starts[index])
        pixel = cracks.pixel[start]
        met = int(west[np.searchsorted(west_pixels, pixel, side="right") - 1])
        x, y = pixel % pitch, pixel // pitch - 0.5
        vertices, ways = _assemble(ring, start, children.pop(ring, []), cracks, bounds, points, inward)
        near, far = [[x, y]], [[cracks.pixel[met] % pitch - 1, y]]
        vertices = np.concatenate([far, near, vertices, near, far])
        ways = np.concatenate([_SEAM_OUT, ways, _SEAM_OUT[::-1]])
        parent = int(np.searchsorted(bounds, met, side="right")) - 1
        children.setdefault(parent, []).append((met, vertices, ways))
    return children


def _assemble(
    ring: int,
    start: int | None,
    spliced: Sequence[_Spliced],
    cracks: _Cracks,
    bounds: NDArray[np.int64],
    points: NDArray[np.float64],
    inward: NDArray[np.int8],
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """The vertices of a ring from the middle of one of its cracks around, with what hangs on it spliced in."""
    low, high = int(bounds[ring]), int(bounds[ring + 1])
    first = low if start is None else start
    emitted = np.append(cracks.vertex_start, len(points))
    begin, end, turn = int(emitted[low]), int(emitted[high]), int(emitted[first])
    around = np.concatenate([np.arange(turn, end), np.arange(begin, turn)])
    pieces, ways, done = [], [], 0
    for crack, vertices, inwards in sorted(spliced, key=lambda one: (one[0] - first) % (high - low)):
        position = int((emitted[crack] - turn) % (end - begin))
        if position == 0 and crack < first:
            position = end - begin
        pieces += [points[around[done:position]], vertices]
        ways += [inward[around[done:position]], inwards]
        done = position
    return (
        np.concatenate([*pieces, points[around[done:]]]),
        np.concatenate([*ways, inward[around[done:]]]),
    )
