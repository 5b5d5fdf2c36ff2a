"""One file from a link: resumed where it broke off, checked, and only then given its name."""

import hashlib
import http.client
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from seepseg.errors import OutputError, SourceError
from seepseg.progress import track
from seepseg.sources.partial import Partial
from seepseg.sources.web import Dropped, RangeRefused, check_address, hide_query, open_link

MEGABYTE = 1 << 20
LARGEST = 200 * 10**9
ROOM_LEFT = 10**9
PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<!--")


@dataclass(frozen=True, slots=True)
class Link:
    """A file to fetch, and what is known of it beforehand."""

    url: str
    sha256: str | None = None
    md5: str | None = None
    """As Zenodo lists it: against damage, not against malice."""
    size: int | None = None

    @property
    def verified(self) -> bool:
        """Whether a checksum says what the file must be."""
        return bool(self.sha256 or self.md5)

    @property
    def name(self) -> str:
        """The file name that the address ends in."""
        name = unquote(urlsplit(self.url).path).rstrip("/").rpartition("/")[2]
        return name.replace("\\", "_").replace("\0", "_").lstrip(".") or "download"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, and how often to try again when nothing comes."""

    timeout_s: float = 30.0
    tries: int = 6
    pause_s: float = 1.0
    longest_pause_s: float = 60.0

    def pause(self, failures: int, asked: float | None) -> float:
        """Seconds before the next try: twice as long each time, or what the server asks for."""
        return min(self.longest_pause_s, asked if asked is not None else self.pause_s * 2 ** (failures - 1))


PATIENCE = Patience()


def fetch(link: Link, folder: Path, *, patience: Patience | None = None, largest: int = LARGEST) -> Path:
    """The file, whole and checked, in the folder; one that is there already is not fetched again.

    What is not finished is NAME.part, with NAME.part.json saying which version of the file it is a part of.
    """
    check_address(link.url, verified=link.verified)
    target = folder / link.name
    if target.exists():
        _verify(link, target, f"remove {target} to fetch it again")
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = Partial(target.with_name(target.name + ".part"))
    resumed = part.size > 0
    try:
        _complete(link, part, patience or PATIENCE, largest)
        try:
            _verify(link, part.path, "the file was changed or damaged; nothing was kept")
        except SourceError:
            part.discard()
            if not resumed:
                raise
            _complete(link, part, patience or PATIENCE, largest)
            _verify(link, part.path, "the file was changed or damaged; nothing was kept")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written to: {error.strerror or error}") from None
    part.finish(target)
    return target


def _complete(link: Link, part: Partial, patience: Patience, largest: int) -> None:
    """Ask until the whole file is there; only tries that bring nothing count."""
    failures = 0
    while True:
        before = part.size
        try:
            if _ask(link, part, patience.timeout_s, largest):
                return
            reason, wait = "the server stopped before the end", None
        except Dropped as dropped:
            reason, wait = str(dropped), dropped.wait
        failures = 1 if part.size >= before + MEGABYTE else failures + 1
        if failures >= patience.tries:
            raise SourceError(
                f"{hide_query(link.url)}: {reason} ({patience.tries} tries); "
                f"run the command again to go on from {part.size:,} bytes"
            )
        time.sleep(patience.pause(failures, wait))


def _ask(link: Link, part: Partial, timeout_s: float, largest: int) -> bool:
    """One request from where the part ends; whether the file is whole after it."""
    start, version = part.size, part.version(link.url)
    headers = {}
    if start and (version or link.verified):
        headers = {"Range": f"bytes={start}-"} | ({"If-Range": version} if version else {})
    try:
        response = open_link(link.url, headers, verified=link.verified, timeout=timeout_s)
    except RangeRefused as refused:
        if start and refused.total == start:
            return True
        part.discard()
        return False
    with response:
        start = start if headers and _goes_on(response, start) else 0
        total = _total(response, start)
        _check_size(link, total, start, part, largest)
        if not start:
            part.begin(link.url, _version(response))
        label = link.name if len(link.name) <= 40 else link.name[:37] + "..."
        ahead = (total - start) // MEGABYTE if total else None
        for _ in track(_save(response, part, link, total or largest), ahead, label, unit="MB"):
            pass
    return part.size == total if total else True


def _goes_on(response: http.client.HTTPResponse, start: int) -> bool:
    """Whether the answer is the rest of the file; 200 is all of it again, since it changed or ranges are not known."""
    return response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _total(response: http.client.HTTPResponse, start: int) -> int | None:
    whole = response.headers.get("Content-Range", "").rpartition("/")[2]
    if start and whole.isdigit():
        return int(whole)
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _version(response: http.client.HTTPResponse) -> str | None:
    """A weak ETag may stay the same while bytes change, so it does not count."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")


def _check_size(link: Link, total: int | None, start: int, part: Partial, largest: int) -> None:
    shown = hide_query(link.url)
    if total is not None and link.size is not None and total != link.size:
        part.discard()
        raise SourceError(f"{shown}: {total:,} bytes are offered where {link.size:,} were expected; has it changed?")
    if total is not None and total > largest:
        raise SourceError(f"{shown}: {total:,} bytes are more than the {largest:,} allowed; see --max-gb")
    free = shutil.disk_usage(part.path.parent).free
    if total is not None and total - start > free - ROOM_LEFT:
        raise OutputError(
            f"{part.path.parent}: {free / 1e9:.1f} GB free, and the file needs {(total - start) / 1e9:.1f} GB more; "
            "choose another disk with --downloads"
        )


def _save(response: http.client.HTTPResponse, part: Partial, link: Link, most: int) -> Iterator[None]:
    """Append what comes, yielding once a megabyte."""
    size, shown = part.size, 0
    with part.path.open("ab") as file:
        while block := _read(response):
            if not size:
                _refuse_page(block, link, part)
            size += len(block)
            if size > most:
                part.discard()
                raise SourceError(f"{hide_query(link.url)}: the server sends more than the {most:,} bytes expected")
            file.write(block)
            while shown + MEGABYTE <= size:
                shown += MEGABYTE
                yield


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(MEGABYTE)
    except (OSError, http.client.HTTPException) as error:
        reason = "nothing came for a while" if isinstance(error, TimeoutError) else "the connection broke"
        raise Dropped(reason) from None


def _refuse_page(head: bytes, link: Link, part: Partial) -> None:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGE_STARTS):
        part.discard()
        raise SourceError(
            f"{hide_query(link.url)}: the server sends a web page instead of the file, perhaps to log in; "
            "download the file with a browser and use --from FILE"
        )


def _verify(link: Link, path: Path, way_out: str) -> None:
    if link.size is not None and path.stat().st_size != link.size:
        raise SourceError(f"{path}: {path.stat().st_size:,} bytes instead of {link.size:,}; {way_out}")
    for kind, expected in (("sha256", link.sha256), ("md5", link.md5)):
        if expected and (found := checksum(path, kind)) != expected.lower():
            raise SourceError(f"{hide_query(link.url)}: {kind} is {found} instead of {expected.lower()}; {way_out}")


def checksum(path: Path, kind: str) -> str:
    """sha256 or md5 of a file, as hex."""
    digest: Any = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(MEGABYTE), b"")
        for block in track(blocks, path.stat().st_size // MEGABYTE, "checking", unit="MB"):
            digest.update(block)
    return str(digest.hexdigest())
