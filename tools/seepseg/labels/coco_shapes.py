"""The `segmentation` of a COCO annotation: polygons, or run lengths as list or as text."""

import json
import re
from array import array
from collections.abc import Sequence
from itertools import islice
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from seepseg.labels.coco_numbers import read_decimals
from seepseg.labels.coco_scan import Unread
from seepseg.labels.polygons import NOT_NUMBERS

ODD = "polygon with an odd number of coordinates"
SHORT = "polygon of fewer than 3 points"
SHORT_PART = "part of fewer than 3 points dropped"
BROKEN_RUNS = "run lengths that are broken or do not add up to their size"
NOT_A_SHAPE = "segmentation that is neither polygons nor run lengths"
BROKEN_BOX = "box that is not x, y, width and height above 0"

_DIGIT = re.compile(r"[0-9]")
_MOST_PIXELS = 2**31


class Runs(NamedTuple):
    """A mask as COCO's compressed run lengths, checked."""

    width: int
    height: int
    counts: bytes


Shape = str | Unread | Runs
"""Polygons stay JSON text until their image is read: small to keep, and the workers share the decoding."""


def read_segmentation(value: Any) -> tuple[Shape | None, str | None]:
    """A shape, None where there is nothing; and a reason where something is broken."""
    if isinstance(value, Unread) and _DIGIT.search(*value):
        return value, None
    if isinstance(value, Unread):
        value = json.loads(text_of(value))
    if isinstance(value, dict) and value:
        runs = _read_runs(value)
        return runs, None if runs else BROKEN_RUNS
    if value in (None, {}, []) or (isinstance(value, list) and all(part == [] for part in value)):
        return None, None
    return (json.dumps(value), None) if isinstance(value, list) else (None, NOT_A_SHAPE)


def text_of(polygons: str | Unread) -> str:
    """Their JSON text."""
    return polygons.text[polygons.start : polygons.stop] if isinstance(polygons, Unread) else polygons


def read_box(value: Any) -> tuple[Shape | None, str | None]:
    """The four corners of a `bbox`."""
    box = _read_numbers(value)
    if box is None or len(box) != 4 or box[2] <= 0 or box[3] <= 0:
        return None, BROKEN_BOX
    left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
    return json.dumps([[left, top, right, top, right, bottom, left, bottom]]), None


Parts = tuple[bytes, ...]
"""The float64 coordinates of each part of a polygon, x and y in turn."""


def read_together(texts: Sequence[str]) -> list[tuple[Parts, str | None]] | None:
    """What `read_polygons` gives for each, several times as fast; None where one of them is unusual or broken."""
    parts = []
    for text in texts:
        if not (text.startswith("[[") and text.endswith("]]")):
            return None
        parts.append(text[2:-2].replace("], [", "],[").split("],["))
    numbers = read_decimals([part for some in parts for part in some]) if parts else []
    if numbers is None:
        return None
    left = iter(numbers)
    return [_judge(list(islice(left, len(some)))) for some in parts]


def read_polygons(text: str) -> tuple[Parts, str | None]:
    """The parts; and a reason where something is broken (no parts) or left out."""
    parts = json.loads(text)
    if isinstance(parts[0], int | float):
        parts = [parts]
    read = [_read_numbers(part) for part in parts if part != []]
    drawn = [part for part in read if part is not None]
    return _judge(drawn) if len(drawn) == len(read) else ((), NOT_NUMBERS)


def _judge(drawn: "Sequence[array[float] | NDArray[np.float64]]") -> tuple[Parts, str | None]:
    if any(len(part) % 2 for part in drawn):
        return (), ODD
    whole = tuple([part.tobytes() for part in drawn if len(part) >= 6])
    if len(whole) == len(drawn):
        return whole, None
    return (whole, SHORT_PART) if whole else ((), SHORT)


def _read_numbers(value: Any) -> "array[float] | None":
    if not isinstance(value, list):
        return None
    try:
        numbers = array("d", value)
    except (TypeError, OverflowError):
        return None
    return numbers if isfinite(sum(numbers)) else None


def _read_runs(value: dict[str, Any]) -> Runs | None:
    size, counts = value.get("size"), value.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        return None
    height, width = size
    lengths = _decompress(counts) if isinstance(counts, str) else _read_lengths(counts)
    total = height * width
    if lengths is None or total >= _MOST_PIXELS or (lengths < 0).any() or lengths.sum() != total:
        return None
    if isinstance(counts, str):
        return Runs(width, height, counts.encode())
    run = {"size": [height, width], "counts": lengths}
    return Runs(width, height, coco_mask.frPyObjects([run], height, width)[0]["counts"])


def _read_lengths(counts: Any) -> NDArray[np.int64] | None:
    if not isinstance(counts, list) or not counts or set(map(type, counts)) != {int}:
        return None
    return np.array(counts, np.int64) if max(counts) < _MOST_PIXELS and min(counts) >= 0 else None


def _decompress(text: str) -> NDArray[np.int64] | None:
    """COCO's text form: five bits a character, lowest first, 32 where more follow; from the fourth on, a length is
    told as the difference from the one before the last."""
    try:
        codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        return None
    if not len(codes) or (codes < 0).any() or (codes > 63).any() or codes[-1] & 32:
        return None
    ends = np.flatnonzero(codes & 32 == 0)
    starts = np.concatenate(([0], ends[:-1] + 1))
    spans = ends - starts + 1
    if spans.max() > 7:
        return None
    places = np.arange(len(codes)) - np.repeat(starts, spans)
    lengths = np.add.reduceat((codes & 31) << 5 * places, starts)
    lengths -= np.where(codes[ends] & 16, np.int64(1) << 5 * spans, 0)
    lengths[1::2] = np.cumsum(lengths[1::2])
    lengths[2::2] = np.cumsum(lengths[2::2])
    return lengths
