"""What visitors hand in: every file is looked at before anything decodes it, and is taken or refused in a sentence."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from seepseg.app.intake_limits import LIMITS, Kind, Limits
from seepseg.app.intake_look import inspect, name_of_kind
from seepseg.app.intake_zip import is_zip, unpack_zip
from seepseg.errors import MissingExtra, SeepsegError
from seepseg.wording import count

_LONGEST_NAME = 80
_PART = ".arriving"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that may be opened."""

    path: Path
    name: str
    """As the visitor knows it, with its folder in a zip."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Intake:
    """What came of the files that were handed in."""

    files: tuple[Taken, ...]
    refused: tuple[str, ...]
    """A sentence each."""


@dataclass(slots=True)
class _Desk:
    place: Path
    limits: Limits
    room: int
    """Bytes that may still come."""
    files: list[Taken] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def take(uploads: Iterable[Any], place: Path, limits: Limits = LIMITS) -> Intake:
    """Put each upload that is fit into the folder; an upload has a `name`, and `getvalue` or `read`.

    A file's suffix there is that of its content, and files that lie beside one another never belong together, so that
    no decoder takes one for the side-car of another.
    """
    place.mkdir(parents=True, exist_ok=True)
    desk = _Desk(place, limits, limits.total_bytes - _bytes_in(place))
    given = list(uploads)
    for upload in given[: limits.files]:
        _say_or(desk, shown_name(upload.name), partial(_take_upload, desk, upload))
    if len(given) > limits.files:
        desk.refused.append(
            f"{count(len(given), 'file')} were handed in, and {limits.files:,} are taken at once: the first "
            f"{limits.files:,} were looked at. Pack the others in a zip, or hand them in after these"
        )
    return Intake(tuple(desk.files), tuple(desk.refused))


def shown_name(name: str) -> str:
    """A name from outside as one line that can be shown: no folders of the visitor, no signs that steer a terminal."""
    clean = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in name).replace("\\", "/")
    last = clean.rstrip("/").rsplit("/", 1)[-1].strip() or "file"
    return last if len(last) <= _LONGEST_NAME else f"{last[: _LONGEST_NAME - 21]}…{last[-20:]}"


def _say_or(desk: _Desk, name: str, action: Callable[[], None]) -> None:
    """Run it; what goes wrong is one sentence about the name."""
    try:
        action()
    except MissingExtra as error:
        desk.refused.append(f"{name}: this server cannot read such files ({error})")
    except SeepsegError as error:
        text = str(error)
        desk.refused.append(text if text.startswith(f"{name}: ") else f"{name}: {text}")
    except OSError as error:
        desk.refused.append(f"{name}: cannot be kept on the server ({error.strerror or error}); try a smaller one")


def _take_upload(desk: _Desk, upload: Any) -> None:
    data = upload.getvalue() if hasattr(upload, "getvalue") else upload.read()
    name = shown_name(upload.name)
    if problem := _too_large(desk, len(data)):
        desk.refused.append(f"{name}: {problem}")
        return
    part = desk.place / _PART
    try:
        part.write_bytes(data)
        if is_zip(data[:4]):
            _take_zip(desk, part, name)
        else:
            _take_file(desk, part, name)
    finally:
        part.unlink(missing_ok=True)


def _too_large(desk: _Desk, size: int) -> str | None:
    if not size:
        return "is empty (0 bytes); get the file again"
    if size > desk.limits.file_bytes:
        return f"has {_megabytes(size)}, and {_megabytes(desk.limits.file_bytes)} are allowed; cut it into parts"
    if size > desk.room:
        return f"there is no room left for it: one visitor may keep {_megabytes(desk.limits.total_bytes)} here"
    return None


def _take_file(desk: _Desk, path: Path, name: str) -> None:
    """The file goes to its place; what is refused stays where it is."""
    seen = inspect(path, desk.limits)
    target = _free_place(desk.place, name_of_kind(name, seen.suffix))
    desk.room -= path.stat().st_size
    os.replace(path, target)
    desk.files.append(Taken(target, name, seen.kind))


def _take_zip(desk: _Desk, archive: Path, name: str) -> None:
    before = len(desk.files), len(desk.refused)
    passed_over = 0
    with unpack_zip(archive, name, desk.limits, min(desk.limits.zip_bytes, desk.room)) as folder:
        for path in _files_in(folder):
            inside = "/".join(map(shown_name, path.relative_to(folder).parts))
            if is_zip(_head(path)):
                desk.refused.append(f"{name}: {inside} in it is a zip too; unpack it and hand in what it holds")
            elif path.stat().st_size:
                where = f"{name}: {inside}"
                _say_or(desk, where, partial(_take_file, desk, path, inside))
            else:
                passed_over += 1
    if passed_over:
        desk.refused.append(f"{name}: {count(passed_over, 'empty file')} in it passed over")
    if (len(desk.files), len(desk.refused)) == before:
        desk.refused.append(f"{name}: nothing in it; pack images, scenes or a short video")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _files_in(folder: Path) -> Iterator[Path]:
    from seepseg.outputs.listing import natural_key

    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    yield from sorted(files, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def _free_place(folder: Path, name: str) -> Path:
    """Under a name that a file system and other programs take."""
    safe = re.sub(r"[^\w.+()-]+", "_", name).lstrip(".-") or "file"
    stem, suffix = os.path.splitext(safe)
    place, number = folder / safe, 2
    while place.exists():
        place, number = folder / f"{stem}-{number}{suffix}", number + 1
    return place


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size:,} bytes"
