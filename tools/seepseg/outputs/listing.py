"""What there is to predict on: the images of a folder, of a list, or one file, each with a stem of its own."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels.pictures import Picture, list_pictures
from seepseg.wording import count, verb

LIST_SUFFIXES = (".txt", ".lst")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to predict on."""

    path: Path
    name: str
    """Its path below the source."""
    stem: str
    """Of the files written for it; keeps the subfolders of the source."""


def list_entries(source: Path) -> tuple[list[Entry], list[str]]:
    """Every image in natural order, 2 before 10, and what was passed over."""
    if source.is_dir():
        return _of_folder(source)
    if source.suffix.lower() in LIST_SUFFIXES:
        return _of_list(source)
    if not source.exists():
        raise UsageError(
            f"{source}: no such file; give an image, a scene, a video, a folder, or a .txt that lists images"
        )
    if not source.is_file():
        raise UsageError(f"{source}: no regular file; give an image, a scene, a video, a folder, or a list of images")
    return [Entry(source, source.name, source.stem)], []


def natural_key(name: str) -> tuple[tuple[tuple[bool, int, str], ...], str]:
    """Numbers in a name count as numbers."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts), name


def own_stems(names: Sequence[str]) -> list[str]:
    """A name without its suffix; where two in one folder are then equal, with it."""
    stems = [os.path.splitext(name)[0] for name in names]
    counts = Counter(stems)
    stems = [name if counts[stem] > 1 else stem for name, stem in zip(names, stems, strict=True)]
    twice = [
        f"{stem}: two images would be written by this name" for stem, number in Counter(stems).items() if number > 1
    ]
    if twice:
        raise SourceError(f"rename one of each pair:\n{listing(twice)}")
    return stems


def _of_folder(folder: Path) -> tuple[list[Entry], list[str]]:
    pictures, others, notes = _list_open(folder)
    if not pictures:
        closed = f"; {notes[0]}" if notes else ""
        raise UsageError(f"{folder}: no image in it" + (f", only files such as {others[0]}" if others else "") + closed)
    names = sorted((picture.path for picture in pictures), key=natural_key)
    if others:
        notes.append(
            f"{count(len(others), 'file')} in {folder} that {verb(len(others))} no image passed over, "
            f"such as {others[0]}"
        )
    return [Entry(folder / name, name, stem) for name, stem in zip(names, own_stems(names), strict=True)], notes


def _list_open(folder: Path) -> tuple[list[Picture], list[str], list[str]]:
    """Pictures, other files, and the word on each subfolder that was passed over as it can't be read."""
    closed: dict[Path, str] = {}
    while True:
        try:
            found = list_pictures(folder, closed=closed)
        except OSError as error:
            where = Path(error.filename or folder)
            if where == folder or where in closed:
                raise SourceError(
                    f"{where}: cannot be read: {error.strerror}; ask for access, or give a .txt that lists the images "
                    "that you may read"
                ) from None
            closed[where] = f"{where} passed over, as it cannot be read: {error.strerror}"
        else:
            return *found, list(closed.values())


def _of_list(file: Path) -> tuple[list[Entry], list[str]]:
    """Relative paths are seen from the list's folder, or else from the working directory; the order is the list's."""
    try:
        lines = file.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    except OSError as error:
        raise SourceError(f"{file}: not readable: {error.strerror}") from None
    given = dict.fromkeys(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if not given:
        raise UsageError(f"{file}: lists no image; write a path a line")
    paths = [
        file.parent / line if (file.parent / line).exists() or not Path(line).exists() else Path(line) for line in given
    ]
    absolute = [os.path.abspath(path) for path in paths]
    root = os.path.commonpath([os.path.dirname(path) for path in absolute])
    names = [os.path.relpath(path, root).replace(os.sep, "/") for path in absolute]
    repeated = sum(1 for line in lines if line.strip()) - len(given)
    notes = [f"{count(repeated, 'line')} of {file} given twice or as a comment"] if repeated else []
    return [Entry(*one) for one in zip(paths, names, own_stems(names), strict=True)], notes
