"""One JSON of LabelMe, AnyLabeling or X-AnyLabeling: the image that it is of, and its shapes."""

import base64
import binascii
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError
from seepseg.values import Bitmap

BOXES = ("rectangle", "rotation", "oriented_rectangle")
"""Upright, and turned as X-AnyLabeling and LabelMe call it; of two corners or of four."""
AREAS = ("polygon", "quadrilateral", "circle", "mask", *BOXES)
LINES = ("line", "linestrip", "point", "points")
"""What has no area."""

ERASER, IGNORED = "_background_", "__ignore__"
"""Labels that LabelMe itself gives a meaning: what is painted over what lies below, and what is neither."""


@dataclass(frozen=True, slots=True)
class Shape:
    """As drawn; `kind` is LabelMe's."""

    number: int
    """Its place in the file, from 1."""
    label: str
    kind: str
    points: NDArray[np.float64]
    group: str | None
    bitmap: Bitmap | None
    """Of a mask: the pixels from its first point on."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What one file holds."""

    image: str
    """The path that it names, as another system may have written it."""
    size: tuple[int, int] | None
    shapes: tuple[Shape, ...]


def read_drawing(file: Path, shown: str) -> Drawing | None:
    """None where the JSON is of something else; `shown` is its name in sentences."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{shown}: not readable as JSON: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        return None
    size = content.get("imageWidth"), content.get("imageHeight")
    shapes = tuple(_read_shape(one, number, shown) for number, one in enumerate(content["shapes"], 1))
    return Drawing(
        str(content.get("imagePath") or ""),
        (size[0], size[1]) if all(isinstance(side, int) and side > 0 for side in size) else None,  # type: ignore[arg-type]
        shapes,
    )


def outline_of(shape: Shape) -> NDArray[np.float64] | None:
    """The polygon that a shape stands for; None where it takes more points than it has."""
    points = shape.points
    if shape.kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points.tolist()
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    if shape.kind == "circle":
        return _circle(points) if len(points) == 2 else None
    return points if len(points) >= 3 else None


def _circle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre and a point of the rim; a vertex for each pixel of it."""
    radius = math.dist(*points.tolist())
    steps = min(max(math.ceil(2 * math.pi * radius), 32), 4096)
    angles = np.arange(steps) * (2 * np.pi / steps)
    return np.asarray(points[0] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def _read_shape(content: Any, number: int, shown: str) -> Shape:
    where = f"{shown}: shape {number}"
    if not isinstance(content, dict) or content.get("label") in (None, ""):
        raise SourceError(f"{where} has no label; give it one in LabelMe")
    kind = str(content.get("shape_type") or "polygon")
    group = content.get("group_id")
    return Shape(
        number,
        str(content["label"]),
        kind,
        _read_points(content.get("points"), where),
        None if group is None else str(group),
        _read_bitmap(content.get("mask"), where) if kind == "mask" else None,
    )


def _read_points(content: Any, where: str) -> NDArray[np.float64]:
    try:
        points = np.asarray(content, np.float64)
    except (OverflowError, TypeError, ValueError):
        points = np.zeros(1)
    if points.size and points.shape[1:] != (2,):
        raise SourceError(f"{where}: its points are no pairs of numbers; export it again")
    return points.reshape(-1, 2)


def _read_bitmap(text: Any, where: str) -> Bitmap:
    """A PNG in base64."""
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
        decoded = cv2.imdecode(values, cv2.IMREAD_GRAYSCALE) if values.size else None
    except (TypeError, ValueError, binascii.Error, cv2.error):
        decoded = None
    if decoded is None:
        raise SourceError(f"{where}: its mask is no PNG in base64; export it again")
    return np.asarray(decoded > 0).view(np.uint8)
