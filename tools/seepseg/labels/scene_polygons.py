"""Scenes with polygons: laid on each scene's pixels, cut into tiles, and drawn tile by tile."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seepseg import instances, rle
from seepseg.errors import SourceError, listing
from seepseg.georeference import Grid, beside, grid_of, to_pixels
from seepseg.labels import scene_classes, scene_tiles, scene_vectors
from seepseg.labels.scene_classes import polygonal
from seepseg.labels.scene_tiles import HIDDEN, Cut, Found
from seepseg.progress import track
from seepseg.rasterfile import has_pages, open_raster
from seepseg.values import FURTHER, UNFIT, Bitmap, Instance, Item, LabelledImage, Skip, Window
from seepseg.wording import told_from

NO_CENTRE = "polygon over no pixel centre, drawn by the pixels it touches"
SLIVER = "piece of an object at the edge of a tile that covers no pixel"
_MARGIN = 2
"""Pixels that a clipped polygon keeps beyond its tile, so that the cut never shows."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A polygon in pixels of its scene."""

    geometry: Any
    class_id: int
    place: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """What of a polygon lies in one tile, in pixels of the tile: small enough to send to a worker."""

    wkb: bytes
    class_id: int
    place: str
    whole: bool
    """The tile cuts nothing off."""
    shown: bool
    """Enough of the object lies in the tile to be one."""


def cut_by_polygons(
    scenes: Sequence[Item],
    truth: Path,
    files: Sequence[Path],
    cut: Cut,
    names: tuple[str, ...] | None,
    class_field: str | None,
    found: Found,
) -> tuple[tuple[str, ...], Callable[[Item, int, int], LabelledImage]]:
    """Class names, and the reader of the tiles that `found` gets."""
    layers: list[scene_vectors.Layer] = []
    origin: list[Path] = []
    for file in files:
        read = scene_vectors.read_layers(file)
        layers += read
        origin += [file] * len(read)
    layers, skipped = scene_classes.polygons_alone(layers)
    found.skipped += skipped
    chosen = scene_classes.find_class_field(layers, class_field)
    names, layers, skipped = scene_classes.number_classes(layers, chosen, names)
    found.skipped += skipped
    found.notes.append(f"classes {', '.join(names)}, " + (f"from the field {chosen}" if chosen else "the same for all"))
    used: set[str] = set()
    problems = []
    for scene, mine in _with_truth(scenes, truth, files, found):
        its_own = [layer for layer, file in zip(layers, origin, strict=True) if file in mine]
        try:
            used |= _cut_scene(scene, its_own, cut, found)
        except SourceError as error:
            problems.append(str(error))
    if problems and not (cut.skip_unfit and found.full):
        raise SourceError(listing(problems))
    found.skipped += [Skip(UNFIT, told_from(scenes[0].image.parent, problem)) for problem in problems]
    everywhere = [one.place for layer in layers for one in layer.features]
    found.skipped += [Skip("polygon outside every scene", place) for place in everywhere if place not in used]
    return names, read_polygons


def _with_truth(
    scenes: Sequence[Item], truth: Path, files: Sequence[Path], found: Found
) -> list[tuple[Item, set[Path]]]:
    """Each scene with its files: those of its name, or the one for all."""
    if truth.is_file() or (len(files) == 1 and len(scenes) > 1):
        found.notes.append(f"{files[0].name} holds the truth of all scenes")
        return [(scene, set(files)) for scene in scenes]
    pairs = [(scene, {file for file in files if file.stem == scene.image.stem}) for scene in scenes]
    if not any(mine for _, mine in pairs):
        raise SourceError(
            f"{truth}: no file is named as a scene is ({files[0].name}, {scenes[0].image.name}); "
            "give them the same names, or give one file for all scenes"
        )
    found.skipped += [Skip("scene without truth", scene.stem) for scene, mine in pairs if not mine]
    taken = {file for _, mine in pairs for file in mine}
    found.skipped += [Skip("truth without a scene", file.name) for file in files if file not in taken]
    return [(scene, mine) for scene, mine in pairs if mine]


def _cut_scene(scene: Item, layers: Sequence[scene_vectors.Layer], cut: Cut, found: Found) -> set[str]:
    """Adds the tiles of one scene; the places of polygons that reach into it."""
    with open_raster(scene.image) as dataset:
        found.skipped += [Skip(FURTHER, scene.image.name)] if has_pages(dataset) else []
        grid = grid_of(dataset, cut.gsd)
        if not grid.crs:
            raise SourceError(f"{scene.image}: has no CRS, so that polygons can't be laid on it; use raster truth")
        if grid.approximate:
            found.notes.append(f"{scene.image.name}: laid on the ground by its control points")
        shapes = [shape for layer in layers for shape in _in_pixels(dataset, grid, layer)]
        tiles = scene_tiles.windows(grid.width, grid.height, cut.tile, cut.overlap)
        used: set[str] = set()
        fragments = cut_polygons(shapes, tiles, (grid.width, grid.height), cut.least_seen)
        for tile, mine in track(zip(tiles, fragments, strict=True), len(tiles), scene.stem, unit="tile"):
            used |= {fragment.place for fragment in mine}
            full = any(fragment.shown for fragment in mine)
            scene_tiles.add_tile(dataset, grid, scene, tile, mine, full, cut, found)
    return used


