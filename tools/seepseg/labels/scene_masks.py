"""Raster truth of scenes: class values on the scene's grid or another, read tile by tile."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import instances, rle
from seepseg.errors import SourceError, UsageError, listing
from seepseg.georeference import Grid, grid_of, locate
from seepseg.labels import scene_tiles
from seepseg.labels.scene_tiles import HIDDEN, Cut, Found
from seepseg.progress import track
from seepseg.rasterfile import has_pages, in_file, open_raster
from seepseg.values import FURTHER, Item, LabelledImage, Skip, Window
from seepseg.wording import count

Read = Callable[[Window], tuple[NDArray[np.int64], NDArray[np.bool_]]]
"""Class values of a window, and where the truth says anything."""


@dataclass(frozen=True, slots=True)
class ValueTable:
    """What the values of the truth mean; 0 is background, and so is nothing else."""

    classes: tuple[tuple[int, int], ...]
    """Value and class id."""
    ignored: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Regions:
    """The objects of one tile."""

    labels: NDArray[np.int32]
    class_ids: list[int]
    ignore: NDArray[np.bool_]
    hidden: int


def cut_by_masks(
    pairs: Sequence[tuple[Item, Path]], cut: Cut, names: tuple[str, ...], found: Found
) -> Callable[[Item, int, int], LabelledImage]:
    """Two passes: which values there are, then which tiles hold objects."""
    fits = _fits(pairs)
    seen: Counter[int] = Counter()
    for (scene, mask), how in zip(pairs, fits, strict=True):
        seen += _count_values(scene.image, mask, how, cut)
    if (by_size := fits.count("size")) > 0:
        found.notes.append(
            f"{count(by_size, 'truth file')} with no CRS, but the size of the scene: taken as on its grid"
        )
    table, notes = tell_values(seen, names)
    found.notes += notes
    for (scene, mask), how in zip(pairs, fits, strict=True):
        with open_raster(scene.image) as dataset:
            found.skipped += [Skip(FURTHER, scene.image.name)] if has_pages(dataset) else []
            grid = grid_of(dataset, cut.gsd)
            with open_truth(mask, grid, how) as read:
                tiles = scene_tiles.windows(grid.width, grid.height, cut.tile, cut.overlap)
                for tile in track(tiles, len(tiles), scene.stem, unit="tile"):
                    full = bool(regions(read, grid, tile, table, cut).class_ids)
                    scene_tiles.add_tile(dataset, grid, scene, tile, (mask, how), full, cut, found)
    return partial(read_mask, table=table, cut=cut)


def _fits(pairs: Sequence[tuple[Item, Path]]) -> list[str]:
    """How each truth lies on its scene; every fault in one error."""
    fits, problems = [], []
    for scene, mask in pairs:
        try:
            with open_raster(scene.image) as dataset, open_raster(mask) as other:
                fits.append(fit(dataset, other))
        except SourceError as error:
            problems.append(str(error))
    shared = len(pairs) > 1 and len({mask for _, mask in pairs}) == 1
    if shared and not problems and set(fits) != {"warp"}:
        problems.append(f"{pairs[0][1]}: one truth file serves several scenes only where all have a CRS of their own")
    if problems:
        # One file for all scenes has the same fault with each.
        raise SourceError(listing(list(dict.fromkeys(problems))))
    return fits


def _count_values(scene: Path, mask: Path, how: str, cut: Cut) -> Counter[int]:
    seen: Counter[int] = Counter()
    with open_raster(scene) as dataset:
        grid = grid_of(dataset, cut.gsd)
    with open_truth(mask, grid, how) as read:
        for tile in scene_tiles.windows(grid.width, grid.height, cut.tile, 0):
            values, known = read(tile)
            found, counts = np.unique(values[known], return_counts=True)
            for value, pixels in zip(found.tolist(), counts.tolist(), strict=True):
                seen[value] += pixels
    return seen


def fit(scene: Any, truth: Any) -> str:
    """How the truth lies on the scene: `same` grid, `size` (no CRS, but as many pixels), or `warp` to it."""
    if has_pages(truth):
        raise SourceError(f"{truth.name}: holds several pictures, and truth is one; save the right one on its own")
    grid, other = grid_of(scene), grid_of(truth)
    equal = (grid.width, grid.height) == (other.width, other.height)
    if grid.crs and other.crs:
        return "same" if equal and grid.crs == other.crs and _close(grid, other) else "warp"
    if equal:
        return "same" if not grid.crs and not other.crs else "size"
    raise SourceError(
        f"{truth.name}: {other.width} × {other.height} pixels without a CRS in common with {Path(scene.name).name} "
        f"({grid.width} × {grid.height}); give both a CRS, or the same size"
    )


def _close(grid: Grid, other: Grid) -> bool:
    """Whether no corner of two grids of one size is a tenth of a pixel from its like."""
    pixel = math.dist(locate(grid.transform, 0, 0), locate(grid.transform, 1, 1))
    corners = [(0, 0), (grid.width, 0), (0, grid.height)]
    return all(math.dist(locate(grid.transform, *one), locate(other.transform, *one)) < 0.1 * pixel for one in corners)


@contextmanager
def open_truth(path: Path, grid: Grid, how: str) -> Iterator[Read]:
    """The reader of one truth file on a scene's grid."""
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    with open_raster(path) as dataset:
        if dataset.count != 1:
            raise SourceError(f"{path}: has {dataset.count} bands; truth has one, with a value for each class")
        if how == "warp":
            settings = {"crs": grid.crs, "transform": grid.transform, "width": grid.width, "height": grid.height}
            if dataset.nodata in (None, 0):  # The file itself is background there, but what lies beside it is unknown.
                settings |= {"src_nodata": None, "nodata": None, "add_alpha": True}
            with WarpedVRT(dataset, resampling=Resampling.nearest, **settings) as warped:
                yield lambda box: _values(path, warped, box, (1.0, 1.0))
        else:
            yield lambda box: _values(path, dataset, box, grid.step)


