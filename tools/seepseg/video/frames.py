"""Frames one after another, of a video file or of pictures in natural order; never more than a few in memory."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import filetype
from seepseg.errors import SourceError
from seepseg.outputs.listing import Entry, list_entries
from seepseg.outputs.opening import open_ahead
from seepseg.scaling import Rule
from seepseg.values import Skip, Tally

SUFFIXES = frozenset(
    (".3gp", ".asf", ".avi", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov")
    + (".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m")
)
SEQUENCE_FPS = 5.0
"""Pictures a second in the film of a frame sequence, which says nothing of time itself."""
AHEAD = 4
"""Pictures read while others are predicted."""
DAMAGED = "damaged, and shown as far as they can be read"
UNREADABLE = "unreadable, and left out"
RESIZED = "of another size, and brought to that of the first"
MISSHAPEN = "of another shape than the first, and left out"
MISSING = "missing: the file ends early"
_HEADS = (
    b"\x1aE\xdf\xa3",
    b"FLV\x01",
    b"OggS",
    b"\0\0\x01\xba",
    b"\0\0\x01\xb3",
    b"0&\xb2u\x8ef\xcf\x11",
    b"YUV4MPEG2",
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a sequence."""

    index: int
    """In the source, from 0, whether or not the frames between are looked at."""
    seconds: float
    pixels: NDArray[np.uint8]
    stem: str
    caption: str


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames to come, and what is known before the first one is read."""

    fps: Fraction
    """Of the frames that come."""
    total: int | None
    """How many these will be, if the file says."""
    frames: Generator[Frame]
    """Whoever stops before their end closes them."""
    troubles: Tally
    """Fills up as frames are read."""
    notes: tuple[str, ...] = ()


def is_video(path: Path) -> bool:
    """Whether it is a video by its name or its first bytes; a folder of pictures is none."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(filetype.HEAD)
    except OSError:
        return False
    if filetype.sniff(head):
        return False
    known = head.startswith(_HEADS) or head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
    return known or path.suffix.lower() in SUFFIXES


def open_clip(source: Path, *, every: int = 1, rule: Rule | None = None, fps: float | None = None) -> Clip:
    """Every n-th frame of a video, or of the pictures of a folder or of a .txt that lists them. `rule` is for
    pictures that are not 8-bit; `fps` for pictures alone, whose times are unknown."""
    if source.is_file() and is_video(source):
        from seepseg.video.decoding import open_video

        return open_video(source, every)
    entries, notes = list_entries(source)
    chosen = list(enumerate(entries))[::every]
    rate = Fraction(fps or SEQUENCE_FPS).limit_denominator(1001)
    troubles = Tally()
    frames = _pictures(chosen, rule, rate, troubles)
    return Clip(rate, len(chosen), same_size(frames, troubles), troubles, tuple(notes))


def same_size(frames: Generator[Frame], troubles: Tally) -> Generator[Frame]:
    """The frames, all of the size of the first: resized where the shape is the same, else left out."""
    first: tuple[int, int] | None = None
    with closing(frames):
        for frame in frames:
            size = (frame.pixels.shape[1], frame.pixels.shape[0])
            first = first or size
            if size == first:
                yield frame
            elif abs(size[0] * first[1] / (size[1] * first[0]) - 1) <= 0.01:
                troubles.add([Skip(RESIZED, frame.stem)])
                resized = np.asarray(cv2.resize(frame.pixels, first, interpolation=cv2.INTER_AREA), np.uint8)
                yield replace(frame, pixels=resized)
            else:
                troubles.add([Skip(MISSHAPEN, frame.stem)])


def _pictures(chosen: list[tuple[int, Entry]], rule: Rule | None, rate: Fraction, troubles: Tally) -> Generator[Frame]:
    indices = [index for index, _ in chosen]
    reason = None
    with closing(open_ahead([entry for _, entry in chosen], rule, 1, "never", AHEAD)) as opened:
        for number, (index, one) in enumerate(zip(indices, opened, strict=True)):
            if one.picture is None:
                reason = reason or one.reason
                troubles.add([Skip(UNREADABLE, one.reason or one.entry.name)])
                continue
            seconds = float(number / rate)
            yield Frame(index, seconds, one.picture.pixels, one.entry.stem, f"{index} · {one.entry.stem}")
    if len(indices) == troubles.counts[UNREADABLE]:
        raise SourceError(f"no frame can be read; the first one: {reason}")
