"""Words on pictures: one font everywhere, and tags beside objects, never one over another."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from seepseg.palette import Colour

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, all within."""
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
INK, PAPER = (34, 34, 34), (250, 250, 248)
_SMALLEST, _LARGEST, _SHARE = 11, 28, 60
"""Pixels of letters, and how many times as long the picture is."""
_PAD = 2


@lru_cache(maxsize=8)
def font_of(size: int) -> Font:
    """The one that comes with matplotlib: Pillow's own has no ², × or Cyrillic, and shows boxes instead."""
    package = find_spec("matplotlib")
    folder = Path(package.origin).parent if package and package.origin else Path()
    try:
        return ImageFont.truetype(folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def draw_caption(picture: Image.Image, text: str) -> Box:
    """Along the lower edge; the room that it takes."""
    font = _font_for(picture)
    wide, high = _measure(font, text)
    room = (0, picture.height - high - 2, wide, picture.height)
    draw = ImageDraw.Draw(picture)
    draw.rectangle(room, INK)
    draw.text((_PAD, room[1] + _PAD), text, PAPER, font, anchor="lt")
    return room


def draw_tags(
    picture: Image.Image,
    tags: Iterable[tuple[str, Colour, tuple[float, float, float, float]]],
    taken: Sequence[Box] = (),
) -> None:
    """Each beside the box that it speaks of, on its colour; none where it would cover another or what is `taken`."""
    draw, font, full = ImageDraw.Draw(picture), _font_for(picture), list(taken)
    for text, colour, around in tags:
        room = _find_room(around, _measure(font, text), picture.size, full)
        if room:
            full.append(room)
            light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
            draw.rectangle(room, colour)
            draw.text((room[0] + _PAD, room[1] + _PAD), text, INK if light > 110 else PAPER, font, anchor="lt")


def overlaps(box: Box, taken: Iterable[Box]) -> bool:
    """Whether it shares a pixel with one of these."""
    return any(box[0] <= b[2] and b[0] <= box[2] and box[1] <= b[3] and b[1] <= box[3] for b in taken)


def _font_for(picture: Image.Image) -> Font:
    return font_of(min(max(max(picture.size) // _SHARE, _SMALLEST), _LARGEST))


def _measure(font: Font, text: str) -> tuple[int, int]:
    left, top, right, bottom = font.getbbox(text, anchor="lt")
    return int(right - left) + 2 * _PAD, int(bottom - top) + 2 * _PAD


def _find_room(
    around: tuple[float, float, float, float], size: tuple[int, int], canvas: tuple[int, int], taken: Sequence[Box]
) -> Box | None:
    wide, high = size
    for x, y in _places(around, wide, high):
        x, y = min(max(x, 0), max(canvas[0] - wide - 1, 0)), min(max(y, 0), max(canvas[1] - high - 1, 0))
        room = (x, y, x + wide, y + high)
        if not overlaps(room, taken):
            return room
    return None


def _places(around: tuple[float, float, float, float], wide: int, high: int) -> Iterator[tuple[int, int]]:
    """Above, below, right, left, and then upon the object."""
    left, top, right, bottom = map(int, around)
    yield left, top - high - 2
    yield left, bottom + 2
    yield right + 2, top
    yield left - wide - 2, top
    yield left, top
    yield right - wide, bottom - high
