"""A contact sheet: each image, its truth, what training sees of its labels, and where the two differ."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from seepseg import raster, rle
from seepseg.dataset.fidelity import compare, load_rows, sample
from seepseg.dataset.layout import Dataset, label_path, read_rows
from seepseg.dataset.places import Place, count_shared, find_places
from seepseg.dataset.truth import Truth, annotations_path, read_truth
from seepseg.errors import UsageError
from seepseg.painting import Colours, class_map, fit_photo, overlay, shrink
from seepseg.palette import colour_of
from seepseg.progress import track

CELL, GAP, MARGIN, CAPTION = 300, 12, 28, 26
PAPER, INK, FAINT = (250, 250, 248), (34, 34, 34), (120, 120, 120)
HAIRLINE = (220, 220, 216)
MISSING, EXTRA = (196, 0, 110), (0, 105, 200)
COLUMNS = ("image", "truth", "label as loaded", "difference")


@dataclass(frozen=True, slots=True)
class Shown:
    """One image of the sheet."""

    image: Path
    truth: Truth | None
    iou: float | None
    """Of its worst class; None without truth."""


def draw_sheet(
    dataset: Dataset, split: str, *, count: int = 12, worst: bool = False
) -> tuple[Image.Image, list[Shown]]:
    """The sheet and what is on it: images evenly over the split, objects first, or those of the lowest fidelity."""
    splits = find_places(dataset)
    places = splits.get(split)
    if not places:
        raise UsageError(f"{dataset.yaml}: no images in {split}; --split takes {', '.join(dataset.splits)}")
    imgsz = dataset.imgsz or 640
    chosen = _choose_worst(places, count, imgsz) if worst else _choose_even(places, count)
    truths = _truths(chosen)
    shown = [_measure(place.image, truths.get(place.image), imgsz) for place in chosen]
    cells = [_cells(one, imgsz) for one in track(shown, len(shown), "drawing")]
    same = split != "train" and count_shared(splits, split, "train") == len(places)
    title = f"{dataset.root.resolve().name} · {split}{' (the images of train)' if same else ''} · loaded at {imgsz}"
    sheet = _Sheet([_height(row) for row in cells], dataset.names, title)
    for one, row in zip(shown, cells, strict=True):
        sheet.add(one, row)
    return sheet.picture, shown


def own_split(dataset: Dataset) -> str:
    """val, or where it has no images of its own the first split that has some."""
    splits = find_places(dataset)
    if splits.get("val") and count_shared(splits, "val", "train") < len(splits["val"]):
        return "val"
    return next((split for split, places in splits.items() if places), "val")


def _choose_even(places: Sequence[Place], count: int) -> list[Place]:
    """Evenly over the images that hold objects; backgrounds only fill up."""
    labelled: list[Place] = []
    empty: list[Place] = []
    for place in places:
        label = label_path(place.image)
        (labelled if label.is_file() and label.stat().st_size else empty).append(place)
    pool = labelled + empty[: max(0, count - len(labelled))]
    return [pool[index] for index in np.linspace(0, len(pool) - 1, min(count, len(pool))).astype(int).tolist()]


def _choose_worst(places: Sequence[Place], count: int, imgsz: int) -> list[Place]:
    if not _truth_files(places):
        raise UsageError("--worst needs annotations/, the truth to compare with; convert the dataset first")
    values = []
    for start in range(0, len(places), 500):
        part = places[start : start + 500]
        truths = _truths(part)
        for place in track(part, len(part), "measuring labels"):
            one = _measure(place.image, truths.get(place.image), imgsz)
            values.append((1.0 if one.iou is None else one.iou, place.image, place))
    return [place for *_, place in sorted(values, key=lambda one: one[:2])[:count]]


def _truths(places: Sequence[Place]) -> Mapping[Path, Truth]:
    found: dict[Path, Truth] = {}
    for file, some in _truth_files(places).items():
        truths = read_truth(file, {place.name for place in some})
        found |= {place.image: truths[place.name] for place in some if place.name in truths}
    return found


def _truth_files(places: Sequence[Place]) -> Mapping[Path, Sequence[Place]]:
    """The annotations that are there, and whose they are: a split may name images from the folder of another."""
    files: dict[Path, list[Place]] = defaultdict(list)
    for place in places:
        if place.home:
            files[annotations_path(place.root, place.home)].append(place)
    return {file: some for file, some in files.items() if file.is_file()}


def _measure(image: Path, truth: Truth | None, imgsz: int) -> Shown:
    if truth is None:
        return Shown(image, None, None)
    loaded = load_rows(read_rows(label_path(image)), truth.width, truth.height, imgsz)
    objects = [(true.class_id, true.rle) for true in truth.objects]
    classes = compare(loaded, objects, truth.width, truth.height).classes
    return Shown(image, truth, min(classes.values(), default=1.0))


class _Sheet:
    """Rows of four cells below a heading and a legend."""

    def __init__(self, heights: Sequence[int], names: Sequence[str], title: str) -> None:
        self._small, self._large = ImageFont.load_default(15), ImageFont.load_default(22)
        width = 2 * MARGIN + len(COLUMNS) * CELL + (len(COLUMNS) - 1) * GAP
        entries = [*((name, colour_of(index)) for index, name in enumerate(names))]
        entries += [("only in truth", MISSING), ("only in label", EXTRA)]
        places, self._y = self._lay_out(entries, width)
        height = self._y + sum(heights) + len(heights) * (CAPTION + GAP) + MARGIN - GAP
        self.picture = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self.picture)
        self._draw.text((MARGIN, MARGIN - 6), title, INK, self._large)
        for (name, colour), (x, y) in zip(entries, places, strict=True):
            self._draw.rounded_rectangle((x, y + 2, x + 16, y + 18), 3, colour)
            self._draw.text((x + 23, y), name, INK, self._small)
        for column, name in enumerate(COLUMNS):
            self._draw.text((self._left(column), self._y - 24), name, FAINT, self._small)

    def _lay_out(self, entries: Sequence[tuple[str, object]], width: int) -> tuple[list[tuple[int, int]], int]:
        x, y, places = MARGIN, MARGIN + 34, []
        for name, _ in entries:
            wide = 23 + int(self._small.getlength(name)) + 22
            if x > MARGIN and x + wide > width - MARGIN:
                x, y = MARGIN, y + 26
            places.append((x, y))
            x += wide
        return places, y + 68

    def _left(self, column: int) -> int:
        return MARGIN + column * (CELL + GAP)

    def add(self, one: Shown, cells: Sequence[Colours | None]) -> None:
        height = _height(cells)
        for column, cell in enumerate(cells):
            x = self._left(column)
            if cell is None:
                self._draw.rectangle((x, self._y, x + CELL - 1, self._y + height - 1), outline=HAIRLINE)
                self._draw.text((x + 12, self._y + 10), "no truth in annotations/", FAINT, self._small)
                continue
            self.picture.paste(Image.fromarray(cell), (x + (CELL - cell.shape[1]) // 2, self._y))
        caption = one.image.stem if one.iou is None else f"{one.image.stem} · IoU {one.iou:.4f}"
        self._draw.text((MARGIN, self._y + height + 4), self._fit(caption), INK, self._small)
        self._y += height + CAPTION + GAP

    def _fit(self, text: str) -> str:
        room = self.picture.width - 2 * MARGIN
        while self._small.getlength(text) > room:
            text = text[: len(text) // 2 - 2] + "…" + text[len(text) // 2 + 2 :]
        return text


def _height(cells: Sequence[Colours | None]) -> int:
    return max(len(cell) for cell in cells if cell is not None)


def _cells(one: Shown, imgsz: int) -> list[Colours | None]:
    pixels = raster.read_pixels(one.image)
    height, width = pixels.shape[:2]
    share = CELL / max(width, height)
    wide, high = max(1, round(width * share)), max(1, round(height * share))
    photo = fit_photo(pixels, wide, high)
    loaded = load_rows(read_rows(label_path(one.image)), width, height, imgsz)
    size = loaded.height, loaded.width
    painted = class_map(((class_id, loaded.paint(row)) for row, class_id in enumerate(loaded.class_ids)), size)
    label = overlay(photo, shrink(painted, wide, high))
    if one.truth is None:
        return [photo, None, label, None]
    objects = ((true.class_id, rle.decode(true.rle, width, height)) for true in one.truth.objects)
    truth = class_map(((class_id, sample(bitmap, *size[::-1])) for class_id, bitmap in objects), size)
    differs = painted != truth
    missing = shrink((differs & (truth > 0)).astype(np.int32), wide, high) > 0
    extra = shrink((differs & (painted > 0)).astype(np.int32), wide, high) > 0
    grey = (photo.mean(axis=2, keepdims=True) * 0.45 + 130).astype(np.uint8).repeat(3, axis=2)
    outlined = shrink(truth, wide, high) > 0
    grey[outlined] = (grey[outlined] * 0.8).astype(np.uint8)
    grey[missing], grey[extra] = MISSING, EXTRA
    return [photo, overlay(photo, shrink(truth, wide, high)), label, grey]
