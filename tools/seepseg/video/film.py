"""A video file, frame by frame: H.264 where FFmpeg has it, else MPEG-4."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from seepseg.painting import Colours

CODECS = {
    "libx264": {"crf": "20", "preset": "veryfast"},
    "mpeg4": {"qscale:v": "3"},
}
"""What to write with, the best one first."""


def best_codec() -> str:
    """H.264 plays everywhere; builds of FFmpeg without it have MPEG-4."""
    import av

    return next(codec for codec in CODECS if codec in av.codecs_available)


@contextmanager
def open_film(path: Path, fps: Fraction, codec: str) -> Iterator[Callable[[Colours], None]]:
    """A function that adds a frame (red, green, blue). Sides become even, as the codecs need them, by doubling the
    last row or column. On leaving the film is whole, also where it is shorter than it was to be."""
    import av

    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream: Any = None

        def add(picture: Colours) -> None:
            nonlocal stream
            even = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
            if stream is None:
                stream = container.add_stream(codec, rate=fps.limit_denominator(65535), options=CODECS[codec])
                stream.height, stream.width = even.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")))

        yield add
        if stream is not None:
            container.mux(stream.encode())
