"""The rows of a YOLO label file as people and programs leave them: what can be understood is read, and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError
from seepseg.values import Skip

BOM = "byte-order mark taken out"
COMMAS = "commas read as decimal points"
DIVIDERS = "commas read as dividers"
TWICE = "row given twice"
POINTS = "row of under three points"
FARTHEST = 0.5
"""Sizes of the image by which a coordinate may miss it; beyond, it is no share at all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One object as the file gives it."""

    line: int
    class_id: int
    polygon: NDArray[np.float64]
    """(n, 2) shares; of a box its corners."""
    is_box: bool


def read_text(file: Path) -> str:
    """A label file's text without byte-order mark; other encodings than UTF-8 hold the same digits."""
    data = file.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def split_line(line: str) -> tuple[list[str], str | None]:
    """The words of a row, and which rule made words of commas."""
    words = line.split()
    if "," not in line:
        return words, None
    if len(words) > 1 and "." not in line:
        return [word.replace(",", ".") for word in words], COMMAS
    return line.replace(",", " ").split(), DIVIDERS


def survey(file: Path, place: str) -> tuple[set[int], list[str], list[str]]:
    """Without reading the coordinates: class ids, the places of boxes, and sentences on what is no row at all."""
    ids: set[int] = set()
    boxes, problems = [], []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        words, _ = split_line(line)
        if not words:
            continue
        try:
            value = float(words[0])
            if value < 0 or value % 1:
                raise ValueError
            ids.add(int(value))
        except ValueError:
            problems.append(f"{place}:{number}: {words[0][:20]!r} is no class id")
        if len(words) == 5:
            boxes.append(f"{place}:{number}")
        elif len(words) > 5 and len(words) % 2 == 0:
            problems.append(
                f"{place}:{number}: {len(words) - 1} numbers make no polygon; predictions saved with a confidence are "
                "no labels"
            )
    return ids, boxes, problems


def read_rows(file: Path, place: str) -> tuple[list[Row], list[Skip]]:
    """The objects of a file that `survey` let pass; numbers that are none, or no shares, are an error."""
    skipped = []
    if file.read_bytes()[:3] in (b"\xef\xbb\xbf",) or file.read_bytes()[:2] in (b"\xff\xfe", b"\xfe\xff"):
        skipped.append(Skip(BOM, place))
    rows: list[Row] = []
    seen: set[bytes] = set()
    for number, line in enumerate(read_text(file).splitlines(), 1):
        words, rule = split_line(line)
        where = f"{place}:{number}"
        if not words:
            continue
        if rule:
            skipped.append(Skip(rule, where))
        values = _numbers(words, where)
        key = values.tobytes()
        if len(values) < 5:
            skipped.append(Skip(POINTS, where))
        elif key in seen:
            skipped.append(Skip(TWICE, where))
        else:
            seen.add(key)
            rows.append(Row(number, int(values[0]), _shape(values[1:]), len(values) == 5))
    return rows, skipped


def _numbers(words: Sequence[str], where: str) -> NDArray[np.float64]:
    try:
        values = np.array(words, np.float64)
    except ValueError:
        raise SourceError(f"{where}: not a class id followed by numbers; correct or delete the row") from None
    shares = values[1:]
    if not np.isfinite(values).all():
        raise SourceError(f"{where}: holds a value that is no number; correct or delete the row")
    if len(shares) and (shares.min() < -FARTHEST or shares.max() > 1 + FARTHEST):
        raise SourceError(
            f"{where}: coordinates run from {shares.min():g} to {shares.max():g}, and shares of the image lie between "
            "0 and 1; divide pixels by the image's width and height"
        )
    return values


def _shape(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) != 4:
        return values.reshape(-1, 2)
    x, y, width, height = values.tolist()
    left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
