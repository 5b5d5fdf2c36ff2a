"""One image as a sheet: the image, its truth, what was predicted, and where the two differ."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from seepseg import rle
from seepseg.dataset.truth import Truth
from seepseg.painting import Colours, class_map, fit_photo, overlay, shrink
from seepseg.palette import Colour, colour_of
from seepseg.raster import Pixels
from seepseg.values import Bitmap, Prediction

CELL, GAP, MARGIN, LINE = 320, 10, 20, 24
PAPER, INK = (250, 250, 248), (34, 34, 34)
COLUMNS = ("image", "truth", "prediction", "difference")
DIFFERENCES: dict[str, Colour] = {
    "hit": (86, 180, 233),
    "missed": (160, 0, 255),
    "false": (240, 228, 66),
    "wrong class": (204, 121, 167),
}
"""Told apart by colour-blind eyes, and seen on the darkened photo. What is missed has the colour of no class, as it
is looked for in the truth beside it."""
_DARKENED = 0.4
_QUALITY = 88


def draw_cells(pixels: Pixels, truth: Truth, prediction: Prediction, cell: int = CELL) -> list[Colours]:
    """The four pictures in the order of COLUMNS; of a classifier, which says nothing of where, the first two."""
    share = cell / max(truth.width, truth.height)
    wide, high = max(1, round(truth.width * share)), max(1, round(truth.height * share))
    size = truth.height, truth.width
    photo = fit_photo(pixels, wide, high)
    objects = [(one.class_id, rle.decode(one.rle, truth.width, truth.height)) for one in truth.objects]
    if prediction.presence is not None:
        return [photo, overlay(photo, shrink(class_map(objects, size), wide, high))]
    found = [(one.class_id, _place(one.mask, one.x, one.y, size)) for one in reversed(prediction.detections)]
    verdict = _difference(objects, found, size)
    if truth.ignore is not None:
        verdict[rle.decode(truth.ignore, truth.width, truth.height) > 0] = 0
    difference = (photo.mean(axis=2, keepdims=True) * _DARKENED).astype(np.uint8).repeat(3, axis=2)
    shown = shrink(verdict, wide, high)
    colours = np.array([(0, 0, 0), *DIFFERENCES.values()], np.uint8)
    difference[shown > 0] = colours[shown[shown > 0]]
    painted = [overlay(photo, shrink(class_map(some, size), wide, high)) for some in (objects, found)]
    return [photo, *painted, difference]


def write_sheet(file: Path, cells: Sequence[Colours], caption: str, names: Sequence[str]) -> None:
    """Side by side, with a legend, as a JPEG. `names` are the classes to explain, others being empty."""
    font = ImageFont.load_default(14)
    height, width = cells[0].shape[:2]
    across = max(width, 150)
    entries = [(name, colour_of(index)) for index, name in enumerate(names) if name]
    entries += list(DIFFERENCES.items()) if len(cells) == len(COLUMNS) else []
    total = 2 * MARGIN + len(cells) * across + (len(cells) - 1) * GAP
    places, bottom = _lay_out(entries, font, total, MARGIN + 2 * LINE + height + 8)
    sheet = Image.new("RGB", (total, bottom + LINE + MARGIN // 2), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 8), _fit(caption, font, total - 2 * MARGIN), INK, font)
    for index, (column, cell) in enumerate(zip(COLUMNS, cells, strict=False)):
        left = MARGIN + index * (across + GAP)
        draw.text((left, MARGIN + LINE - 4), column, INK, font)
        sheet.paste(Image.fromarray(cell), (left, MARGIN + 2 * LINE - 6))
    for (name, colour), (x, y) in zip(entries, places, strict=True):
        draw.rectangle((x, y + 3, x + 12, y + 15), colour, INK)
        draw.text((x + 18, y), name, INK, font)
    sheet.save(file, quality=_QUALITY, subsampling=0)


def encode_cell(cell: Colours) -> bytes:
    """As a JPEG for a page."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(cell)).save(stream, "JPEG", quality=82, subsampling=0, optimize=True)
    return stream.getvalue()


def _difference(
    objects: Iterable[tuple[int, Bitmap]], found: Iterable[tuple[int, Bitmap]], size: tuple[int, int]
) -> NDArray[np.int32]:
    """The number of each pixel's kind in DIFFERENCES, 0 where there is nothing; classes are unions, as in all
    figures."""
    true, told = _unions(objects), _unions(found)
    nothing = np.zeros(size, np.bool_)
    hit, there, said = nothing.copy(), nothing.copy(), nothing.copy()
    for class_id in true.keys() | told.keys():
        mine, theirs = true.get(class_id, nothing), told.get(class_id, nothing)
        hit |= mine & theirs
        there |= mine
        said |= theirs
    return np.select([hit, there & said, there, said], [1, 4, 2, 3], 0).astype(np.int32)


def _unions(objects: Iterable[tuple[int, Bitmap]]) -> dict[int, NDArray[np.bool_]]:
    unions: dict[int, NDArray[np.bool_]] = {}
    for class_id, bitmap in objects:
        unions[class_id] = unions[class_id] | (bitmap > 0) if class_id in unions else bitmap > 0
    return unions


def _place(mask: Bitmap, x: int, y: int, size: tuple[int, int]) -> Bitmap:
    whole = np.zeros(size, np.uint8)
    whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return whole


def _lay_out(
    entries: Sequence[tuple[str, Colour]], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, total: int, y: int
) -> tuple[list[tuple[int, int]], int]:
    x, places = MARGIN, []
    for name, _ in entries:
        wide = 18 + int(font.getlength(name)) + 20
        if x > MARGIN and x + wide > total - MARGIN:
            x, y = MARGIN, y + LINE
        places.append((x, y))
        x += wide
    return places, y


def _fit(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    while font.getlength(text) > room:
        text = text[: len(text) // 2 - 2] + "…" + text[len(text) // 2 + 2 :]
    return text
