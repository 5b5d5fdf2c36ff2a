"""Archives of strangers: nothing lands outside the folder, nothing fills the disk, nothing half done looks whole."""

import lzma
import os
import re
import shutil
import stat
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from seepseg.errors import OutputError, SourceError, listing
from seepseg.progress import track
from seepseg.sources.sevenzip import Listed, extract_seven, is_seven, list_seven

BLOCK = 1 << 20
MOST_PROBLEMS = 20
LITTER = re.compile(r"(^|/)(__MACOSX(/|$)|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")
"""What macOS and Windows add to archives: '._a.png' would pass for an image."""
ENCRYPTED = 0x1
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold before it counts as a bomb."""

    total_bytes: int = 500 * 10**9
    files: int = 2_000_000
    ratio: int = 300
    """Times that the content may be larger than the archive, once it is larger than `harmless_bytes`: masks of zeros
    shrink a thousandfold, and are small."""
    harmless_bytes: int = 20 * 10**9


@dataclass(frozen=True, slots=True)
class Entry(Listed):
    """A member that can be read by itself."""

    open: Callable[[], IO[bytes] | None]


@dataclass(slots=True)
class _Count:
    limits: Limits
    packed: int
    files: int = 0
    total: int = 0
    litter: int = 0
    seen: dict[str, str] = field(default_factory=dict)


def is_archive(path: Path) -> bool:
    """By what the file begins with, since names lie."""
    return path.is_file() and (is_seven(path) or zipfile.is_zipfile(path) or tarfile.is_tarfile(path))


def unpack(archives: Sequence[tuple[Path, str]], target: Path, *, limits: Limits | None = None) -> list[str]:
    """Unpack each archive into its subfolder of the target ('.' for itself); sentences on what was left out.

    All of it goes into a temporary folder beside the target first, so the target is whole or absent.
    """
    if target.exists():
        raise OutputError(f"{target}: is there already")
    target.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        notes = []
        for archive, into in archives:
            notes += _unpack_one(archive, stage / into, limits or Limits())
        stage.chmod(0o755)
        os.replace(stage, target)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    return notes


def _unpack_one(archive: Path, folder: Path, limits: Limits) -> list[str]:
    count = _Count(limits, max(archive.stat().st_size, 1))
    folder.mkdir(parents=True, exist_ok=True)
    take = _take_seven if is_seven(archive) else _take_each
    try:
        problems = take(archive, folder, count)
    except NotImplementedError as error:
        raise SourceError(f"{archive}: packed in a way that Python cannot read ({error}); unpack it yourself") from None
    except (OSError, *DAMAGED) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise OutputError(f"{folder.parent}: cannot be written to: {error.strerror}") from None
        raise SourceError(f"{archive}: damaged or cut short ({error}); fetch it again") from None
    if problems:
        raise SourceError(f"{listing(problems)}\nnothing of it was unpacked")
    return [f"{archive.name}: left out {count.litter:,} files that macOS or Windows added"] if count.litter else []


def _take_each(archive: Path, folder: Path, count: _Count) -> list[str]:
    """Check and write in one pass, since a tar would have to be read twice; after a problem nothing more is written."""
    if zipfile.is_zipfile(archive):
        entries = _read_zip(archive, folder)
    elif tarfile.is_tarfile(archive):
        entries = _read_tar(archive)
    else:
        raise SourceError(f"{archive}: neither zip, tar nor 7z, or damaged; unpack it yourself and give the folder")
    problems: list[str] = []
    for entry in track(entries, None, f"unpacking {archive.name}", unit="file"):
        problem = _problem(entry, count)
        if problem:
            problems.append(f"{archive.name}: {entry.name!r} {problem}")
        elif not problems and not LITTER.search(_slashes(entry.name)):
            _write(entry, folder / _slashes(entry.name), archive, count)
        if len(problems) >= MOST_PROBLEMS:
            break
    return problems


def _take_seven(archive: Path, folder: Path, count: _Count) -> list[str]:
    problems: list[str] = []
    for entry in list_seven(archive):
        if problem := _problem(entry, count):
            problems.append(f"{archive.name}: {entry.name!r} {problem}")
        count.total += entry.size
        _refuse_bomb(archive, count)
    _refuse_full(archive, count.total, folder)
    if not problems:
        extract_seven(archive, folder)
        for path in sorted(folder.rglob("*"), reverse=True):
            if LITTER.search(path.relative_to(folder).as_posix()):
                path.rmdir() if path.is_dir() else path.unlink()
    return problems


def _read_zip(archive: Path, target: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(archive) as file:
        _refuse_full(archive, sum(info.file_size for info in file.infolist()), target)
        for info in file.infolist():
            mode = info.external_attr >> 16
            fault = None
            if info.flag_bits & ENCRYPTED:
                fault = "is encrypted; unpack the archive yourself with its password and give the folder"
            elif stat.S_IFMT(mode) and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                fault = "is a link or a device"
            name = info.orig_filename  # ZipInfo.is_dir fails on an empty name
            folder = _slashes(name).endswith("/")
            yield Entry(name, info.file_size, fault, folder, lambda info=info: file.open(info))  # type: ignore[misc]


def _read_tar(archive: Path) -> Iterator[Entry]:
    with tarfile.open(archive) as file:
        for member in file:
            plain = member.isreg() or member.isdir()
            fault = None if plain else "is a link or a device"
            yield Entry(member.name, member.size, fault, member.isdir(), lambda m=member: file.extractfile(m))  # type: ignore[misc]
        # The checksum of a compressed tar stands at its very end, which tarfile itself never reads.
        while file.fileobj and file.fileobj.read(BLOCK):
            pass


def _problem(entry: Listed, count: _Count) -> str | None:
    """Why the archive is refused over this entry, if it is; keeps the count of what came so far."""
    if entry.fault:
        return entry.fault
    name = _slashes(entry.name)
    if LITTER.search(name):
        count.litter += not entry.folder
        return None
    if (escape := _escapes(name)) or entry.folder:
        return escape
    path = str(PurePosixPath(name))
    alike = count.seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
    count.files += 1
    if count.files > len(count.seen):
        count.seen[path + "/"] = path
        return "is there twice" if alike == path else f"and {alike!r} would be one file on many disks"
    if count.files > count.limits.files:
        return f"is one file more than the {count.limits.files:,} allowed"
    return None


def _escapes(name: str) -> str | None:
    parts = name.split("/")
    if not name.strip("/") or "\0" in name:
        return "has no usable name"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "has an absolute path"
    if ".." in parts:
        return "leads out of the folder"
    return None


def _slashes(name: str) -> str:
    """Archives made on Windows may hold a\\b, which would be one file name elsewhere."""
    return name.replace("\\", "/")


def _write(entry: Entry, path: Path, archive: Path, count: _Count) -> None:
    if entry.folder:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    source = entry.open()
    if source is None:
        return
    with source, path.open("xb") as file:
        while block := source.read(BLOCK):
            count.total += len(block)
            _refuse_bomb(archive, count)
            file.write(block)
    if path.stat().st_size != entry.size:
        raise SourceError(f"{archive}: {entry.name!r} is not as long as it says; the archive is damaged or a trap")


def _refuse_bomb(archive: Path, count: _Count) -> None:
    limits = count.limits
    if count.total > limits.total_bytes:
        raise SourceError(f"{archive}: holds more than the {limits.total_bytes:,} bytes allowed")
    if count.total > limits.harmless_bytes and count.total > limits.ratio * count.packed:
        raise SourceError(
            f"{archive}: grows more than {limits.ratio}-fold; if you trust it, unpack it yourself and give the folder"
        )


def _refuse_full(archive: Path, total: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if total > free:
        raise OutputError(
            f"{archive.name}: needs {total / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; "
            "choose another disk with --downloads"
        )