def _values(
    path: Path, dataset: Any, box: Window, step: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    place, shape = in_file(dataset, box, step), (box.height, box.width)
    values = dataset.read(1, window=place, out_shape=shape)
    known = np.isfinite(values)
    # Files that call 0 "no data" mean background by it.
    if dataset.nodata is not None and not np.isnan(dataset.nodata) and dataset.nodata != 0:
        known &= values != dataset.nodata
    elif dataset.count == 2:  # warped: the second tells where there was anything to warp
        known &= dataset.read(2, window=place, out_shape=shape) > 0
    whole = np.where(known, values, 0).astype(np.int64)
    if not np.array_equal(whole, np.where(known, values, 0)):
        raise SourceError(f"{path}: holds values that are no whole numbers; truth has a value for each class")
    return whole, known


def tell_values(seen: Counter[int], names: Sequence[str]) -> tuple[ValueTable, list[str]]:
    """What each value means: 1..n are the classes, 0 is background, negative ones and 255 are ignored.

    With one class and one other value alone, that value is the class.
    """
    positive = sorted(value for value in seen if value > 0)
    if len(names) == 1 and len(positive) == 1 and positive != [1]:
        return ValueTable(((positive[0], 0),), _negative(seen)), [f"value {positive[0]} of the truth is {names[0]}"]
    classes = tuple((number + 1, number) for number in range(len(names)))
    ignored = (*_negative(seen), *(value for value in positive if value == 255 > len(names)))
    unknown = [value for value in positive if value > len(names) and value not in ignored]
    if unknown:
        raise UsageError(
            f"--names gives {len(names)} classes, for the values 1 to {len(names)}, and the truth holds others:\n"
            + listing([f"{value}: {count(seen[value], 'pixel')}" for value in unknown])
        )
    values = ", ".join(map(str, ignored))
    note = f"ignored in the truth: {count(sum(seen[value] for value in ignored), 'pixel')} (values {values})"
    return ValueTable(classes, ignored), [note] if ignored else []


def _negative(seen: Counter[int]) -> tuple[int, ...]:
    return tuple(sorted(value for value in seen if value < 0))


def read_mask(item: Item, width: int, height: int, *, table: ValueTable, cut: Cut) -> LabelledImage:
    """The truth of a tile from the raster that the payload names."""
    path, how = item.payload
    assert item.window is not None
    with open_raster(item.image) as scene:
        grid = grid_of(scene, cut.gsd)
    with open_truth(path, grid, how) as read:
        found = regions(read, grid, item.window, table, cut)
    skipped = tuple(Skip(HIDDEN, item.stem) for _ in range(found.hidden))
    ignore = rle.encode(found.ignore.astype(np.uint8)) if found.ignore.any() else None
    objects = instances.from_regions(found.labels, found.class_ids) if found.class_ids else ()
    return LabelledImage(width, height, objects, ignore, skipped)


def regions(read: Read, grid: Grid, tile: Window, table: ValueTable, cut: Cut) -> Regions:
    """Each 8-connected part of a class in the tile; how much of it is seen is told by a margin around the tile."""
    around = _grown(tile, cut.margin, grid)
    values, known = read(around)
    classes = np.zeros(values.shape, np.uint8)
    for value, class_id in table.classes:
        classes[values == value] = class_id + 1
    inside = (
        slice(tile.y - around.y, tile.y - around.y + tile.height),
        slice(tile.x - around.x, tile.x - around.x + tile.width),
    )
    ignore = ~known[inside] | np.isin(values[inside], table.ignored)
    labels = np.zeros((tile.height, tile.width), np.int32)
    class_ids: list[int] = []
    hidden = 0
    for value in np.unique(classes[inside]).tolist():
        if not value:
            continue
        parts, shown = _parts((classes == value).astype(np.uint8), inside, cut.least_seen)
        numbers = np.zeros(len(shown), np.int32)
        numbers[shown] = np.arange(len(class_ids) + 1, len(class_ids) + 1 + shown.sum())
        labels = np.where(parts > 0, numbers[parts], labels)
        class_ids += [value - 1] * int(shown.sum())
        ignore |= (parts > 0) & ~shown[parts]
        hidden += len(shown) - 1 - int(shown.sum())
    return Regions(labels.astype(np.int32, copy=False), class_ids, ignore, hidden)


def _parts(
    bitmap: NDArray[np.uint8], inside: tuple[slice, slice], least_seen: float
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Components of the tile, and for each number whether enough lies there of the object that it is a part of;
    never for 0, the background."""
    crop = np.ascontiguousarray(bitmap[inside])
    number, parts = cv2.connectedComponents(crop, connectivity=8, ltype=cv2.CV_32S)
    beyond = cv2.connectedComponents(bitmap, connectivity=8, ltype=cv2.CV_32S)[1]
    whole = np.bincount(beyond.ravel())
    seen = np.bincount(beyond[inside].ravel(), minlength=len(whole))
    _, first = np.unique(parts, return_index=True)
    owner = np.zeros(number, np.int64)
    owner[parts.ravel()[first]] = beyond[inside].ravel()[first]
    shown = seen[owner] >= least_seen * whole[owner]
    shown[0] = False
    return parts, shown  # type: ignore[return-value]


def _grown(tile: Window, margin: int, grid: Grid) -> Window:
    x, y = max(tile.x - margin, 0), max(tile.y - margin, 0)
    right, bottom = min(tile.x + tile.width + margin, grid.width), min(tile.y + tile.height + margin, grid.height)
    return Window(x, y, right - x, bottom - y)
