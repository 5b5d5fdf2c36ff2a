"""What stands beside a quick look: legend, the largest objects, scale and north, each a small picture of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw

from seepseg.lettering import INK, PAPER, Font, font_of
from seepseg.palette import Colour

FAINT = (120, 120, 120)
HATCH = ((226, 226, 223), (204, 204, 200))
"""Of pixels without data."""


@dataclass(frozen=True, slots=True)
class Type:
    """Sizes of letters, and what follows from them."""

    plain: Font
    large: Font
    size: int

    @property
    def line(self) -> int:
        """From one line to the next."""
        return round(self.size * 1.5)


def type_of(size: int) -> Type:
    """Letters of so many pixels."""
    return Type(font_of(size), font_of(round(size * 1.45)), size)


def draw_legend(rows: Sequence[tuple[Colour | None, str, str]], letters: Type) -> Image.Image:
    """A swatch, a name and a figure each; without a colour the swatch is that of missing data."""
    side = letters.size
    names = max(_wide(name, letters) for _, name, _ in rows)
    figures = max(_wide(figure, letters) for _, _, figure in rows)
    picture, draw = _sheet(side * 2 + names + side * 2 + figures, letters.line * len(rows))
    for number, (colour, name, figure) in enumerate(rows):
        y = number * letters.line
        box = (0, y + side // 4, side, y + side // 4 + side)
        draw.rectangle(box, colour or HATCH[1], INK)
        draw.text((side * 2, y), name, INK, letters.plain)
        draw.text((picture.width, y), figure, INK, letters.plain, anchor="ra")
    return picture


def draw_table(rows: Sequence[Sequence[str]], letters: Type) -> Image.Image:
    """Columns of words, the first row faint as their head; numbers to the right, words (second column) to the left."""
    gap = round(letters.size * 1.4)
    widths = [max(_wide(row[column], letters) for row in rows) for column in range(len(rows[0]))]
    picture, draw = _sheet(sum(widths) + gap * (len(widths) - 1), letters.line * len(rows))
    for number, row in enumerate(rows):
        x = 0
        for column, (word, width) in enumerate(zip(row, widths, strict=True)):
            at, anchor = (x, "la") if column == 1 else (x + width, "ra")
            draw.text((at, number * letters.line), word, INK if number else FAINT, letters.plain, anchor=anchor)
            x += width + gap
    return picture


def draw_scale(pixels: int, label: str, letters: Type) -> Image.Image:
    """A bar of so many pixels in four fields."""
    high = max(4, letters.size // 2)
    picture, draw = _sheet(pixels + _wide(label, letters) // 2 + 2 + letters.size // 2, letters.line + high + 4)
    for field in range(4):
        left, right = pixels * field // 4, pixels * (field + 1) // 4
        draw.rectangle((left, letters.line, right, letters.line + high), INK if field % 2 == 0 else PAPER, INK)
    draw.text((0, 0), "0", INK, letters.plain)
    draw.text((pixels, 0), label, INK, letters.plain, anchor="ma")
    return picture


def draw_north(direction: tuple[float, float], letters: Type) -> Image.Image:
    """An arrow that way (to the right and down, of length 1)."""
    side = letters.size * 6
    picture, draw = _sheet(side, side)
    (x, y), middle, reach = direction, side / 2, letters.size * 1.5
    tip, foot = (middle + x * reach, middle + y * reach), (middle - x * reach, middle - y * reach)
    notch = (middle - x * reach * 0.5, middle - y * reach * 0.5)
    wing = reach * 0.6
    for sign, fill in ((1, INK), (-1, PAPER)):
        corner = (foot[0] - sign * y * wing, foot[1] + sign * x * wing)
        draw.polygon([tip, corner, notch], fill, INK)
    away = reach + letters.size * 0.75
    draw.text((middle + x * away, middle + y * away), "N", INK, letters.plain, anchor="mm")
    return picture


def draw_lines(lines: Sequence[str], letters: Type, *, title: bool = False, room: int | None = None) -> Image.Image:
    """Lines of text, the first one larger if it is a title; what has no room is shortened in its middle."""
    fonts = [letters.large if title and not number else letters.plain for number in range(len(lines))]
    lines = [line if room is None else _fit(line, font, room) for line, font in zip(lines, fonts, strict=True)]
    width = max(round(font.getlength(line)) for line, font in zip(lines, fonts, strict=True))
    first = round(letters.line * 1.5) if title else letters.line
    picture, draw = _sheet(width + 1, first + letters.line * (len(lines) - 1))
    y = 0
    for number, (line, font) in enumerate(zip(lines, fonts, strict=True)):
        draw.text((0, y), line, INK if title and not number else FAINT, font)
        y += first if not number else letters.line
    return picture


def flow(blocks: Sequence[Image.Image], width: int, gap: int) -> Image.Image:
    """Side by side as long as there is room, then in rows below."""
    rows: list[list[Image.Image]] = [[]]
    for block in blocks:
        taken = sum(one.width + gap for one in rows[-1])
        if rows[-1] and taken + block.width > width:
            rows.append([])
        rows[-1].append(block)
    return column([row(some, gap, middle=False) for some in rows], gap)


def row(pictures: Sequence[Image.Image], gap: int, *, middle: bool = True) -> Image.Image:
    """Side by side, at half height or at the top."""
    sheet = Image.new(
        "RGB",
        (sum(one.width for one in pictures) + gap * (len(pictures) - 1), max(one.height for one in pictures)),
        PAPER,
    )
    x = 0
    for one in pictures:
        sheet.paste(one, (x, (sheet.height - one.height) // 2 if middle else 0))
        x += one.width + gap
    return sheet


def column(pictures: Sequence[Image.Image], gap: int) -> Image.Image:
    """One below the other."""
    sheet = Image.new(
        "RGB",
        (max(one.width for one in pictures), sum(one.height for one in pictures) + gap * (len(pictures) - 1)),
        PAPER,
    )
    y = 0
    for one in pictures:
        sheet.paste(one, (0, y))
        y += one.height + gap
    return sheet


def _sheet(width: int, height: int) -> tuple[Image.Image, Any]:
    picture = Image.new("RGB", (max(1, width), max(1, height)), PAPER)
    return picture, ImageDraw.Draw(picture)


def _wide(text: str, letters: Type) -> int:
    return round(letters.plain.getlength(text)) + 1


def _fit(text: str, font: Font, room: int) -> str:
    while len(text) > 5 and font.getlength(text) > room:
        text = text[: len(text) // 2 - 2] + "…" + text[len(text) // 2 + 2 :]
    return text
