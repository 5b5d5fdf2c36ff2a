"""Video files through FFmpeg's libraries (PyAV): every frame with its own time, damage counted."""

import importlib.util
from collections.abc import Generator, Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import MissingExtra, SourceError
from seepseg.values import Skip, Tally
from seepseg.video.frames import DAMAGED, MISSING, UNREADABLE, Clip, Frame, same_size

USUAL_FPS = Fraction(25)


def check_library() -> None:
    """PyAV is an extra."""
    if importlib.util.find_spec("av") is None:
        raise MissingExtra("av", "video", "reading and writing video")


def open_video(path: Path, every: int) -> Clip:
    """Every n-th frame; what is no video, or holds no picture, is refused here."""
    check_library()
    import av

    if not path.stat().st_size:
        raise SourceError(f"{path}: is empty (0 bytes); get the file again")
    try:
        with av.open(str(path)) as container:
            stream = _pictures_of(container, path)
            rate = stream.average_rate or stream.guessed_rate
            total = stream.frames or _estimate(stream, container, rate)
    except av.error.FFmpegError as error:
        raise SourceError(
            f"{path}: not readable as a video ({error.strerror}); it may be cut off: get it again, or convert it to MP4"
        ) from None
    notes = () if rate else (f"{path.name} does not say its frames per second; {USUAL_FPS} are assumed",)
    fps = Fraction(rate or USUAL_FPS)
    troubles = Tally()
    frames = same_size(_decode(path, every, fps, troubles), troubles)
    return Clip(fps / every, ceil(total / every) if total else None, frames, troubles, notes)


def _pictures_of(container: Any, path: Path) -> Any:
    if not len(container.streams):
        raise SourceError(f"{path}: nothing in it can be read; it may be cut off: get it again")
    if not container.streams.video:
        raise SourceError(f"{path}: holds no pictures, only sound or text; give a video")
    return container.streams.video[0]


def _estimate(stream: Any, container: Any, rate: Fraction | None) -> int | None:
    """Frames by the duration, for files that don't count them."""
    seconds = None
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / 1e6
    return round(seconds * rate) if seconds and rate else None


def _decode(path: Path, every: int, fps: Fraction, troubles: Tally) -> Generator[Frame]:
    import av

    index, start = -1, None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for picture in _survivors(container, stream, troubles):
            index += 1
            time = picture.time if picture.time is not None else float(index / fps)
            start = time if start is None else start
            if picture.is_corrupt:
                troubles.add([Skip(DAMAGED, f"frame {index}")])
            if index % every == 0:
                seconds = max(time - start, 0.0)
                caption = f"{_clock(seconds)} · frame {index}"
                yield Frame(index, seconds, _upright(picture), f"{index:06d}", caption)
        declared = stream.frames
    if index < 0:
        raise SourceError(f"{path}: no frame of it can be read; it may be cut off: get it again")
    lost = declared - index - 1 - troubles.counts[UNREADABLE]
    troubles.add([Skip(MISSING, f"after frame {index}")] * max(lost, 0))


def _survivors(container: Any, stream: Any, troubles: Tally) -> Iterator[Any]:
    """The frames that can be decoded; a packet that can't is one frame lost."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.error.FFmpegError as error:
            troubles.add([Skip(UNREADABLE, f"a frame of the video: {error.strerror}")])


def _upright(picture: Any) -> NDArray[np.uint8]:
    """Blue, green, red, turned as the camera was held."""
    pixels: NDArray[np.uint8] = picture.to_ndarray(format="bgr24")
    turns = round(getattr(picture, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _clock(seconds: float) -> str:
    """1:02:03.45, or 2:03.45 within the first hour."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    hours, minutes = divmod(minutes, 60)
    begin = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{begin}:{rest // 100:02d}.{rest % 100:02d}"
