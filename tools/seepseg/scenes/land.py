"""Areas to leave out, such as land, from polygons of a vector file: laid on a scene, drawn window by window."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError, UsageError
from seepseg.georeference import Grid, beside, locate, to_pixels
from seepseg.labels.scene_classes import polygonal
from seepseg.labels.scene_vectors import SUFFIXES, Layer, read_layers
from seepseg.scenes.ground import wrap
from seepseg.scenes.shapefile import read_shapefile
from seepseg.values import Bitmap, Window

_BORDER = 33
"""Places along each side of a scene, and across it, that tell which part of a vector file lies near."""
_ROOM = 0.1
"""What is kept around a scene, by its size: more than any bend of its border between two of those places."""
_PIECES = 256
"""A clipped edge is cut into pieces of this share of the scene, so that it bends as its CRS asks."""


@dataclass(frozen=True, slots=True)
class Land:
    """Polygons in pixels of a scene's grid, and their index."""

    polygons: Sequence[Any]
    tree: Any

    def draw(self, window: Window, shape: tuple[int, int] | None = None) -> Bitmap | None:
        """1 where the centre of a pixel lies in a polygon, None where none does; with a shape (height, width), as that
        many coarser pixels."""
        from rasterio.features import rasterize
        from rasterio.transform import Affine
        from shapely import box, clip_by_rect

        rows, columns = shape or (window.height, window.width)
        across, down = window.width / columns, window.height / rows
        edges = (window.x, window.y, window.x + window.width, window.y + window.height)
        hits = sorted(self.tree.query(box(*edges), predicate="intersects").tolist())
        around = (edges[0] - across, edges[1] - down, edges[2] + across, edges[3] + down)
        parts = [clip_by_rect(self.polygons[hit], *around) for hit in hits]
        parts = [part for part in parts if not part.is_empty]
        if not parts:
            return None
        place = Affine(across, 0, window.x, 0, down, window.y)
        drawn: Bitmap = rasterize([(part, 1) for part in parts], (rows, columns), transform=place, dtype="uint8")
        return drawn if drawn.any() else None


def read_land(file: Path, dataset: Any, grid: Grid) -> Land | None:
    """The polygons of a file that reach into an open scene; None where none does."""
    from shapely import STRtree

    if not grid.crs:
        raise UsageError(f"{dataset.name}: has no CRS, so that {file.name} can't be laid on it; leave it out")
    layers = [read_shapefile(file)] if file.suffix.lower() == ".shp" else list(_read_vectors(file))
    if not any(_areas(layer) for layer in layers):
        raise SourceError(f"{file}: holds no polygons; give the areas to leave out, such as land")
    near = [polygon for layer in layers for polygon in _on_grid(dataset, grid, layer)]
    return Land(near, STRtree(near)) if near else None


def _read_vectors(file: Path) -> Iterable[Layer]:
    if file.suffix.lower() not in SUFFIXES:
        known = ", ".join(sorted({*SUFFIXES, ".shp"}))
        raise UsageError(f"{file}: not a kind of vector file that is read ({known}); export it as one of these")
    return read_layers(file)


def _areas(layer: Layer) -> list[Any]:
    found = [one.geometry for one in layer.features if one.geometry is not None]
    return [geometry for geometry in found if geometry.geom_type in ("Polygon", "MultiPolygon") and geometry.area > 0]


def _on_grid(dataset: Any, grid: Grid, layer: Layer) -> list[Any]:
    """Clipped before they are projected: the far side of a continent has no place in the CRS of a scene."""
    from rasterio.warp import transform
    from shapely import clip_by_rect, force_2d, get_coordinates, make_valid, segmentize, set_coordinates

    boxes = _footprint(dataset, grid, layer.crs)
    size = max(max(right - left, top - bottom) for left, bottom, right, top in boxes)
    valid = [force_2d(one if one.is_valid else polygonal(make_valid(one))) for one in _areas(layer)]
    near = [part for one in valid for box in boxes if not (part := clip_by_rect(one, *box)).is_empty]
    if not near:
        return []
    near = list(segmentize(near, size / _PIECES))
    x, y = (np.asarray(axis) for axis in transform(layer.crs, grid.crs, *get_coordinates(near).T)[:2])
    placed = set_coordinates(near, to_pixels(dataset, grid, beside(grid, x, x), y))
    frame = (-1, -1, grid.width + 1, grid.height + 1)
    whole = [one if one.is_valid else polygonal(make_valid(one)) for one in placed if np.isfinite(one.bounds).all()]
    return [part for one in whole if not (part := clip_by_rect(one, *frame)).is_empty]


def _footprint(dataset: Any, grid: Grid, crs: Any) -> list[tuple[float, float, float, float]]:
    """Bounds of the scene in a CRS, and some room around it; two of them where it lies across the antimeridian."""
    from rasterio.warp import transform

    steps = np.linspace(0, 1, _BORDER)
    places = [locate(grid.transform, x * grid.width, y * grid.height) for y in steps for x in steps]
    found = np.array(transform(grid.crs, crs, *zip(*places, strict=True))[:2])
    found = found[:, np.isfinite(found).all(axis=0)]
    if not found.size:
        raise SourceError(f"{dataset.name}: lies where the CRS of the areas to leave out has no places")
    if crs.is_geographic:
        found[0] = np.where(np.abs(found[0]) > 180, wrap(found[0]), found[0])
    sides = [found]
    if crs.is_geographic and np.ptp(found[0]) > 180:
        sides = [found[:, found[0] < 0], found[:, found[0] >= 0]]
    return [_roomy(side) for side in sides]


def _roomy(places: NDArray[np.float64]) -> tuple[float, float, float, float]:
    (left, bottom), (right, top) = places.min(axis=1).tolist(), places.max(axis=1).tolist()
    room = _ROOM * max(right - left, top - bottom)
    return left - room, bottom - room, right + room, top + room
