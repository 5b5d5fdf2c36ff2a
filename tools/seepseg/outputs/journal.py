"""progress.jsonl: what was found in each finished image, a line each; what an interrupted prediction goes on from."""

import fcntl
import json
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seepseg.errors import OutputError
from seepseg.outputs.place import JOURNAL, Place, refusal
from seepseg.outputs.verdict import Verdict

PICTURE, SCENE = "picture", "scene"
Stamp = tuple[int, int]
"""Size and time of change of a file: another one means that it is to be predicted anew."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object, as the tables have it."""

    class_id: int
    confidence: float
    """Of a scene's object, the highest."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom, as the model has them; of a scene's object, those of its mask."""
    bbox: tuple[int, int, int, int]
    """x, y, width, height of the mask."""
    area_px: int
    area_km2: float | None
    rle: str | None
    """None in a scene too large for COCO's counts."""
    mean: float | None = None
    median: float | None = None
    cut: bool | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What an image holds of one class."""

    count: int
    area_px: int
    """Of the union: pixels under two objects count once."""
    area_km2: float | None


@dataclass(frozen=True, slots=True)
class Record:
    """All that is told of one image."""

    name: str
    stem: str
    stamp: Stamp
    kind: str
    reason: str | None = None
    """Why it failed."""
    width: int = 0
    height: int = 0
    verdict: Verdict | None = None
    objects: tuple[Found, ...] = ()
    shares: tuple[Share, ...] = ()
    """One a class; none from a classifier, which counts no objects."""
    blank: int = 0
    """Detections without a pixel, which no file holds."""
    notes: tuple[str, ...] = ()


class Journal:
    """Append-only; of two lines on one stem the later counts."""

    def __init__(self, number: int, path: Path) -> None:
        self._number = number
        self._path = path
        self._at: dict[str, int] = {}
        self._stamps: dict[str, Stamp] = {}
        self._end = 0
        self._index()

    def append(self, record: Record) -> None:
        """Whole or not at all."""
        line = json.dumps(asdict(record), separators=(",", ":")).encode() + b"\n"
        try:
            written = 0
            while written < len(line):
                written += os.write(self._number, line[written:])
        except OSError as error:
            os.ftruncate(self._number, self._end)
            raise refusal(self._path, error) from None
        self._remember(record.stem, record.stamp, record.reason is None)
        self._end += len(line)

    def is_finished(self, stem: str, stamp: Stamp) -> bool:
        """Whether this very file was predicted; one that failed is tried again."""
        return self._stamps.get(stem) == stamp

    def others(self, stems: Collection[str]) -> list[str]:
        """Images that were predicted, and are none of these."""
        return [stem for stem in self._stamps if stem not in stems]

    def read(self, stems: Iterable[str]) -> Iterator[Record]:
        """What was found in these images, one after the other; nothing on those whose turn has not come."""
        with self._path.open("rb") as file:
            for stem in stems:
                if stem in self._at:
                    file.seek(self._at[stem])
                    yield _from_json(json.loads(file.readline()))

    def _index(self) -> None:
        """Find the lines, and cut off one that was being written when the process ended."""
        with self._path.open("rb") as file:
            for line in file:
                try:
                    record = json.loads(line) if line.endswith(b"\n") else {}
                    stem, stamp, fine = record["stem"], record["stamp"], record["reason"] is None
                except (ValueError, KeyError, TypeError):
                    break
                self._remember(stem, (stamp[0], stamp[1]), fine)
                self._end += len(line)
        os.ftruncate(self._number, self._end)

    def _remember(self, stem: str, stamp: Stamp, fine: bool) -> None:
        self._at[stem] = self._end
        if fine:
            self._stamps[stem] = stamp
        else:
            self._stamps.pop(stem, None)


@contextmanager
def open_journal(place: Place) -> Iterator[Journal]:
    """The journal of a folder, held against a second command that would write there at the same time."""
    path = place.ready(JOURNAL)
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise refusal(path, error) from None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Journal(number, path)
    except BlockingIOError:
        raise OutputError(f"{place.path}: another prediction is writing there; wait for it") from None
    finally:
        os.close(number)


def _from_json(record: dict[str, Any]) -> Record:
    changes = {
        "stamp": tuple(record["stamp"]),
        "verdict": record["verdict"] and _verdict(record["verdict"]),
        "objects": tuple(Found(**one | {key: tuple(one[key]) for key in ("box", "bbox")}) for one in record["objects"]),
        "shares": tuple(Share(**one) for one in record["shares"]),
        "notes": tuple(record["notes"]),
    }
    return Record(**record | changes)


def _verdict(record: dict[str, Any]) -> Verdict:
    return Verdict(**record | {"classes": tuple(map(_verdict, record["classes"]))})
