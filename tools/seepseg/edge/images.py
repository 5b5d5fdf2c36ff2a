"""Image files as arrays, with numpy alone: PGM, PPM, plain PNG, .npy and values without a head."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.edge.png import decode_png
from seepseg.errors import SourceError, UsageError
from seepseg.filetype import sniff

MOST_BYTES = 2**31
_HEAD = re.compile(rb"P([56])" + rb"(?:\s|#[^\n\r]*[\n\r])+(\d{1,9})" * 3 + rb"\s")
_NPY = b"\x93NUMPY"
Size = tuple[int, int, int]
"""Width, height and bands."""


def read_image(path: Path, size: Size | None = None) -> NDArray[Any]:
    """(bands, height, width) in the file's own type, red first.

    An .npy holds the array as it is given to `predict`. With a size, the file is nothing but so many values, row by
    row and the bands of a pixel beside each other: bytes, or little-endian 16-bit or 32-bit float, as its length tells.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SourceError(f"{path}: larger than {MOST_BYTES / 2**30:.0f} GiB; cut it into tiles first")
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: not readable: {error.strerror}") from None
    try:
        return _decode(path, data, size)
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from None


def is_array(path: Path) -> bool:
    """Whether it is an .npy, by what it begins with."""
    with path.open("rb") as stream:
        return stream.read(len(_NPY)) == _NPY


def parse_size(text: str) -> Size:
    """WIDTHxHEIGHT, or WIDTHxHEIGHTxBANDS."""
    found = re.fullmatch(r"([1-9]\d{0,6})x([1-9]\d{0,6})(?:x([1-9]\d?))?", text)
    if found is None:
        raise UsageError(f"--size {text}: give width and height, and bands if there are more, as 640x480 or 640x480x3")
    return int(found[1]), int(found[2]), int(found[3] or 1)


def _decode(path: Path, data: bytes, size: Size | None) -> NDArray[Any]:
    if size is not None:
        return _raw(data, size)
    if data.startswith((b"P5", b"P6")):
        return _netpbm(data)
    if data.startswith(_NPY):
        return _array(path)
    if sniff(data) == ".png":
        return decode_png(data).transpose(2, 0, 1)
    raise ValueError("not an image that is read here: give PGM, PPM, PNG or .npy, or --size for values without a head")


def _array(path: Path) -> NDArray[Any]:
    """Mapped first, so that a file that is shorter than it says is refused before memory is taken for it."""
    try:
        array = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, TypeError, SyntaxError, OverflowError, EOFError) as error:
        raise ValueError(f"not an array that numpy reads ({error}); write it again") from None
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)) or not array.size:
        raise ValueError(f"an array of shape {array.shape} is no image; give (height, width) or (height, width, 3)")
    return array[None] if array.ndim == 2 else array[..., ::-1].transpose(2, 0, 1)


def _raw(data: bytes, size: Size) -> NDArray[Any]:
    width, height, bands = size
    count = width * height * bands
    kind = next((kind for kind in ("<u1", "<u2", "<f4") if len(data) == count * np.dtype(kind).itemsize), None)
    if kind is None:
        raise ValueError(f"holds {len(data):,} bytes, and --size asks for {count:,} values of 1, 2 or 4 bytes")
    return np.frombuffer(data, kind).reshape(height, width, bands).transpose(2, 0, 1)


def _netpbm(data: bytes) -> NDArray[Any]:
    head = _HEAD.match(data)
    if head is None:
        raise ValueError("its head is damaged; get the file again")
    width, height, most = (int(head[index]) for index in (2, 3, 4))
    if not (width and height and (most == 255 or 255 < most < 65536)):
        raise ValueError(f"is {width} × {height} with values up to {most}; save it with 8 bits (255) or 16 (65535)")
    kind = np.dtype(np.uint8 if most == 255 else ">u2")
    bands = 1 if head[1] == b"5" else 3
    wanted, there = width * height * bands * kind.itemsize, len(data) - head.end()
    if there != wanted:
        wrong = "is cut off" if there < wanted else "holds more than one image"
        raise ValueError(f"{wrong}: {there:,} bytes of pixels instead of {wanted:,}; get the file again")
    return np.frombuffer(data, kind, offset=head.end()).reshape(height, width, bands).transpose(2, 0, 1)
