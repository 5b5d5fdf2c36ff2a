"""A CSV of boxes, whatever its columns are called: each row as an image, a class and two corners."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seepseg.errors import SourceError, UsageError, listing
from seepseg.values import Skip

FORMS = ("corners", "size")
Corners = tuple[float, float, float, float]
"""x1, y1, x2, y2."""

_COLUMNS = {
    "image": "imageid image filename file imagename imagefile imagepath filepath path img imgid imgname",
    "class": "class label labelname classname classlabel category categoryname object",
    "bounds": "bounds",
    "box": "bbox box boundingbox",
    "x1": "xmin x1 left bboxxmin",
    "y1": "ymin y1 top bboxymin",
    "x2": "xmax x2 right bboxxmax",
    "y2": "ymax y2 bottom bboxymax",
    "x": "x bboxx",
    "y": "y bboxy",
    "w": "w width bboxw bboxwidth boxwidth",
    "h": "h height bboxh bboxheight boxheight",
}
_MEANING = {name: column for column, names in _COLUMNS.items() for name in names.split()}
_BOXES = (("x1", "y1", "x2", "y2"), ("bounds",), ("box",), ("x", "y", "w", "h"))
"""Columns that hold a box, the first that are all there."""
_NO_HEADER = ("image", "x1", "y1", "x2", "y2", "class")
_NOTHING = frozenset(("", "nan", "none", "null", "[]", "()"))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    line: int
    image: str
    label: str
    """Empty where the table has no class."""
    corners: Corners | None
    """None where the line says that the image holds nothing."""
    declared: tuple[float, float] | None
    """Width and height that the line gives the image."""


@dataclass(frozen=True, slots=True)
class BoxTable:
    """All rows, and what was found out about the table."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    form: str
    shares: bool
    """Whether coordinates are shares of the image rather than pixels."""
    skipped: tuple[Skip, ...]


def read_table(table: Path, form: str | None = None) -> BoxTable:
    """Every malformed line in one error; rows that say the same are counted and left out."""
    lines = _read_lines(table)
    header, lines = _find_columns(table, lines)
    form = _form_of(table, header, form)
    problems: list[str] = []
    rows: list[Row] = []
    skipped: list[Skip] = []
    seen = set()
    for line, cells in lines:
        try:
            row = _read_row(line, header, cells, form)
        except ValueError as error:
            problems.append(f"{table}:{line}: {error}")
            continue
        if row.corners and (row.image, row.label, row.corners) in seen:
            skipped.append(Skip("box listed twice", f"{table.name}:{line}"))
            continue
        if not row.corners and row.label:
            skipped.append(Skip("class without a box", f"{table.name}:{line}"))
        seen.add((row.image, row.label, row.corners))
        rows.append(row)
    if problems:
        raise SourceError(listing(problems))
    return BoxTable(tuple(rows), tuple(header), form, _are_shares(rows), tuple(skipped))


def _read_lines(table: Path) -> list[tuple[int, list[str]]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
        first = text.split("\n", 1)[0]
        delimiter = max(",;\t|", key=lambda mark: (len(_meanings(first.split(mark))), first.count(mark)))
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(map(str.strip, cells))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{table}: not readable as CSV text: {error}") from None
    except IsADirectoryError:
        raise SourceError(f"{table}: is a folder; give the CSV with the boxes") from None


def _meanings(cells: Sequence[str]) -> dict[str, int]:
    """What the cells of a header mean, and where each stands; the first of two counts."""
    found: dict[str, int] = {}
    for index, cell in enumerate(cells):
        meaning = _MEANING.get(re.sub(r"[^a-z0-9]", "", cell.lower()))
        if meaning:
            found.setdefault(meaning, index)
    return found


def _find_columns(table: Path, lines: list[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The meaning of each column ('' for none), and the lines below the header."""
    if not lines:
        raise SourceError(f"{table}: is empty")
    first = lines[0][1]
    found = _meanings(first)
    if "x1" in found and "x2" not in found and "w" in found:
        found = {{"x1": "x", "y1": "y"}.get(meaning, meaning): index for meaning, index in found.items()}
    if "image" in found and any(found.keys() >= set(needed) for needed in _BOXES):
        places = {index: meaning for meaning, index in found.items()}
        return [places.get(index, "") for index in range(len(first))], lines[1:]
    if len(first) == len(_NO_HEADER) and not found and _looks_like_box(first[1:5]):
        return list(_NO_HEADER), lines
    raise SourceError(
        f"{table}: the columns {', '.join(first)} do not name an image and a box; have image_id and class, and either "
        "bounds, or xmin, ymin, xmax, ymax, or x, y, w, h"
    )


def _box_columns(header: Sequence[str]) -> tuple[str, ...]:
    return next(needed for needed in _BOXES if set(needed) <= set(header))


def _looks_like_box(cells: Sequence[str]) -> bool:
    try:
        [float(cell or 0) for cell in cells]
    except ValueError:
        return False
    return True


def _form_of(table: Path, header: Sequence[str], form: str | None) -> str:
    """'corners' or 'size': what the last two numbers of a box are."""
    if form not in (None, *FORMS):
        raise UsageError(f"--form {form}: choose among {', '.join(FORMS)}")
    columns = _box_columns(header)
    own = form if columns == ("box",) else "size" if columns[0] == "x" else "corners"
    if own is None:
        raise UsageError(
            f"{table}: its boxes may be (x1, y1, x2, y2) or (x, y, width, height); say --form corners or --form size"
        )
    if form and form != own:
        raise UsageError(f"--form {form}: the columns of {table} say {own}; leave --form out")
    return own


def _read_row(line: int, header: Sequence[str], fields: Sequence[str], form: str) -> Row:
    if len(fields) != len(header):
        raise ValueError(f"{len(fields)} fields, but {len(header)} columns")
    cells = dict(zip(header, fields, strict=True))
    if not cells["image"]:
        raise ValueError("names no image")
    label = cells.get("class", "")
    label = "" if label.lower() in _NOTHING else label
    texts = _box_texts(cells)
    corners = None
    if texts:
        x1, y1, third, fourth = (_number(text) for text in texts)
        corners = (x1, y1, x1 + third, y1 + fourth) if form == "size" else (x1, y1, third, fourth)
    declared = None
    if "x" not in cells and cells.get("w", "").lower() not in _NOTHING and cells.get("h", "").lower() not in _NOTHING:
        declared = (_number(cells["w"]), _number(cells["h"]))
    return Row(line, cells["image"], label, corners, declared)


def _box_texts(cells: dict[str, str]) -> list[str]:
    """The four numbers of a box, as text; none where the line holds none."""
    texts = [cells[column] for column in _box_columns(list(cells))]
    if len(texts) == 1 and texts[0].lower() not in _NOTHING:
        bounds, texts = texts[0], [text for text in re.split(r"[\s,;]+", texts[0].strip("()[]{} \t")) if text]
        if len(texts) != 4:
            raise ValueError(f"{bounds!r} is not a box of four numbers")
    empty = [text.lower() in _NOTHING for text in texts]
    if any(empty) and not all(empty):
        raise ValueError("the box lacks a number")
    return [] if all(empty) else texts


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e9:
        raise ValueError(f"{text!r} is not a number of pixels")
    return value


def _are_shares(rows: Sequence[Row]) -> bool:
    """Boxes within 0 to 1, one of them at least with decimals, can't be pixels."""
    values = [value for row in rows if row.corners for value in row.corners]
    return bool(values) and all(0 <= value <= 1 for value in values) and any(value % 1 for value in values)