def _in_pixels(dataset: Any, grid: Grid, layer: scene_vectors.Layer) -> list[Shape]:
    import shapely
    from rasterio.warp import transform

    geometries = [one.geometry for one in layer.features]
    if not geometries:
        return []
    points, part = shapely.get_coordinates(shapely.get_parts(geometries), return_index=True)
    x, y = (np.asarray(axis) for axis in transform(layer.crs, grid.crs, *points.T)[:2])
    # As a whole: a polygon on the far side of the Earth would be torn, and lie across the scene.
    middles = np.bincount(part, x) / np.bincount(part)
    placed = shapely.set_coordinates(
        shapely.force_2d(geometries), to_pixels(dataset, grid, beside(grid, x, middles[part]), y)
    )
    left, top, right, bottom = shapely.bounds(placed).T
    # Places that the scene's CRS does not reach come back as infinities, and are left out here too.
    near = np.isfinite(right - left + bottom - top)
    near &= (right > 0) & (left < grid.width) & (bottom > 0) & (top < grid.height)
    return [
        Shape(_valid(placed[at]), layer.features[at].fields["class_id"], layer.features[at].place)
        for at in np.flatnonzero(near).tolist()
    ]


def _valid(geometry: Any) -> Any:
    from shapely import make_valid

    return geometry if geometry.is_valid else polygonal(make_valid(geometry))


def cut_polygons(
    shapes: Sequence[Shape], tiles: Sequence[Window], size: tuple[int, int], least_seen: float
) -> Iterator[tuple[Fragment, ...]]:
    """For each tile, the polygons that reach into it; the share seen counts within the scene."""
    from shapely import STRtree, box

    scene = box(0, 0, *size)
    areas = [shape.geometry.intersection(scene).area for shape in shapes]
    tree = STRtree([shape.geometry for shape in shapes])
    for tile in tiles:
        frame = box(tile.x, tile.y, tile.x + tile.width, tile.y + tile.height)
        hits = sorted(tree.query(frame, predicate="intersects").tolist())
        cut = [_cut(shapes[hit], areas[hit], frame, tile, least_seen) for hit in hits]
        yield tuple(fragment for fragment in cut if fragment)


def _cut(shape: Shape, area: float, frame: Any, tile: Window, least_seen: float) -> Fragment | None:
    from shapely import affinity

    inside = shape.geometry.intersection(frame).area
    if inside <= 0:
        return None
    whole = bool(frame.contains(shape.geometry))
    geometry = shape.geometry if whole else polygonal(shape.geometry.intersection(frame.buffer(_MARGIN)))
    moved = affinity.translate(geometry, -tile.x, -tile.y)
    return Fragment(moved.wkb, shape.class_id, shape.place, whole, inside >= least_seen * area)


def read_polygons(item: Item, width: int, height: int) -> LabelledImage:
    """The truth of a tile from its fragments."""
    found, skipped = [], []
    hidden: Bitmap = np.zeros((height, width), np.uint8)
    for fragment in item.payload:
        bitmap, x, y, touched = _rasterize(fragment, width, height)
        place = f"{item.stem}: {fragment.place}"
        if touched:
            skipped.append(Skip(NO_CENTRE, place))
        if not bitmap.any():
            skipped.append(Skip(SLIVER, place))
        elif fragment.shown:
            found.append(_instance(fragment, bitmap, x, y, width, height))
        else:
            skipped.append(Skip(HIDDEN, place))
            hidden[y : y + bitmap.shape[0], x : x + bitmap.shape[1]] |= bitmap
    ignore = None
    if hidden.any():
        for one in found:
            hidden &= 1 - rle.decode(one.rle, width, height)
        ignore = rle.encode(hidden) if hidden.any() else None
    return LabelledImage(width, height, tuple(found), ignore, tuple(skipped))


def _instance(fragment: Fragment, bitmap: Bitmap, x: int, y: int, width: int, height: int) -> Instance:
    one = instances.from_bitmap(
        bitmap, fragment.class_id, x=x, y=y, width=width, height=height, source_id=fragment.place
    )
    assert one is not None
    return one


def _rasterize(fragment: Fragment, width: int, height: int) -> tuple[Bitmap, int, int, bool]:
    """A crop of the bitmap, where it lies, and whether only touched pixels gave one."""
    from rasterio.features import rasterize
    from rasterio.transform import Affine
    from shapely import from_wkb

    geometry = from_wkb(fragment.wkb)
    left, top, right, bottom = geometry.bounds
    x, y = min(max(math.floor(left), 0), width - 1), min(max(math.floor(top), 0), height - 1)
    shape = max(min(math.ceil(bottom), height) - y, 1), max(min(math.ceil(right), width) - x, 1)
    settings = {"out_shape": shape, "transform": Affine.translation(x, y), "dtype": "uint8"}
    bitmap = rasterize([(geometry, 1)], **settings)
    touched = fragment.whole and not bitmap.any()
    if touched:
        bitmap = rasterize([(geometry, 1)], all_touched=True, **settings)
    return bitmap, x, y, touched
