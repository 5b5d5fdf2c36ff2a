"""The usual PNG in numpy and zlib: grey or RGB of 8 or 16 bits, rows in order; slower than what is made for it."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seepseg.filetype import fault, orientation

CHANNELS = {0: 1, 2: 3}
MOST_PIXELS = 2**26
Row = NDArray[np.uint8]


def decode_png(data: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """(height, width, channels), red first; a ValueError says what is wrong."""
    problem = fault(data, ".png")
    if problem:
        raise ValueError(f"{problem}; get the file again")
    chunks = list(_chunks(data))
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ValueError("its head is damaged; get the file again")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    odd = interlaced or orientation(data, ".png") != 1 or any(kind == b"tRNS" for kind, _ in chunks)
    if odd or colour not in CHANNELS or depth not in (8, 16):
        raise ValueError("a PNG with a palette, transparency, interlacing or turned pixels; save it as grey or RGB")
    if not 0 < width * height <= MOST_PIXELS:
        raise ValueError(f"{width} × {height} pixels are not read here; cut it into tiles first")
    step = CHANNELS[colour] * depth // 8
    lines = _inflate(b"".join(body for kind, body in chunks if kind == b"IDAT"), height, width * step + 1)
    pixels = _unfilter(lines, step)
    if depth == 8:
        return pixels.reshape(height, width, -1)
    return pixels.view(">u2").reshape(height, width, -1).astype(np.uint16)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : end - 4]
        at = end


def _inflate(packed: bytes, height: int, length: int) -> Row:
    try:
        found = zlib.decompressobj().decompress(packed, height * length)
    except zlib.error as error:
        raise ValueError(f"is damaged: its pixels can't be unpacked ({error}); get the file again") from None
    if len(found) != height * length:
        raise ValueError("is cut off: pixels are missing; get the file again")
    return np.frombuffer(found, np.uint8).reshape(height, length)


def _unfilter(lines: Row, step: int) -> Row:
    """Each row was stored as what it differs by from what stands to its left, above, or both."""
    pixels = np.empty((len(lines), lines.shape[1] - 1), np.uint8)
    above: Row = np.zeros(pixels.shape[1], np.uint8)
    for out, line in zip(pixels, lines, strict=True):
        kind, stored = int(line[0]), line[1:]
        if kind == 0:
            out[:] = stored
        elif kind == 1:
            out[:] = np.cumsum(stored.reshape(-1, step), axis=0, dtype=np.uint8).ravel()
        elif kind == 2:
            out[:] = stored + above
        elif kind in (3, 4):
            out[:] = _one_by_one(stored.tolist(), above.tolist(), step, paeth=kind == 4)
        else:
            raise ValueError(f"is damaged: a row says that it is stored in way {kind}; get the file again")
        above = out
    return pixels


def _one_by_one(stored: list[int], above: list[int], step: int, *, paeth: bool) -> list[int]:
    """Rows in which each value needs the one to its left."""
    found = [0] * step
    corners = [0] * step + above
    for value, up, corner in zip(stored, above, corners, strict=False):
        left = found[-step]
        if not paeth:
            found.append((value + (left + up) // 2) & 255)
            continue
        to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
        nearest = left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner
        found.append((value + nearest) & 255)
    return found[step:]
