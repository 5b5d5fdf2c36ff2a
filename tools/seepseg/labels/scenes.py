"""Scenes with polygons or raster truth, cut into overlapping tiles that stay together in a split."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels import pictures, scene_tiles, scene_vectors
from seepseg.labels.pairing import pair
from seepseg.labels.scene_masks import cut_by_masks, fit
from seepseg.labels.scene_polygons import cut_by_polygons
from seepseg.labels.scene_tiles import Cut, Found
from seepseg.rasterfile import open_raster
from seepseg.values import UNFIT, Item, LabelledImage, Skip, Source
from seepseg.wording import count, told_from

_LEAST_TILE = 32
_OTHER_VECTORS = frozenset((".shp", ".kml", ".kmz", ".gml", ".fgb", ".gpx"))


def read_scenes(
    scenes: Path,
    truth: Path,
    *,
    tile: int = 640,
    overlap: int = 64,
    empty: float = 0.2,
    names: tuple[str, ...] | None = None,
    class_field: str | None = None,
    least_seen: float = 0.1,
    gsd: float | None = None,
    bands: tuple[int, ...] | None = None,
    nodata: float | None = None,
    seed: int = 0,
    unfit: str = "error",
) -> Source:
    """Tiles of every scene that has truth; `truth` is one file for all, or a folder with a file for each.

    `empty` is the share of tiles without objects that stays; an object of which a tile shows less than `least_seen`
    is ignored there. With a gsd, tiles count pixels of that size. A tile is left out whose `bands`, or the first, hold
    nothing but `nodata`. A scene that can't be converted is an error, or with `unfit` as "skip" left out and told.
    """
    _check(tile, overlap, empty, least_seen)
    cut = Cut(tile, overlap, empty, least_seen, gsd, seed, bands or (1,), nodata, unfit == "skip")
    files = _vector_files(truth)
    found = Found()
    read: Callable[[Item, int, int], LabelledImage]
    if files:
        names, read = cut_by_polygons(_scenes(scenes, truth), truth, files, cut, names, class_field, found)
    elif names is None:
        raise UsageError("raster truth has no class names in it; give them with --names, for the values 1, 2, ...")
    else:
        pairs = _mask_pairs(scenes, truth, found)
        read = cut_by_masks(_fitting(pairs, found) if cut.skip_unfit else pairs, cut, names, found)
    if not found.full and (files or not found.empty):
        raise SourceError(f"{truth}: no object of it lies in any scene of {scenes}; do both have the right CRS?")
    settings = {"tile": tile, "overlap": overlap, "empty": empty, "min_visible": least_seen, "seed": seed, "gsd": gsd}
    items, note = _thin_out(found, cut)
    return Source(
        kind="scenes",
        root=scenes,
        names=names,
        items=items,
        read=read,
        settings=settings | {"truth": "polygons" if files else "raster", "class_field": class_field},
        skipped=tuple(found.skipped),
        notes=(*found.notes, note),
    )


def _check(tile: int, overlap: int, empty: float, least_seen: float) -> None:
    problems = []
    if tile < _LEAST_TILE:
        problems.append(f"--tile {tile}: give at least {_LEAST_TILE} pixels")
    if not 0 <= overlap < tile:
        problems.append(f"--overlap {overlap}: give less than --tile, and not below 0")
    for flag, value in (("--empty", empty), ("--min-visible", least_seen)):
        if not 0 <= value <= 1:
            problems.append(f"{flag} {value:g}: give a share from 0 to 1")
    if problems:
        raise UsageError(listing(problems))


def _thin_out(found: Found, cut: Cut) -> tuple[tuple[Item, ...], str]:
    """All tiles with objects and a share of the others, in the order of their names."""
    kept = scene_tiles.choose_empty([item.stem for item in found.empty], cut.empty, cut.seed)
    found.skipped += [
        Skip("tile without objects, left out by --empty", item.stem) for item in found.empty if item.stem not in kept
    ]
    items = [*found.full, *(item for item in found.empty if item.stem in kept)]
    scenes = len({item.group for item in items})
    note = (
        f"{count(scenes, 'scene')} cut into tiles of {cut.tile} px: {len(found.full):,} with objects, "
        f"and {len(kept):,} of {len(found.empty):,} without (--empty {cut.empty:g})"
    )
    return tuple(sorted(items, key=lambda item: item.stem)), note


def _vector_files(truth: Path) -> list[Path]:
    """GeoJSON and GeoPackage; a .json beside masks is something else."""
    if truth.is_file():
        _refuse_vectors(truth, [truth.name])
        return [truth] if truth.suffix.lower() in scene_vectors.SUFFIXES else []
    found, others = pictures.list_pictures(truth)
    files = [truth / path for path in others if os.path.splitext(path)[1].lower() in scene_vectors.SUFFIXES]
    if not files and not found:
        _refuse_vectors(truth, others)
    if any(file.suffix.lower() != ".json" for file in files) or not found:
        return files
    return []


def _refuse_vectors(truth: Path, names: Sequence[str]) -> None:
    """Polygons in files of other kinds, which would be taken for a raster that can't be read."""
    other = next((name for name in names if os.path.splitext(name)[1].lower() in _OTHER_VECTORS), None)
    if other:
        raise SourceError(
            f"{truth}: polygons are read from GeoJSON and GeoPackage; export {other} as a GeoPackage, as QGIS does, "
            "with its fields"
        )


def _scenes(root: Path, truth: Path) -> list[Item]:
    """One item a scene; its stem is the group of its tiles."""
    if root.is_file():
        return [Item(root, root.stem)]
    found = pictures.list_pictures(root, without=truth if truth.is_dir() else None)[0]
    found = [one for one in found if not truth.is_file() or (root / one.path).resolve() != truth.resolve()]
    if not found:
        raise SourceError(f"{root}: holds no scenes")
    splits = pictures.own_splits(found)[0]
    stems = pictures.own_stems(found)
    return [Item(root / one.path, stem, split=split) for one, stem, split in zip(found, stems, splits, strict=True)]


def _mask_pairs(scenes: Path, truth: Path, found: Found) -> list[tuple[Item, Path]]:
    if truth.is_file():
        return [(item, truth) for item in _scenes(scenes, truth)]
    if scenes.is_file():
        raise SourceError(f"{truth}: is a folder, and {scenes} one scene; name the file of its truth")
    pairs = pair(scenes, truth, unmatched="skip")
    found.notes += pairs.notes
    found.skipped += pairs.skipped
    return [(item, truth / item.payload) for item in pairs.items]


def _fitting(pairs: list[tuple[Item, Path]], found: Found) -> list[tuple[Item, Path]]:
    """Those whose truth lies on its scene, the others told; all of them where none does, since that ends it anyway."""
    kept, left_out = [], []
    for scene, mask in pairs:
        try:
            with open_raster(scene.image) as dataset, open_raster(mask) as other:
                fit(dataset, other)
            kept.append((scene, mask))
        except SourceError as error:
            left_out.append(Skip(UNFIT, f"{scene.stem}: {told_from(mask.parent, str(error))}"))
    if not kept:
        return pairs
    found.skipped += left_out
    return kept
