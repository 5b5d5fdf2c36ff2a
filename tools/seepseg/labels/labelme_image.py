"""One image of a LabelMe source: its shapes as instances, in the worker that writes it."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from seepseg import instances, rle
from seepseg.errors import SourceError
from seepseg.labels.labelme_file import AREAS, BOXES, ERASER, IGNORED, LINES, Shape, outline_of, read_drawing
from seepseg.labels.polygons import MOST, NOT_NUMBERS, fit_polygons
from seepseg.values import Bitmap, Instance, Item, LabelledImage, Skip


def read_image(item: Item, width: int, height: int, *, root: Path, classes: Sequence[str]) -> LabelledImage:
    """The shapes that have an area as instances, holes cut out; each that is not, or not as drawn, is told."""
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
    if shape.kind not in AREAS:
        return f"{shape.kind}, which is no kind of shape known here"
    if not (np.abs(shape.points) < MOST).all():
        return NOT_NUMBERS
    if shape.kind == "mask":
        return None if len(shape.points) else "mask without a place"
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
    x, y = np.rint(shape.points[0]).astype(int).tolist()
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
        bitmap = rle.decode(one.rle, width, height) if _meet(one.bbox, eraser.bbox) else None
        if bitmap is None or not bitmap[gone].any():
            kept.append((number, one))
            continue
        bitmap[gone] = 0
        rest = instances.from_bitmap(bitmap, one.class_id, source_id=one.source_id)
        skipped.append(Skip(f"cut out by a {ERASER} shape" if rest else f"painted over by a {ERASER} shape", where))
        if rest:
            kept.append((number, rest))
    return kept


def _meet(one: rle.Box, other: rle.Box) -> bool:
    return all(one[axis] < other[axis] + other[axis + 2] and other[axis] < one[axis] + one[axis + 2] for axis in (0, 1))
