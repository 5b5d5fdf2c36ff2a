"""Boxes in a CSV as box-shaped masks: a box is the pixels whose centres it covers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from seepseg.errors import SourceError, UsageError, listing
from seepseg.instances import from_bitmap
from seepseg.labels.box_table import BoxTable, Corners, Row, read_table
from seepseg.labels.class_names import tell_cases
from seepseg.labels.pictures import Picture, list_pictures, own_splits, own_stems
from seepseg.values import Instance, Item, LabelledImage, Skip, Source
from seepseg.wording import count, verb

UNLISTED = ("skip", "background")
SINGLE_CLASS = "object"


@dataclass(frozen=True, slots=True)
class Boxes:
    """The payload of an item."""

    boxes: tuple[tuple[int, int, Corners], ...]
    """Line, class id and corners of each."""
    declared: tuple[float, float] | None = None


def read_boxes(
    table: Path,
    images: Path,
    *,
    names: Sequence[str] | None = None,
    unlisted: str = "skip",
    form: str | None = None,
) -> Source:
    """The images that the table names, by file name, path or stem; classes in order of their names unless `names`
    says another. `form` decides where a box column may hold corners or a size."""
    if unlisted not in UNLISTED:
        raise UsageError(f"--unlisted {unlisted}: choose among {', '.join(UNLISTED)}")
    found = read_table(table, form)
    classes = _classes(table, found, names)
    pictures, others = list_pictures(images)
    owners, skipped = _find_pictures(table, images, found.rows, pictures)
    skipped += [*found.skipped, *(Skip("not a picture", path) for path in others if images / path != table)]
    listed = {picture.path: _payload(rows, classes) for picture, rows in owners.items()}
    rest = [picture for picture in pictures if picture.path not in listed]
    if unlisted == "skip":
        skipped += [Skip("image not in the table", picture.path) for picture in rest]
        pictures = [picture for picture in pictures if picture.path in listed]
    splits, notes = own_splits(pictures)
    items = tuple(
        Item(images / picture.path, stem, listed.get(picture.path, Boxes(())), split)
        for picture, stem, split in zip(pictures, own_stems(pictures), splits, strict=True)
    )
    return Source(
        kind="boxes",
        root=images,
        names=classes,
        items=items,
        read=partial(_read, table=table.name, shares=found.shares),
        settings={
            "table": table.name,
            "form": found.form,
            "shares": found.shares,
            "unlisted": unlisted,
        },
        skipped=tuple(skipped),
        notes=(*_notes(table, found, len(rest), unlisted), *([] if names else tell_cases(classes)), *notes),
    )


def refuse_mere_boxes(places: Sequence[str], what: str) -> list[str]:
    """Of another source: what to say of boxes where outlines should be; nothing where there are none."""
    if not places:
        return []
    first = ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")
    told = f"{count(len(places), what)} {verb(len(places), 'is a box', 'are boxes')}"
    return [f"{told} without an outline ({first}); --boxes box makes box-shaped masks of them"]


def tell_unlisted(images: int, where: str, unlisted: str) -> list[str]:
    """What becomes of images that no label speaks of, and the other choice; nothing where there are none."""
    if not images:
        return []
    fates = {
        "skip": "left out (--unlisted skip); --unlisted background takes in such images as backgrounds",
        "background": "taken in as background (--unlisted background); --unlisted skip leaves out such images",
    }
    return [f"{count(images, 'image')} {verb(images)} {where}: {fates[unlisted]}"]


def _classes(table: Path, found: BoxTable, names: Sequence[str] | None) -> tuple[str, ...]:
    """The class names; a table without a class column is of one class."""
    labels: dict[str, int] = {}
    for row in found.rows:
        if row.corners:
            labels.setdefault(row.label, row.line)
    if not labels:
        raise SourceError(f"{table}: holds no box")
    if "class" not in found.columns:
        if names and len(names) > 1:
            raise UsageError(f"{table}: has no class column, so --names takes one name")
        return tuple(names or [SINGLE_CLASS])
    if "" in labels:
        raise SourceError(f"{table}:{labels['']}: the box has no class")
    unknown = sorted(labels.keys() - set(names or labels))
    if unknown:
        where = [f"{table}:{labels[label]}: class {label} is not in --names" for label in unknown]
        raise SourceError(listing(where))
    return tuple(names or sorted(labels))


def _find_pictures(
    table: Path, images: Path, rows: Sequence[Row], pictures: Sequence[Picture]
) -> tuple[dict[Picture, list[Row]], list[Skip]]:
    """The rows of each picture; what is not there is counted once an image."""
    known: dict[str, list[Picture]] = {}
    for picture in pictures:
        for key in {picture.path, picture.stem + picture.extension, picture.stem}:
            known.setdefault(key, []).append(picture)
    owners: dict[Picture, list[Row]] = {}
    missing: dict[str, int] = {}
    problems: dict[str, str] = {}
    for row in rows:
        path = row.image.replace("\\", "/").removeprefix("./")
        found = known.get(path) or known.get(PurePosixPath(path).name) or []
        if len(found) == 1:
            owners.setdefault(found[0], []).append(row)
        elif found:
            candidates = ", ".join(picture.path for picture in found)
            problems.setdefault(row.image, f"{table}:{row.line}: {row.image} may be any of {candidates}")
        else:
            missing.setdefault(row.image, row.line)
    if problems:
        raise SourceError(listing(list(problems.values())))
    if not owners:
        raise SourceError(f"{images}: of {count(len(missing), 'image')} that {table} names it holds none")
    return owners, [Skip("image file missing", f"{image} ({table.name}:{line})") for image, line in missing.items()]


def _payload(rows: Sequence[Row], classes: Sequence[str]) -> Boxes:
    ids = {name: index for index, name in enumerate(classes)}
    boxes = tuple((row.line, ids.get(row.label, 0), row.corners) for row in rows if row.corners)
    return Boxes(boxes, next((row.declared for row in rows if row.declared), None))


def _notes(table: Path, found: BoxTable, rest: int, unlisted: str) -> list[str]:
    notes = [
        f"{table.name}: boxes are read as "
        + ("x1, y1, x2, y2" if found.form == "corners" else "x, y, width, height, from the top left")
    ]
    if "class" not in found.columns:
        notes.append("no column says a class (class, label or category): all boxes are of one")
    if found.shares:
        notes.append("all coordinates lie between 0 and 1: they are taken as shares of the image")
    return notes + tell_unlisted(rest, "not in the table", unlisted)


def _read(item: Item, width: int, height: int, *, table: str, shares: bool) -> LabelledImage:
    payload: Boxes = item.payload
    skipped = []
    if payload.declared not in (None, (width, height)):
        skipped.append(Skip("the table gives the image another size", item.stem))
    instances = []
    for line, class_id, corners in payload.boxes:
        found, reason = _box(corners, class_id, width, height, shares, line)
        if found:
            instances.append(found)
        if reason:
            skipped.append(Skip(reason, f"{table}:{line}"))
    return LabelledImage(width, height, tuple(instances), skipped=tuple(skipped))


def _box(
    corners: Corners, class_id: int, width: int, height: int, shares: bool, line: int
) -> tuple[Instance | None, str | None]:
    """The instance, if there is one, and what is to be said about the box."""
    x1, y1, x2, y2 = (
        value * side for value, side in zip(corners, (width, height) * 2 if shares else (1,) * 4, strict=True)
    )
    if x2 <= x1 or y2 <= y1:
        return None, "box without area"
    left, top, right, bottom = (math.ceil(value - 0.5) for value in (x1, y1, x2, y2))
    if right <= left or bottom <= top:
        return None, "box that covers no pixel's centre"
    inside = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    columns, rows = inside[2] - inside[0], inside[3] - inside[1]
    if columns <= 0 or rows <= 0:
        return None, "box outside its image"
    bitmap = np.ones((rows, columns), np.uint8)
    found = from_bitmap(bitmap, class_id, x=inside[0], y=inside[1], width=width, height=height, source_id=line)
    return found, None if inside == (left, top, right, bottom) else "box clipped at the image's edge"
