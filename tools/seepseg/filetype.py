"""What a file is by its first bytes, whatever its name says, and whether it is all there."""

import zlib
from typing import Literal

EQUAL = {
    ".jpg": {".jpg", ".jpeg", ".mpo"},
    ".tif": {".tif", ".tiff"},
    ".jp2": {".jp2", ".jpeg2000"},
    ".heic": {".heic", ".heif"},
}
"""Suffixes that mean the same kind."""

_MAGIC = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"BM", ".bmp"),
    (b"GIF8", ".gif"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"II+\0", ".tif"),
    (b"MM\0+", ".tif"),
    (b"\0\0\0\x0cjP  ", ".jp2"),
    (b"\xff\x4f\xff\x51", ".jp2"),
)
_BRANDS = {b"avif": ".avif", b"avis": ".avif", b"heic": ".heic", b"heix": ".heic", b"mif1": ".heic"}
_ALWAYS_EIGHT_BITS = frozenset((".jpg", ".bmp", ".gif", ".webp", ".avif", ".heic"))
_EXIF_BYTES = 1 << 16
HEAD = 32
"""Bytes that `sniff` and `is_eight_bit` need."""


def sniff(head: bytes) -> str:
    """The suffix that the content asks for; empty where the content is none we know."""
    for magic, suffix in _MAGIC:
        if head.startswith(magic):
            return suffix
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    return _BRANDS.get(head[8:12], "") if head[4:8] == b"ftyp" else ""


def right_suffix(named: str, kind: str) -> str:
    """The file's own suffix where it fits the content, else the one that does."""
    return named if named.lower() in EQUAL.get(kind, {kind}) else kind


def is_eight_bit(head: bytes, kind: str) -> bool:
    """Whether the first bytes alone say that a channel has no more than 8 bits."""
    return kind in _ALWAYS_EIGHT_BITS or (kind == ".png" and head[24] <= 8)


def fault(data: bytes, kind: str) -> str | None:
    """What is wrong with the file as a whole; decoders pass over some of it and return grey."""
    if kind == ".png":
        return _png_fault(data)
    if kind == ".webp" and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        return "is cut off: its header says more bytes than there are"
    if kind == ".jpg" and not data.endswith(b"\xff\xd9") and _is_cut_off(data):
        return "is cut off: the end of the JPEG is missing"
    return None


def has_alpha(data: bytes, kind: str) -> bool:
    """Whether some pixels may be transparent."""
    if kind == ".png":
        return data[25] in (4, 6) or b"tRNS" in data[: data.find(b"IDAT")]
    if kind == ".webp":
        at = {b"VP8X": 20, b"VP8L": 24}.get(data[12:16])
        return at is not None and bool(int.from_bytes(data[at : at + 1]) & 0x10)
    return kind == ".gif" or (kind == ".avif" and b":auxiliary:alpha" in data[:_EXIF_BYTES])


def transparent_grey(data: bytes) -> int:
    """The value, brought to 8 bits, that stands for no data in a grey PNG, as GDAL writes it and OpenCV passes over;
    -1 where none does."""
    at = data.find(b"tRNS", 0, data.find(b"IDAT"))
    return -1 if at < 0 else int.from_bytes(data[at + 4 : at + 6]) * 255 // (2 ** data[24] - 1)


def is_animated(data: bytes, kind: str) -> bool:
    """Whether frames follow the first; of all kinds but GIF, the beginning of the file tells. For the pages of a TIFF,
    see `rasterfile.has_pages`."""
    if kind == ".gif":
        return _gif_goes_on(data)
    if kind == ".png":
        return b"acTL" in data[: data.find(b"IDAT")]
    if kind == ".webp":
        return data[12:16] == b"VP8X" and bool(int.from_bytes(data[20:21]) & 0x02)
    return data[4:12] == b"ftypavis"


def orientation(data: bytes, kind: str) -> int:
    """EXIF's number for how the picture is turned; 1 where it is upright or says nothing.

    Read here rather than by Pillow, whose `open` Ultralytics replaces by one that tries to install a package.
    """
    if kind == ".tif":
        start = 0
    else:
        mark, beyond = {".jpg": (b"Exif\0\0", 6), ".png": (b"eXIf", 4), ".webp": (b"EXIF", 8)}.get(kind, (b"", 0))
        at = data.find(mark) if mark else -1
        if at < 0:
            return 1
        start = at + beyond
        start += 6 if data[start : start + 6] == b"Exif\0\0" else 0
    return _tiff_orientation(data[start : start + _EXIF_BYTES] if start else data)


def _tiff_orientation(block: bytes) -> int:
    """Tag 274 of the first directory."""
    order: Literal["little", "big"] = "little" if block[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(block[at : at + size], order)

    if block[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    directory = number(4, 4)
    for at in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if number(at, 2) == 274:
            return value if 1 <= (value := number(at + 8, 2)) <= 8 else 1
    return 1


def _png_fault(data: bytes) -> str | None:
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return "is damaged: a checksum of the PNG does not match"
        if data[at + 4 : at + 8] == b"IEND":
            return None
        at = end
    return "is cut off: the end of the PNG is missing"


def _gif_goes_on(data: bytes) -> bool:
    """Whether a second frame is there, found by going from block to block."""

    def skip_colours(flags: int) -> int:
        return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0

    at, frames = 13 + skip_colours(int.from_bytes(data[10:11])), 0
    while at + 10 < len(data) and data[at] in (0x21, 0x2C):
        frames += data[at] == 0x2C
        at += 11 + skip_colours(data[at + 9]) if data[at] == 0x2C else 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return frames > 1


def _is_cut_off(data: bytes) -> bool:
    """Whether a JPEG without its end marker last lacks it, rather than having something after it."""
    at = 2
    while 0 <= at < len(data) - 1:
        marker = data[at + 1]
        if data[at] != 0xFF or marker == 0xFF:
            at += 1
        elif marker == 0xD9:
            return False
        elif marker == 0 or 0xD0 <= marker <= 0xD7:
            at = data.find(b"\xff", at + 2)
        elif marker == 0xDA:
            at = data.find(b"\xff", at + 2 + int.from_bytes(data[at + 2 : at + 4], "big"))
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return True
