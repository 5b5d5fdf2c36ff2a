"""One labelled object as pixels: its size, and whether it looks like a slip."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.check.faults import LabelRow
from seepseg.check.findings import Found
from seepseg.dataset.fidelity import paint_row
from seepseg.values import Bitmap

EVERYTHING, TWICE, FRAGMENT = 0.95, 0.95, 4


@dataclass(frozen=True, slots=True)
class Extent:
    """How wide an object is at its widest place, and how long: as shares of the image's longest side."""

    class_id: int
    width: float
    length: float


def inspect_objects(
    rows: Sequence[LabelRow], width: int, height: int, where: str, *, crossings: bool
) -> tuple[list[Found], list[Extent]]:
    """Suspicious objects of one image, and the extent of each; `crossings` looks for polygons that cross themselves,
    which outlines with seams do by nature."""
    found: list[Found] = []
    extents = []
    longest = max(width, height)
    painted = []
    for row in rows:
        place = f"{where}:{row.line}"
        crop, x, y = paint_row(row.polygon, width, height)
        painted.append((crop, x, y))
        area = int(np.count_nonzero(crop))
        if area > EVERYTHING * width * height:
            found.append(("object-everything", place))
        if area < FRAGMENT:
            found.append(("object-fragment", place))
        if crossings and crosses(row.polygon):
            found.append(("object-crossing", place))
        extents.append(Extent(row.class_id, thickness(crop) / longest, max(crop.shape) / longest))
    found += [
        ("object-twice", f"{where}:{rows[second].line}: as line {rows[first].line}")
        for first, second in _twice(painted)
    ]
    return found, extents


def thickness(bitmap: Bitmap) -> float:
    """Pixels across at the widest place: the diameter of the largest disc that fits in."""
    padded = np.pad(bitmap, 1)
    radius = float(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())
    if radius > 16:
        return 2 * radius - 1
    # Distances run from pixel middle to pixel middle; at twice the size lines of 1 and 2 pixels are told apart.
    doubled = padded.repeat(2, axis=0).repeat(2, axis=1)
    return float(cv2.distanceTransform(doubled, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())


def is_rectangle(polygon: NDArray[np.float64]) -> bool:
    """Whether these are the four corners of an upright box, closed or not."""
    corners = polygon[:-1] if len(polygon) == 5 and (polygon[0] == polygon[-1]).all() else polygon
    return len(corners) == 4 and all(len(np.unique(corners[:, axis])) == 2 for axis in (0, 1))


def crosses(polygon: NDArray[np.float64]) -> bool:
    """Whether a polygon crosses or touches itself, other than along a seam walked there and back."""
    from shapely import Polygon

    if Polygon(polygon).is_valid:
        return False
    steps = list(map(tuple, np.concatenate([polygon, np.roll(polygon, -1, axis=0)], axis=1).tolist()))
    edges = set(steps)
    return not any((c, d, a, b) in edges for a, b, c, d in steps if (a, b) != (c, d))


def _twice(painted: Sequence[tuple[Bitmap, int, int]]) -> list[tuple[int, int]]:
    if len(painted) < 2:
        return []
    boxes = np.array([(x, y, x + crop.shape[1], y + crop.shape[0]) for crop, x, y in painted])
    order = np.argsort(boxes[:, 0], kind="stable")
    pairs = []
    for place, first in enumerate(order.tolist()):
        # Boxes that agree by 95 % begin within 5 % of each other's width.
        reach = boxes[first, 0] + max(1, (1 - TWICE) * (boxes[first, 2] - boxes[first, 0]))
        for second in order[place + 1 :].tolist():
            if boxes[second, 0] > reach:
                break
            if _box_iou(boxes[first], boxes[second]) > TWICE - 0.05 and _iou(painted[first], painted[second]) > TWICE:
                pairs.append((min(first, second), max(first, second)))
    return sorted(pairs)


def _box_iou(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    both = float(sides.prod())
    return both / (float((a[2:] - a[:2]).prod()) + float((b[2:] - b[:2]).prod()) - both)


def _iou(a: tuple[Bitmap, int, int], b: tuple[Bitmap, int, int]) -> float:
    x, y = min(a[1], b[1]), min(a[2], b[2])
    right = max(a[1] + a[0].shape[1], b[1] + b[0].shape[1])
    bottom = max(a[2] + a[0].shape[0], b[2] + b[0].shape[0])
    canvas = np.zeros((bottom - y, right - x), np.uint8)
    for bit, (crop, left, top) in enumerate((a, b), 1):
        canvas[top - y : top - y + crop.shape[0], left - x : left - x + crop.shape[1]] |= crop * np.uint8(bit)
    return int(np.count_nonzero(canvas == 3)) / int(np.count_nonzero(canvas))
