"""Folders of LabelMe's JSON files, one beside each image; AnyLabeling and X-AnyLabeling write the same."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath

import numpy as np

from seepseg import instances, rle
from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels.labelme_file import BOXES, LINES, Drawing, Shape, outline_of, read_drawing
from seepseg.labels.pictures import Picture, list_pictures, own_splits, own_stems
from seepseg.labels.polygons import fit_polygons
from seepseg.values import Bitmap, Instance, Item, LabelledImage, Skip, Source
from seepseg.wording import count, verb

UNLISTED = ("skip", "background")
ERASER, IGNORED = "_background_", "__ignore__"
"""Labels that LabelMe itself gives a meaning: what is painted over what lies below, and what is neither."""


def read_labelme(
    source: Path,
    *,
    images: Path | None = None,
    names: Sequence[str] | None = None,
    boxes: str = "refuse",
    unlisted: str = "skip",
) -> Source:
    """Every JSON below `source` with the image that it names; classes in order of their names unless `names` says
    another. Shapes of one label and group are one object."""
    if unlisted not in UNLISTED:
        raise UsageError(f"--unlisted {unlisted}: choose among {', '.join(UNLISTED)}")
    pictures, others = list_pictures(source)
    files = [path for path in others if path.lower().endswith(".json")]
    root = source if images is None else images
    pictures = pictures if images is None else list_pictures(images)[0]
    drawings, skipped = _read_all(source, files)
    skipped += [Skip("not a picture", path) for path in others if path not in set(files)]
    owners, missing = _find_pictures(drawings, pictures, root)
    classes = _classes(drawings.values(), names)
    problems = [*_unnamed(drawings, classes), *_boxed(drawings, boxes)]
    if problems:
        raise SourceError(listing(problems))
    rest = [picture for picture in pictures if picture not in owners]
    if unlisted == "skip":
        skipped += [Skip("image without a JSON", picture.path) for picture in rest]
        pictures = [picture for picture in pictures if picture in owners]
    splits, notes = own_splits(pictures)
    items = tuple(
        Item(root / picture.path, stem, owners.get(picture), split)
        for picture, stem, split in zip(pictures, own_stems(pictures), splits, strict=True)
    )
    settings = {"names": list(classes), "boxes": boxes, "unlisted": unlisted}
    read = partial(_read, root=source, classes=classes)
    told = _notes(classes, len(rest), unlisted)
    return Source("labelme", source, classes, items, read, settings, (*skipped, *missing), (*told, *notes))


def _read_all(source: Path, files: Sequence[str]) -> tuple[dict[str, Drawing], list[Skip]]:
    drawings, skipped, problems = {}, [], []
    for path in files:
        try:
            drawing = read_drawing(source / path, path)
        except SourceError as error:
            problems.append(str(error))
            continue
        if drawing is None:
            skipped.append(Skip("JSON without shapes, so not LabelMe's", path))
        else:
            drawings[path] = drawing
    if problems:
        raise SourceError(listing(problems))
    if not drawings:
        raise SourceError(f"{source}: no JSON of LabelMe in it (one with 'shapes', beside each image)")
    return drawings, skipped


def _find_pictures(
    drawings: dict[str, Drawing], pictures: Sequence[Picture], root: Path
) -> tuple[dict[Picture, str], list[Skip]]:
    """The JSON of each picture: by the path in it, else by the name alone, else by the JSON's own."""
    known: dict[str, list[Picture]] = {}
    twins: dict[str, list[Picture]] = {}
    for picture in pictures:
        twins.setdefault(_bare(picture.path), []).append(picture)
        for key in {picture.path, picture.stem + picture.extension}:
            known.setdefault(key, []).append(picture)
    owners: dict[Picture, str] = {}
    missing, problems = [], []
    for path, drawing in drawings.items():
        keys = _named(PurePosixPath(path).parent, drawing.image.replace("\\", "/")) if drawing.image else ()
        found = next((known[key] for key in keys if key in known), twins.get(_bare(path), []))
        if not found:
            missing.append(Skip("image file missing", f"{drawing.image or path} ({path})"))
        elif len(found) > 1:
            problems.append(f"{path}: its image may be any of {', '.join(picture.path for picture in found)}")
        elif owners.setdefault(found[0], path) != path:
            problems.append(f"{path}: {owners[found[0]]} is of the same image, {found[0].path}; remove one")
    if problems:
        raise SourceError(listing(problems))
    if not owners:
        raise SourceError(
            f"{root}: of {count(len(missing), 'image')} that the JSON files name it holds none; say where they are "
            "with --images"
        )
    return owners, missing


