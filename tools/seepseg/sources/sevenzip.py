"""7z archives, through py7zr: Zenodo's Sentinel-1 sets come as these."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg.errors import MissingExtra, SourceError


@dataclass(frozen=True, slots=True)
class Listed:
    """One member as the archive's table of contents has it."""

    name: str
    size: int
    fault: str | None
    folder: bool


def is_seven(path: Path) -> bool:
    """By the first bytes."""
    with path.open("rb") as file:
        return file.read(6) == b"7z\xbc\xaf\x27\x1c"


def load_package(name: str) -> Any:
    """py7zr; asked for before anything is downloaded, since these archives are large."""
    try:
        return importlib.import_module("py7zr")
    except ImportError:
        raise MissingExtra("py7zr", "sevenzip", f"unpacking {name}") from None


def list_seven(archive: Path) -> list[Listed]:
    """What the archive says that it holds; py7zr unpacks no more of a member than it says here."""
    with _opened(archive) as file:
        return [
            Listed(
                entry.filename,
                entry.uncompressed,
                None if entry.is_file or entry.is_directory else "is a link or a device",
                entry.is_directory,
            )
            for entry in file.list()
        ]


def extract_seven(archive: Path, folder: Path) -> None:
    """All of it at once: members are packed together, so one by one would unpack everything again each time."""
    with _opened(archive) as file:
        file.extractall(folder)


@contextmanager
def _opened(archive: Path) -> Iterator[Any]:
    py7zr = load_package(archive.name)
    try:
        with py7zr.SevenZipFile(archive) as file:
            if file.needs_password():
                raise py7zr.PasswordRequired
            yield file
    except py7zr.PasswordRequired:
        way_out = "unpack it yourself with its password and give the folder"
        raise SourceError(f"{archive}: is encrypted; {way_out}") from None
    except (py7zr.exceptions.ArchiveError, EOFError, ValueError) as error:
        raise SourceError(f"{archive}: damaged or cut short ({error}); fetch it again") from None
