"""What a file is by its first bytes, whatever its name says, and whether it is all there."""

import zlib
from io import BytesIO

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
    return kind == ".webp" and data[12:16] == b"VP8X" and bool(data[20] & 0x10)


def orientation(data: bytes, kind: str) -> int:
    """EXIF's number for how the picture is turned; 1 where it is upright or says nothing."""
    mark = {".png": b"eXIf", ".webp": b"EXIF", ".jpg": b"Exif\0\0"}.get(kind)
    if mark is not None and mark not in data:
        return 1
    from PIL import Image

    try:
        with Image.open(BytesIO(data)) as image:
            found = image.getexif().get(274, 1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 1
    return found if found in range(1, 9) else 1


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


def _is_cut_off(data: bytes) -> bool:
    """Whether a JPEG without its end marker last lacks pixels, or has only something after them."""
    from PIL import Image

    try:
        with Image.open(BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError):
        return True
    return False
