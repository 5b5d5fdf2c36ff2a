"""Classes made one: in names, in label rows and in the exact truth."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from seepseg import __version__, outline
from seepseg.dataset.truth import stream
from seepseg.errors import DatasetError
from seepseg.labels.class_names import clean_names, read_merges

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Classes:
    """Names after merging, and the new id of each old one."""

    names: tuple[str, ...]
    ids: tuple[int, ...]

    @property
    def changed(self) -> bool:
        """Whether a label file has to be written anew."""
        return self.ids != tuple(range(len(self.names)))


@dataclass(frozen=True, slots=True)
class Added:
    """An image that the source's truth does not hold: its record in `images` and those of its annotations, without
    the ids that are given at the end."""

    image: dict[str, Any]
    annotations: tuple[dict[str, Any], ...]


def merge_classes(names: Sequence[str], merge: Sequence[str]) -> Classes:
    """By "NEW=a,b"; a merged class stands where the first of its classes stood."""
    renamed = read_merges(names, merge)
    new = [renamed.get(name, name) for name in names]
    merged = list(dict.fromkeys(new))
    return Classes(clean_names(merged) if merge else tuple(merged), tuple(map(merged.index, new)))


def merge_rows(text: bytes, ids: Sequence[int], where: Path) -> bytes:
    """The rows of a label file under their new class ids, the coordinates' text as it was.

    Rows of one class and one box are one object to Ultralytics, which drops the second: where merging would make such
    a pair, a hair's breadth keeps the second apart.
    """
    lines = [line for line in text.removeprefix(BOM).splitlines() if line.strip()]
    old = [_class_id(line, ids, f"{where}:{number}") for number, line in enumerate(lines, 1)]
    rows = [b" ".join([b"%d" % ids[one], *line.split(None, 1)[1:]]) for one, line in zip(old, lines, strict=True)]
    if len({ids[one] for one in old}) < len(set(old)):
        rows = _keep_apart(rows, old)
    return b"".join(row + b"\n" for row in rows)


def rewrite_truth(
    target: Path, split: str, files: Sequence[tuple[Path, Collection[str]]], classes: Classes, added: Sequence[Added]
) -> None:
    """Write annotations/<split>.json from those of other splits: of each file the images that are named, and theirs
    alone. Piece by piece: no file is held in memory."""
    kept: list[dict[int, int]] = []
    taken: set[int] = set()
    info = {"description": f"{split}: exact truth at native size", "version": __version__}
    categories = [{"id": index, "name": name, "supercategory": ""} for index, name in enumerate(classes.names)]
    with target.open("w", encoding="utf-8") as text:
        text.write(f'{{"info":{_dump(info)},\n"licenses":[],\n"categories":{_dump(categories)},\n"images":[')
        _write_list(text, _images(files, kept, taken))
        first = max(taken, default=0) + 1
        _write_list(text, [{"id": first + index, **one.image} for index, one in enumerate(added)], more=bool(taken))
        text.write('\n],\n"annotations":[')
        count = _write_list(text, _annotations(files, kept, classes))
        new = [{"image_id": first + index, **record} for index, one in enumerate(added) for record in one.annotations]
        _write_list(text, [{"id": count + index, **record} for index, record in enumerate(new, 1)], more=bool(count))
        text.write("\n]}\n")


def _images(
    files: Sequence[tuple[Path, Collection[str]]], kept: list[dict[int, int]], taken: set[int]
) -> Iterator[dict[str, Any]]:
    """Ids stay unless two files use the same; `kept` gets old → new of each file, `taken` the new ones."""
    top = 0
    for file, wanted in files:
        mine: dict[int, int] = {}
        kept.append(mine)
        for record in _stream(file, "images", ("id", "file_name")):
            if record["file_name"] in wanted:
                new = record["id"] if record["id"] not in taken else top + 1
                top = max(top, new)
                mine[record["id"]] = new
                taken.add(new)
                yield {**record, "id": new}


def _annotations(
    files: Sequence[tuple[Path, Collection[str]]], kept: Sequence[dict[int, int]], classes: Classes
) -> Iterator[dict[str, Any]]:
    number = 0
    for (file, _), mine in zip(files, kept, strict=True):
        for record in _stream(file, "annotations", ("id", "image_id", "category_id")):
            if record["image_id"] in mine:
                number += 1
                old = record["category_id"]
                if old not in range(len(classes.ids)):
                    raise DatasetError(f"{file}: annotation {record['id']}: category {old!r} is not in data.yaml")
                image_id = mine[record["image_id"]]
                yield {**record, "id": number, "image_id": image_id, "category_id": classes.ids[old]}


def _stream(file: Path, key: str, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
    for record in stream(file, key):
        if not isinstance(record, dict) or any(field not in record for field in fields):
            raise DatasetError(f"{file}: {key}: not as the converter writes them; run 'seepseg check'")
        yield record


def _write_list(text: TextIO, records: Iterable[dict[str, Any]], *, more: bool = False) -> int:
    """One record a line; `more` where the list has begun already."""
    count = 0
    for count, record in enumerate(records, 1):
        text.write(("," if more or count > 1 else "") + "\n" + _dump(record))
    return count


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _class_id(line: bytes, ids: Sequence[int], where: str) -> int:
    try:
        value = float(line.split(None, 1)[0])
    except ValueError:
        value = -1
    if value not in range(len(ids)):
        raise DatasetError(f"{where}: no class id from 0 to {len(ids) - 1}; run 'seepseg check' for the full list")
    return int(value)


def _keep_apart(rows: list[bytes], old: Sequence[int]) -> list[bytes]:
    owner: dict[tuple[bytes, bytes], int] = {}
    for index, row in enumerate(rows):
        new, *words = row.split()
        if len(words) < 6:
            continue
        polygon = np.array(words, np.float64).reshape(-1, 2)
        while owner.setdefault((new, outline.boxes_as_read([polygon])[0]), old[index]) != old[index]:
            polygon = outline.shrink(polygon)
            rows[index] = outline.format_rows([(int(new), polygon)]).rstrip("\n").encode()
    return rows
