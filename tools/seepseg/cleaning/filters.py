"""What is done to an image before a model sees it, as in `--filter "lee:5,clahe:2"`; without it, nothing.

A scene is filtered tile by tile. What `median`, `gaussian` and `gamma` give depends on a pixel's neighbours alone, and
differs from the whole scene only at the very border of a tile. `lee` takes the speckle's strength, `clahe` and
`equalize` the spread of grey values, from the tile at hand, so that the same place may look different in two tiles.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.cleaning.spelling import NONE, read_number, read_steps, refuse_argument, write_number

Pixels = NDArray[np.uint8]
"""8-bit: (height, width), or (height, width, 3) in OpenCV's order of channels."""
_CLAHE_TILES = 8
"""Fields along a side that are equalised apart."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One thing to do to an image."""

    name: str
    strength: float | None = None

    def __str__(self) -> str:
        """As it is read back."""
        return self.name if self.strength is None else f"{self.name}:{write_number(self.strength)}"


@dataclass(frozen=True, slots=True)
class Filters:
    """In the order in which they are done; none leaves images as they are."""

    steps: tuple[Filter, ...] = ()

    def __str__(self) -> str:
        """The canonical spelling, for the record: `parse_filters` gives the same from it."""
        return ",".join(map(str, self.steps)) or NONE


def parse_filters(text: str) -> Filters:
    """From the command line or a config."""
    return Filters(read_steps(text, _READERS, "--filter"))


def filter_image(pixels: Pixels, filters: Filters) -> Pixels:
    """The same image gives the same pixels, whatever was filtered before."""
    for step in filters.steps:
        pixels = _apply(pixels, step)
    return pixels


def reduce_speckle(channel: Pixels, side: int) -> Pixels:
    """Lee's filter in a square window: the local mean, and the more of the pixel itself, the more the window varies
    beyond speckle.

    Pictures are stretched, most of them from dB, where speckle adds to the signal rather than multiplying it. Its
    variance is taken to be the median of the windows': most of the sea is plain.
    """
    values = channel.astype(np.float64)
    mean = cv2.blur(values, (side, side))
    variance = np.maximum(cv2.blur(values**2, (side, side)) - mean**2, 0)
    noise = np.median(variance)
    own = np.maximum(variance - noise, 0) / np.maximum(variance, np.finfo(np.float64).tiny)
    smooth: Pixels = np.rint(mean + own * (values - mean)).clip(0, 255).astype(np.uint8)
    return smooth


def _apply(pixels: Pixels, step: Filter) -> Pixels:
    strength = step.strength or 0.0
    match step.name:
        case "median":
            done = cv2.medianBlur(pixels, int(strength))
        case "gaussian":
            done = cv2.GaussianBlur(pixels, (0, 0), strength)
        case "lee":
            channels = [reduce_speckle(one, int(strength)) for one in _split(pixels)]
            done = np.stack(channels, axis=2).reshape(pixels.shape)
        case "clahe":
            done = _stretch(pixels, strength)
        case "equalize":
            done = _stretch(pixels, None)
        case _:
            done = cv2.LUT(pixels, np.rint(255 * (np.arange(256) / 255) ** strength).astype(np.uint8))
    return np.asarray(done, np.uint8).reshape(pixels.shape)


def _split(pixels: Pixels) -> list[Pixels]:
    return [np.ascontiguousarray(one) for one in np.moveaxis(np.atleast_3d(pixels), 2, 0)]


def _stretch(pixels: Pixels, clip: float | None) -> Pixels:
    """Contrast by the histogram, within fields of the image if a clip limit is given; colours keep their hue."""
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        lightness, *hue = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_BGR2YCrCb))
        merged = cv2.merge([_stretch(np.asarray(lightness, np.uint8), clip), *hue])
        return np.asarray(cv2.cvtColor(merged, cv2.COLOR_YCrCb2BGR), np.uint8)
    if clip is None:
        return np.asarray(cv2.equalizeHist(pixels), np.uint8)
    return np.asarray(cv2.createCLAHE(clip, (_CLAHE_TILES, _CLAHE_TILES)).apply(pixels), np.uint8)


def _read_window(name: str, argument: str | None) -> Filter:
    return Filter(name, read_number(argument, 3, 99, odd=True))


def _read_strength(name: str, argument: str | None) -> Filter:
    return Filter(name, read_number(argument, 0.1, 50))


def _read_equalize(name: str, argument: str | None) -> Filter:
    refuse_argument(argument)
    return Filter(name)


_READERS = {
    "median": _read_window,
    "lee": _read_window,
    "gaussian": _read_strength,
    "clahe": _read_strength,
    "equalize": _read_equalize,
    "gamma": _read_strength,
}