def _named(folder: PurePosixPath, image: str) -> tuple[str, ...]:
    """Where an image may lie: where its path leads from the JSON's folder, beside the JSON, or anywhere."""
    parts: list[str] = []
    for part in (folder / image).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    name = PurePosixPath(image).name
    return "/".join(parts), str(folder / name), name


def _bare(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _classes(drawings: Iterable[Drawing], names: Sequence[str] | None) -> tuple[str, ...]:
    found = {shape.label for drawing in drawings for shape in drawing.shapes if shape.kind not in LINES}
    classes = tuple(names or sorted(found - {ERASER, IGNORED}))
    if not classes:
        raise SourceError("no shape has a label and an area; give the classes with --names")
    return classes


def _unnamed(drawings: dict[str, Drawing], classes: Sequence[str]) -> list[str]:
    known = {*classes, ERASER, IGNORED}
    return [
        f"{path}: shape {shape.number} is {shape.label}, which is not in --names"
        for path, drawing in drawings.items()
        for shape in drawing.shapes
        if shape.kind not in LINES and shape.label not in known
    ]


def _boxed(drawings: dict[str, Drawing], boxes: str) -> list[str]:
    if boxes != "refuse":
        return []
    found = [
        f"{path}: shape {shape.number}"
        for path, drawing in drawings.items()
        for shape in drawing.shapes
        if shape.kind in BOXES
    ]
    if not found:
        return []
    first = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
    what = f"{count(len(found), 'shape')} {verb(len(found), 'is a box', 'are boxes')}"
    return [f"{what} without an outline ({first}); --boxes box makes box-shaped masks of them"]


def _notes(classes: Sequence[str], rest: int, unlisted: str) -> list[str]:
    notes = [f"classes: {', '.join(classes)}"]
    if rest:
        fate = "left out" if unlisted == "skip" else "kept as backgrounds"
        notes.append(f"{count(rest, 'image')} {verb(rest)} without a JSON: {fate} (--unlisted background or skip)")
    return notes


def _read(item: Item, width: int, height: int, *, root: Path, classes: Sequence[str]) -> LabelledImage:
    drawing = read_drawing(root / item.payload, item.payload) if item.payload else None
    if drawing is None:
        return LabelledImage(width, height)
    if drawing.size not in (None, (width, height)):
        told = "x".join(map(str, drawing.size or ()))
        raise SourceError(
            f"{item.payload}: {item.image.name} is {width}x{height} px, but {told} in the JSON: it was resized or "
            "turned after labelling; put the file or the JSON right"
        )
    found: list[tuple[int, Instance]] = []
    skipped: list[Skip] = []
    for parts in _objects(drawing.shapes, item.payload, skipped):
        class_id = classes.index(parts[0].label) if parts[0].label in classes else 0
        instance, reason = _make(parts, width, height, class_id)
        where = f"{item.payload}: shape {parts[0].number}"
        if reason:
            skipped.append(Skip(reason, where))
        if parts[0].label == ERASER and instance:
            found = _erase(found, instance, width, height, where, skipped)
        elif instance:
            found.append((parts[0].number, instance))
    ignored = [one.rle for number, one in found if drawing.shapes[number - 1].label == IGNORED]
    kept = tuple(one for number, one in found if drawing.shapes[number - 1].label != IGNORED)
    ignore = rle.union(ignored, width, height) if ignored else None
    return LabelledImage(width, height, kept, ignore, tuple(skipped))


def _objects(shapes: Sequence[Shape], file: str, skipped: list[Skip]) -> list[list[Shape]]:
    """Shapes that are one object each, in the order of their last: what comes later lies above."""
    seen: set[tuple[str, str, bytes, bytes]] = set()
    kept = []
    for shape in shapes:
        bits = b"" if shape.bitmap is None else shape.bitmap.tobytes()
        drawn = shape.label, shape.kind, shape.points.tobytes(), bits
        reason = _unusable(shape) or ("shape given twice" if drawn in seen else None)
        seen.add(drawn)
        if reason:
            skipped.append(Skip(reason, f"{file}: shape {shape.number}"))
        else:
            kept.append(shape)

    def key(shape: Shape) -> tuple[str, str]:
        return (shape.label, f"group {shape.group}") if shape.group is not None else ("", f"shape {shape.number}")

    together = [list(some) for _, some in groupby(sorted(kept, key=key), key=key)]
    return sorted(together, key=lambda some: some[-1].number)


def _unusable(shape: Shape) -> str | None:
    if shape.kind in LINES:
        return f"{shape.kind}, which has no area"
    if shape.kind not in ("polygon", "circle", "mask", *BOXES):
        return f"{shape.kind}, which is no kind of shape known here"
    if shape.kind == "mask":
        return None if len(shape.points) and np.isfinite(shape.points).all() else "mask without a place"
    return "shape of too few points" if outline_of(shape) is None else None


def _make(parts: Sequence[Shape], width: int, height: int, class_id: int) -> tuple[Instance | None, str | None]:
    source_id = parts[0].number
    outlines = [outline for part in parts if (outline := outline_of(part)) is not None and part.bitmap is None]
    drawn, reason = fit_polygons(outlines, width, height, class_id, source_id=source_id) if outlines else (None, None)
    bitmaps = [part for part in parts if part.bitmap is not None]
    if not bitmaps:
        return drawn, reason or ("box taken as the mask" if any(part.kind in BOXES for part in parts) else None)
    whole = np.zeros((height, width), np.uint8) if drawn is None else rle.decode(drawn.rle, width, height)
    for part in bitmaps:
        whole |= _placed(part, width, height)
    made = instances.from_bitmap(whole, class_id, source_id=source_id)
    return made, reason or (None if made else "empty mask")


def _placed(shape: Shape, width: int, height: int) -> Bitmap:
    """A mask in its image; what reaches beyond is cut off."""
    assert shape.bitmap is not None
    x, y = np.clip(np.rint(shape.points[0]), -1e6, 1e6).astype(int).tolist()
    rows, columns = shape.bitmap.shape
    whole = np.zeros((height, width), np.uint8)
    top, left = min(max(y, 0), height), min(max(x, 0), width)
    bottom, right = max(min(y + rows, height), top), max(min(x + columns, width), left)
    whole[top:bottom, left:right] = shape.bitmap[top - y : bottom - y, left - x : right - x]
    return whole


def _erase(
    found: list[tuple[int, Instance]], eraser: Instance, width: int, height: int, where: str, skipped: list[Skip]
) -> list[tuple[int, Instance]]:
    """What lies below loses these pixels: the way to draw a hole in LabelMe."""
    gone = rle.decode(eraser.rle, width, height) > 0
    kept = []
    for number, one in found:
        bitmap = rle.decode(one.rle, width, height)
        if not (bitmap[gone]).any():
            kept.append((number, one))
            continue
        bitmap[gone] = 0
        rest = instances.from_bitmap(bitmap, one.class_id, source_id=one.source_id)
        skipped.append(Skip(f"cut out by a {ERASER} shape" if rest else f"painted over by a {ERASER} shape", where))
        if rest:
            kept.append((number, rest))
    return kept
