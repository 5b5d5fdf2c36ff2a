"""Files that belong together, in a folder or in a .zip of one: listed, opened and packed without leaving it."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import cast

from seepseg.errors import UsageError

MOST_FILES = 200
_EPOCH = (1980, 1, 1, 0, 0, 0)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, OSError, zlib.error)
"""An encrypted one raises the third, one whose names or whose beginning are spoilt those after it."""


def pack(folder: Path, file: Path) -> None:
    """As a .zip whose bytes depend on the files alone."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(list_folder(folder)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with (folder / name).open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while block := source.read(2**20):
                    target.write(block)


def list_folder(folder: Path) -> dict[str, int]:
    """Each file with its size; links are refused, for they lead out."""
    sizes = {}
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise UsageError(f"{path}: a link or a special file, which no bundle holds; remove it")
        if path.is_file():
            sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
        if len(sizes) > MOST_FILES:
            raise UsageError(f"{folder}: more than {MOST_FILES} files; that is no bundle")
    return sizes


def list_zip(path: Path, home: str) -> tuple[dict[str, int], str]:
    """The same, and what stands before each name: '', or the one folder that was packed with the file `home` in it."""
    with _archive(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise UsageError(f"{path}: more than {MOST_FILES} files; that is no bundle")
    for entry in entries:
        if entry.compress_type not in _METHODS:
            raise UsageError(f"{path}: packed in a way that not every device can unpack; pack it as a plain .zip")
        if not stays_inside(entry.filename):
            raise UsageError(f"{path}: holds {entry.filename!r}, which leads out of the bundle; don't use this file")
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise UsageError(f"{path}: holds two files of one name; don't use this file")
    tops = {name.partition("/")[0] for name in names}
    inside = f"{tops.pop()}/" if len(tops) == 1 and home not in names else ""
    return {entry.filename[len(inside) :]: entry.file_size for entry in entries}, inside


def stays_inside(name: str) -> bool:
    """Whether it is a plain path below the folder, on any system."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and not set(name) & set("\\:\0")


@contextmanager
def open_file(path: Path, name: str) -> Iterator[BufferedIOBase]:
    """To read, from the folder or the .zip."""
    if path.is_dir():
        with (path / name).open("rb") as stream:
            yield stream
        return
    with _archive(path) as archive, archive.open(name) as stream:
        yield cast(BufferedIOBase, stream)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.filename:
            raise  # It may not be opened, and says so itself.
        raise UsageError(f"{path}: not a .zip that can be read ({error}); copy the bundle again") from None
