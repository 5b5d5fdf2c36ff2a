"""Zips of strangers: how much one holds is asked before it is listed, listed before it is unpacked."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seepseg.app.intake_limits import Limits
from seepseg.errors import OutputError, SourceError
from seepseg.sources import unpack

_END, _END_64 = b"PK\5\6", b"PK\6\7"
_LONGEST_END = 22 + 65_535
_MOST_LISTED = 1_000
"""Bytes that the list in a zip may take for each file: long names in all their forms."""


def is_zip(head: bytes) -> bool:
    """By its first bytes."""
    return head[:4] in (b"PK\3\4", _END)


@contextmanager
def unpack_zip(archive: Path, name: str, limits: Limits, room: int) -> Iterator[Path]:
    """A folder with what the zip holds, which goes afterwards; a SourceError says why there is none."""
    _refuse_list(archive, limits)
    _refuse_content(archive, limits, room)
    scratch = Path(tempfile.mkdtemp(prefix=".unpacked-", dir=archive.parent))
    rules = unpack.Limits(room, limits.zip_files, limits.zip_ratio, limits.zip_harmless_bytes)
    try:
        try:
            unpack.unpack([(archive, ".")], scratch / "content", limits=rules)
        except OutputError:
            raise SourceError("the server has no room to unpack it; try a smaller one") from None
        except SourceError as error:
            raise SourceError(_reworded(str(error), archive, name)) from None
        yield scratch / "content"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _refuse_list(archive: Path, limits: Limits) -> None:
    """Python reads the whole list into memory, a kilobyte or so for each entry, before one can count them."""
    size = archive.stat().st_size
    with archive.open("rb") as file:
        file.seek(max(0, size - _LONGEST_END))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise SourceError("is a damaged zip: its end is missing; get it again")
    listed = int.from_bytes(tail[at + 12 : at + 16], "little")
    # The form for more than 65,535 files gives another size, elsewhere.
    if listed > limits.zip_files * _MOST_LISTED or _END_64 in tail[max(at - 20, 0) : at]:
        raise SourceError(_too_many(limits))


def _refuse_content(archive: Path, limits: Limits, room: int) -> None:
    try:
        with zipfile.ZipFile(archive) as file:
            entries = file.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise SourceError(f"is a damaged zip ({error}); get it again") from None
    if len(entries) > limits.zip_files:
        raise SourceError(_too_many(limits))
    content = sum(entry.file_size for entry in entries)
    if content > room:
        raise SourceError(f"would unpack to {content / 1e6:,.0f} MB, and {room / 1e6:,.0f} MB are allowed")


def _too_many(limits: Limits) -> str:
    return f"holds more than the {limits.zip_files:,} files that are allowed in one zip; make several"


def _reworded(text: str, archive: Path, name: str) -> str:
    """Without the place on the server, and without advice that is for who sits at it."""
    text = text.replace(str(archive), name).replace(archive.name, name).replace("\nnothing of it was unpacked", "")
    return text.replace("; if you trust it, unpack it yourself and give the folder", "; hand in its files themselves")
