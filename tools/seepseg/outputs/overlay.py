"""An image with what was found in it, each object with its class and confidence."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from seepseg.painting import Colours, fit_photo, overlay
from seepseg.palette import Colour, colour_of
from seepseg.values import Detection, Prediction

LEAST_SIDE, MOST_TIMES = 640, 4
"""Small images are enlarged towards this long side, so that letters don't cover them."""
LABELLED = 20
"""More labels than these would hide what they speak of; the surest objects have one."""
_INK, _PAPER = (20, 20, 20), (250, 250, 248)
_PAD = 2
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE)
"""Of OpenCV's ways the fastest, and half as large as its usual one: speckle has nothing to foretell."""
_Box = tuple[int, int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_overlay(pixels: NDArray[np.uint8], prediction: Prediction, names: Sequence[str]) -> Colours:
    """Red, green, blue; of small images an enlargement by a whole number."""
    times = min(max(LEAST_SIDE // max(prediction.width, prediction.height), 1), MOST_TIMES)
    painted = overlay(fit_photo(pixels, prediction.width, prediction.height), prediction.class_map)
    painted = painted.repeat(times, axis=0).repeat(times, axis=1) if times > 1 else painted
    if not prediction.detections:
        return painted
    return _label(painted, prediction, names, times)


def encode_png(picture: NDArray[Any]) -> bytes:
    """Of masks as they are, in 16 bits where 8 are not enough; of colours in OpenCV's order."""
    kind = np.uint8 if picture.max(initial=0) < 256 and picture.dtype != np.uint16 else np.uint16
    return cv2.imencode(".png", picture.astype(kind, copy=False), _PNG)[1].tobytes()


def _label(painted: Colours, prediction: Prediction, names: Sequence[str], times: int) -> Colours:
    image = Image.fromarray(painted)
    draw = ImageDraw.Draw(image)
    font = _font(int(np.clip(max(image.size) / 60, 11, 28)))
    taken: list[_Box] = []
    for one in prediction.detections[:LABELLED]:
        text = f"{names[one.class_id]} {one.score:.2f}".replace("0.", ".", 1)
        room = _find_room(_outer(one, times), _measure(font, text), image.size, taken)
        if room:
            taken.append(room)
            colour = colour_of(one.class_id)
            draw.rectangle(room, colour)
            draw.text((room[0] + _PAD, room[1] + _PAD), text, _ink(colour), font, anchor="lt")
    return np.asarray(image)


@lru_cache(maxsize=4)
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _measure(font: Font, text: str) -> tuple[int, int]:
    left, top, right, bottom = font.getbbox(text)
    return int(right - left) + 2 * _PAD, int(bottom - top) + 2 * _PAD


def _outer(one: Detection, times: int) -> _Box:
    high, wide = one.mask.shape
    return one.x * times, one.y * times, (one.x + wide) * times, (one.y + high) * times


def _find_room(around: _Box, size: tuple[int, int], canvas: tuple[int, int], taken: Sequence[_Box]) -> _Box | None:
    """Beside the object, not over another label; nowhere if there is no such place."""
    wide, high = size
    for x, y in _places(around, wide, high):
        x, y = min(max(x, 0), max(canvas[0] - wide - 1, 0)), min(max(y, 0), max(canvas[1] - high - 1, 0))
        box = (x, y, x + wide, y + high)
        if not any(_overlap(box, other) for other in taken):
            return box
    return None


def _places(around: _Box, wide: int, high: int) -> Iterator[tuple[int, int]]:
    left, top, right, bottom = around
    yield left, top - high - 1
    yield left, bottom + 1
    yield right + 1, top
    yield left - wide - 1, top
    yield left, top
    yield right - wide, bottom - high


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _ink(colour: Colour) -> Colour:
    """Dark on light colours, light on dark ones."""
    light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    return _INK if light > 110 else _PAPER
