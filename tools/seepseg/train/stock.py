"""The training split as pasting needs it: each tile with its objects as run lengths, and its pixels when asked for.

Nothing here reads an image, a label or an annotation of another split.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import instances, rle
from seepseg.dataset.fidelity import paint_row
from seepseg.dataset.layout import Dataset, label_path, read_manifest, read_rows
from seepseg.dataset.places import Place, find_places
from seepseg.dataset.truth import Truth, annotations_path, read_truth
from seepseg.dataset.write import label_file
from seepseg.errors import DatasetError, UsageError
from seepseg.labels.polygons import fit_polygons
from seepseg.raster import read_pixels
from seepseg.values import Bitmap, Instance

FLAT = 7
"""Side in px of a square whose pixels are all of one value only where there is no data."""


@dataclass(frozen=True, slots=True)
class StockTile:
    """One training tile and what is labelled on it."""

    image: Path
    place: str
    """The image's path as the manifest has it."""
    stem: str
    group: str
    width: int
    height: int
    objects: tuple[tuple[int, bytes], ...]
    """Class and run lengths of each."""
    ignore: bytes | None
    traced: bool
    """Whether the objects come from the exact truth; else they are rows of the label file."""


def read_stock(dataset: Dataset) -> list[StockTile]:
    """The tiles of the training split, each once however often a list names it."""
    places = find_places(dataset).get("train", [])
    if not places:
        raise UsageError(f"{dataset.yaml}: no images in train, so there is nothing to paste from; correct `train:`")
    homes = {(place.root, place.home or "train") for place in places}
    truths: dict[tuple[Path, str], Truth] = {}
    groups: dict[tuple[Path, str], str] = {}
    for root, home in sorted(homes):
        names = {place.name for place in places if (place.root, place.home or "train") == (root, home)}
        file = annotations_path(root, home)
        found = read_truth(file, names) if file.exists() else {}
        truths |= {(root, f"images/{home}/{name}"): truth for name, truth in found.items()}
    for root in sorted({root for root, _ in homes}):
        groups |= {(root, record): group for record, group in _groups(root).items()}
    return [
        _tile(place, truths.get((place.root, place.record)), groups.get((place.root, place.record)), len(dataset.names))
        for place in places
    ]


def closed_of(tile: StockTile, pixels: NDArray[np.uint8], window: tuple[slice, slice], but: int = -1) -> Bitmap:
    """1 where a window holds objects (`but` for one), what the truth says to ignore, or pixels of one value in
    squares: no sea is that even, so there is no data."""
    level = pixels[window] if pixels.ndim == 2 else pixels[window].max(axis=2)
    square = np.ones((FLAT, FLAT), np.uint8)
    even = np.asarray(cv2.dilate(level, square) == cv2.erode(level, square), np.uint8)
    closed = np.asarray(cv2.dilate(even, square), np.uint8) if even.any() else even
    taken = [counts for index, (_, counts) in enumerate(tile.objects) if index != but]
    taken += [] if tile.ignore is None else [tile.ignore]
    if taken:
        closed |= rle.decode(rle.union(taken, tile.width, tile.height), tile.width, tile.height)[window]
    return closed


def own_instances(tile: StockTile) -> tuple[Instance, ...]:
    """The tile's objects as they were: from truth traced again, from rows with the polygons unchanged."""
    if tile.traced:
        found = [instances.from_rle(counts, tile.width, tile.height, class_id) for class_id, counts in tile.objects]
    else:
        size = (tile.width, tile.height)
        rows = read_rows(label_path(tile.image))
        found = [fit_polygons([row * size], *size, class_id)[0] for class_id, row in rows]
    return tuple(one for one in found if one is not None)


def _groups(root: Path) -> dict[str, str]:
    if not (root / "manifest.jsonl").exists():
        return {}
    return {one["image"]: str(one["group"]) for one in read_manifest(root) if one.get("group") is not None}


def _tile(place: Place, truth: Truth | None, group: str | None, classes: int) -> StockTile:
    if truth is not None:
        width, height, ignore = truth.width, truth.height, truth.ignore
        objects = tuple((one.class_id, one.rle) for one in truth.objects)
    else:
        height, width = read_pixels(place.image).shape[:2]
        ignore, objects = None, _painted(place.image, width, height)
    wrong = sorted({class_id for class_id, _ in objects if not 0 <= class_id < classes})
    if wrong:
        raise DatasetError(f"{place.image}: class {wrong[0]} is not in names (0-{classes - 1}); run 'seepseg check'")
    stem = label_file(place.name).removesuffix(".txt")
    return StockTile(place.image, place.record, stem, group or stem, width, height, objects, ignore, truth is not None)


def _painted(image: Path, width: int, height: int) -> tuple[tuple[int, bytes], ...]:
    painted = []
    for class_id, polygon in read_rows(label_path(image)):
        crop, x, y = paint_row(polygon, width, height)
        painted.append((class_id, rle.encode_crop(crop, x, y, width, height)))
    return tuple(painted)
