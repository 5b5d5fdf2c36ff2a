"""A frame as the film shows it: each slick in its class's colour with its number, and the time below."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from seepseg.painting import Colours, fit_photo, overlay
from seepseg.palette import Colour, colour_of
from seepseg.video.frames import Frame
from seepseg.video.timeline import Slick

_INK, _PAPER = (20, 20, 20), (250, 250, 248)
_PAD = 2
_Box = tuple[int, int, int, int]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def annotate(frame: Frame, slicks: Sequence[Slick], names: Sequence[str], class_of: Callable[[int], int]) -> Colours:
    """Red, green, blue, of the frame's size. A filled mask is an outline alone: nothing was found there."""
    height, width = frame.pixels.shape[:2]
    picture = np.array(fit_photo(frame.pixels, width, height))
    for slick in sorted(slicks, key=lambda slick: -slick.detection.mask.size):
        if slick.detection.mask.size:
            _paint(picture, slick, class_of(slick.identity))
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    font = _font(int(np.clip(max(width, height) / 60, 10, 28)))
    taken = [_caption(draw, image.size, font, frame.caption)]
    for slick in slicks:
        class_id = class_of(slick.identity)
        text = f"#{slick.identity} {names[class_id]}" + (", filled" if slick.state == "filled" else "")
        taken += _tag(draw, image.size, font, text, colour_of(class_id), slick.detection.box, taken)
    return np.asarray(image)


def _paint(picture: Colours, slick: Slick, class_id: int) -> None:
    """Within a margin of one pixel, where the edge of the colour is told."""
    one = slick.detection
    top, left = max(one.y - 1, 0), max(one.x - 1, 0)
    view = picture[top : one.y + one.mask.shape[0] + 1, left : one.x + one.mask.shape[1] + 1]
    mask = np.zeros(view.shape[:2], np.uint8)
    mask[one.y - top :, one.x - left :][: one.mask.shape[0], : one.mask.shape[1]] = one.mask
    if slick.state == "filled":
        view[(mask > 0) & (cv2.erode(mask, np.ones((3, 3), np.uint8)) == 0)] = colour_of(class_id)
    else:
        view[...] = overlay(view, mask.astype(np.int32) * (class_id + 1))


def _caption(draw: ImageDraw.ImageDraw, size: tuple[int, int], font: _Font, text: str) -> _Box:
    wide, high = _measure(font, text)
    box = (0, size[1] - high - 2 * _PAD, wide, size[1])
    draw.rectangle(box, _INK)
    draw.text((box[0] + _PAD, box[1] + 2 * _PAD), text, _PAPER, font, anchor="lt")
    return box


def _tag(
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    font: _Font,
    text: str,
    colour: Colour,
    around: tuple[float, float, float, float],
    taken: Sequence[_Box],
) -> list[_Box]:
    """Beside the slick, over no other tag; none where there is no such place."""
    wide, high = _measure(font, text)
    for x, y in _places(around, wide, high):
        x, y = min(max(x, 0), max(size[0] - wide - 1, 0)), min(max(y, 0), max(size[1] - high - 1, 0))
        box = (x, y, x + wide, y + high)
        if not any(box[0] <= b[2] and b[0] <= box[2] and box[1] <= b[3] and b[1] <= box[3] for b in taken):
            draw.rectangle(box, colour)
            light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
            draw.text((x + _PAD, y + _PAD), text, _INK if light > 110 else _PAPER, font, anchor="lt")
            return [box]
    return []


def _places(around: tuple[float, float, float, float], wide: int, high: int) -> Iterator[tuple[int, int]]:
    left, top, right, bottom = map(int, around)
    yield left, top - high - 2
    yield left, bottom + 2
    yield right + 2, top
    yield left - wide - 2, top
    yield left, top
    yield right - wide, bottom - high


@lru_cache(maxsize=4)
def _font(size: int) -> _Font:
    return ImageFont.load_default(size)


def _measure(font: _Font, text: str) -> tuple[int, int]:
    left, top, right, bottom = font.getbbox(text, anchor="lt")
    return int(right - left) + 2 * _PAD, int(bottom - top) + 2 * _PAD
