"""Scenes cut into tiles: where tiles lie, which hold data, and which empty ones stay."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seepseg.georeference import Grid
from seepseg.rasterfile import read_values
from seepseg.values import Item, Skip, Window

HIDDEN = "object cut by the edge of a tile, too little of it seen: its pixels are ignored"


@dataclass(frozen=True, slots=True)
class Cut:
    """How scenes become tiles."""

    tile: int
    overlap: int
    empty: float
    least_seen: float
    gsd: float | None
    seed: int
    bands: tuple[int, ...] = (1,)
    """Those that will be shown, as far as the user says: a tile without data has none in any of them."""
    nodata: float | None = None
    skip_unfit: bool = False
    """Scenes that can't be converted are left out and told; otherwise they end it all."""

    @property
    def margin(self) -> int:
        """How far beyond its tile an object is followed in raster truth."""
        return max(self.overlap, self.tile // 4)


@dataclass(slots=True)
class Found:
    """What the scenes gave so far."""

    full: list[Item] = field(default_factory=list)
    empty: list[Item] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def windows(width: int, height: int, tile: int, overlap: int) -> list[Window]:
    """Tiles of one size, row by row; the last of a row or column moves inwards. A smaller scene is one tile."""
    across, down = min(tile, width), min(tile, height)
    return [Window(x, y, across, down) for y in _starts(height, tile, overlap) for x in _starts(width, tile, overlap)]


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    if length <= tile:
        return [0]
    count = math.ceil((length - tile) / (tile - overlap))
    return [*(index * (tile - overlap) for index in range(count)), length - tile]


def tile_stem(scene: str, window: Window) -> str:
    """Scene, then row and column of the tile's first pixel."""
    return f"{scene}.{window.y:06d}_{window.x:06d}"


def choose_empty(stems: Sequence[str], share: float, seed: int) -> set[str]:
    """The share of tiles without objects that stays, the same for the same names and seed."""
    drawn = sorted(stems, key=lambda stem: hashlib.sha256(f"{seed}/{stem}".encode()).digest())
    return set(drawn[: round(share * len(stems))])


def add_tile(
    dataset: Any, grid: Grid, scene: Item, tile: Window, payload: Any, full: bool, cut: Cut, found: Found
) -> None:
    """One more tile of a scene, if it holds data; `full` says that it holds objects."""
    stem = tile_stem(scene.stem, tile)
    if not _has_data(dataset, grid, tile, cut):
        found.skipped.append(Skip("tile without data", stem))
        return
    item = Item(scene.image, stem, payload, scene.split, scene.stem, tile)
    (found.full if full else found.empty).append(item)


def _has_data(dataset: Any, grid: Grid, tile: Window, cut: Cut) -> bool:
    """By the middle row of a tile where that suffices; what can't be read is told when the tile is converted."""
    from rasterio.errors import RasterioError

    bands = tuple(band for band in cut.bands if band <= dataset.count) or (1,)
    middle = Window(tile.x, tile.y + tile.height // 2, tile.width, 1)
    try:
        return any(
            bool(read_values(dataset, box, bands, cut.nodata, step=grid.step)[1].any()) for box in (middle, tile)
        )
    except RasterioError:
        return True
