"""How long a thin, curved thing is: the longest of the shortest ways between two of its pixels."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.scenes.polygons import Points
from seepseg.values import Bitmap

MOST_NODES = 20_000
"""Larger objects are looked at in coarser cells: ways are then right to about one part in a hundred."""
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


def longest_way(mask: Bitmap, pixel: tuple[float, float] = (1.0, 1.0)) -> Points:
    """From end to end as a line in pixels of the mask, which must not be empty; `pixel` is the size of one.

    It runs within the largest part of the object, and round its bends. Where parts lie further apart than that way is
    long, it is the straight line between the two farthest pixels.
    """
    apart = _farthest(mask, pixel)
    part, corner = _largest_part(mask)
    coarse = max(1, int(np.ceil(np.sqrt(part.sum(dtype=np.int64) / MOST_NODES))))
    way = _way_within(_pool(part, coarse), pixel) * coarse + (coarse - 1) / 2 + corner
    longest = max(way, apart, key=lambda line: _length(line, pixel))
    return _to_the_edge(longest + 0.5)


def _farthest(mask: Bitmap, pixel: tuple[float, float]) -> Points:
    """The two pixels with the longest straight line between them."""
    rows = np.flatnonzero(mask.any(axis=1))
    ends = [mask[rows].argmax(axis=1), mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)]
    outer = np.concatenate([np.stack([end, rows], axis=1) for end in ends]).astype(np.float32)
    hull = cv2.convexHull(outer)[:, 0].astype(np.float64)
    apart = ((hull[:, None] - hull) * pixel) ** 2
    first, second = np.unravel_index(np.argmax(apart.sum(axis=2)), (len(hull), len(hull)))
    return hull[[first, second]]


def _largest_part(mask: Bitmap) -> tuple[Bitmap, tuple[int, int]]:
    """Cut out, and where its first pixel lies."""
    count, labels, table, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    largest = 1 + int(np.argmax(table[1:count, cv2.CC_STAT_AREA]))
    x, y, width, height = (int(value) for value in table[largest, :4])
    return (labels[y : y + height, x : x + width] == largest).astype(np.uint8), (x, y)


def _pool(mask: Bitmap, size: int) -> Bitmap:
    if size == 1:
        return mask
    for axis in (0, 1):
        mask = np.maximum.reduceat(mask, np.arange(0, mask.shape[axis], size), axis)
    return mask


def _way_within(mask: Bitmap, pixel: tuple[float, float]) -> Points:
    """Twice to the pixel that is farthest: right for whatever is thin, and near it for the rest."""
    from scipy.sparse.csgraph import dijkstra

    places = np.argwhere(mask)
    graph = _graph(mask, pixel)
    start = int(np.argmin(places.sum(axis=1)))
    there = int(np.argmax(dijkstra(graph, directed=False, indices=[start])))
    far, before = dijkstra(graph, directed=False, indices=[there], return_predecessors=True)
    way = [int(np.argmax(far))]
    while (back := int(before[0, way[-1]])) >= 0:
        way.append(back)
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    return _pull_tight(places[way, ::-1], near.astype(np.uint8, copy=False)).astype(np.float64)


def _graph(mask: Bitmap, pixel: tuple[float, float]) -> Any:
    """Each pixel and its neighbours, corners included."""
    from scipy.sparse import csr_array

    height, width = mask.shape
    number = np.full((height + 1, width + 2), -1, np.int32)
    number[:-1, 1:-1][mask > 0] = np.arange(np.count_nonzero(mask), dtype=np.int32)
    here = number[:-1, 1:-1]
    starts, ends, lengths = [], [], []
    for down, right in _STEPS:
        there = number[down : down + height, 1 + right : 1 + right + width]
        joined = (here >= 0) & (there >= 0)
        starts.append(here[joined])
        ends.append(there[joined])
        lengths.append(np.full(len(starts[-1]), np.hypot(right * pixel[0], down * pixel[1])))
    count = int(number.max()) + 1
    return csr_array((np.concatenate(lengths), (np.concatenate(starts), np.concatenate(ends))), shape=(count, count))


def _pull_tight(way: NDArray[np.int64], mask: Bitmap) -> NDArray[np.int64]:
    """Steps of a grid go in eight directions alone: the same way with straight lines wherever they stay inside.

    The mask is one pixel wider than the object, or a slanted line one pixel wide would be as long as its stairs.
    """
    kept, at = [0], 0
    while at < len(way) - 1:
        reach, beyond = at + 1, at + 2
        while beyond < len(way) and _sees(way[at], way[beyond], mask):
            reach, beyond = beyond, beyond + 2 * (beyond - at)
        beyond = min(beyond, len(way))
        while beyond - reach > 1:
            middle = (reach + beyond) // 2
            reach, beyond = (middle, beyond) if _sees(way[at], way[middle], mask) else (reach, middle)
        kept.append(reach)
        at = reach
    return way[kept]


def _sees(start: NDArray[np.int64], end: NDArray[np.int64], mask: Bitmap) -> bool:
    steps = 2 * int(np.abs(end - start).max())
    x, y = np.rint(np.linspace(start, end, steps + 1)).astype(np.int64).T
    return bool(mask[y, x].all())


def _length(line: Points, pixel: tuple[float, float]) -> float:
    return float(np.hypot(*(np.diff(line, axis=0) * pixel).T).sum())


def _to_the_edge(line: Points) -> Points:
    """From the middle of the first and last pixel on to their outer edges."""
    if len(line) == 1 or np.array_equal(line[0], line[-1]):
        return np.array([line[0] - (0.5, 0.0), line[0] + (0.5, 0.0)])
    first, last = line[0] - line[1], line[-1] - line[-2]
    ends = line[0] + first / (2 * np.abs(first).max()), line[-1] + last / (2 * np.abs(last).max())
    return np.concatenate([ends[:1], line[1:-1], ends[1:]])
