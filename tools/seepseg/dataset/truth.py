"""The exact truth beside the labels: annotations/<split>.json, read piece by piece."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from seepseg.errors import DatasetError

_CHUNK = 1 << 20
_ENDS = frozenset(",:]} \t\r\n")


@dataclass(frozen=True, slots=True)
class TrueObject:
    """One annotation: its bitmap as run lengths, and the rows of the label file that hold it."""

    class_id: int
    rle: bytes
    rows: tuple[int, ...] | None
    crowd: bool = False
    """A region full of objects that nobody outlined: what is found inside is neither right nor wrong."""


@dataclass(slots=True)
class Truth:
    """The truth of one image."""

    width: int
    height: int
    ignore: bytes | None = None
    objects: list[TrueObject] = field(default_factory=list)


def annotations_path(root: Path, split: str) -> Path:
    """Where the truth of a split lies; a dataset that others made has none."""
    return root / "annotations" / f"{split}.json"


def read_truth(file: Path, wanted: Collection[str]) -> dict[str, Truth]:
    """The truth of these images, by file name as written there (relative to images/<split>/)."""
    names, found = {}, {}
    for record in stream(file, "images"):
        if record["file_name"] in wanted:
            ignore = record.get("ignore")
            names[record["id"]] = record["file_name"]
            found[record["file_name"]] = Truth(
                record["width"], record["height"], ignore["counts"].encode() if ignore else None
            )
    for record in stream(file, "annotations"):
        if record["image_id"] in names:
            rows = tuple(record["rows"]) if "rows" in record else None
            rle = record["segmentation"]["counts"].encode()
            crowd = bool(record.get("iscrowd"))
            found[names[record["image_id"]]].objects.append(TrueObject(record["category_id"], rle, rows, crowd))
    return found


def count_rows(file: Path) -> dict[str, int]:
    """How many label rows the truth of each image speaks of."""
    rows: Counter[int] = Counter()
    for record in stream(file, "annotations"):
        rows[record["image_id"]] += len(record.get("rows", (0,)))
    return {record["file_name"]: rows[record["id"]] for record in stream(file, "images")}


def stream(file: Path, key: str) -> Iterator[dict[str, Any]]:
    """The elements of one top-level list of a JSON object, without holding the others."""
    try:
        with file.open(encoding="utf-8") as text:
            yield from _Scanner(text).elements(key)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: not readable as JSON: {error}; convert the source again") from None


class _Scanner:
    """A window over a JSON text that grows until the next value fits."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._buffer = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def elements(self, key: str) -> Iterator[dict[str, Any]]:
        self._expect("{")
        while self._peek() != "}":
            name = self._value()
            self._expect(":")
            if self._peek() != "[":
                self._value()
            else:
                yield from (element for element in self._list() if name == key)
                if name == key:
                    return
            if self._peek() == ",":
                self._expect(",")

    def _list(self) -> Iterator[Any]:
        self._expect("[")
        while self._peek() != "]":
            yield self._value()
            if self._peek() == ",":
                self._expect(",")
        self._expect("]")

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError:
                if not self._grow():
                    raise
                continue
            # A number that the window cuts may go on behind it.
            if self._buffer[end : end + 1] not in _ENDS and self._grow():
                continue
            self._at = end
            return value

    def _peek(self) -> str:
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._grow():
                raise json.JSONDecodeError("ends too early", self._buffer, self._at)

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise json.JSONDecodeError(f"expected {sign}", self._buffer, self._at)
        self._at += 1

    def _grow(self) -> bool:
        more = self._text.read(_CHUNK)
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return bool(more)
