"""One image of a COCO source: its annotations as instances, in the worker that writes it."""

from dataclasses import dataclass

import numpy as np

from seepseg import instances
from seepseg.errors import SourceError
from seepseg.labels.coco_json import Annotation, locate
from seepseg.labels.coco_shapes import Runs, read_polygons
from seepseg.labels.polygons import fit_polygons
from seepseg.values import Instance, Item, LabelledImage, Skip

DUPLICATE = "annotation given twice"
RUNS_SIZE = "run lengths of another size than the image"
EMPTY_RUNS = "empty run lengths"
SCALED = "scaled from the size in the JSON"

_Drawn = tuple[bytes, ...] | Runs


@dataclass(frozen=True, slots=True)
class Listed:
    """What a worker needs to know of one image. The size is the JSON's, if it gives one."""

    json: str
    size: tuple[int, int] | None
    annotations: tuple[tuple[int, Annotation], ...]
    """Class id and annotation."""


def read_image(item: Item, width: int, height: int) -> LabelledImage:
    """The annotations of one image as instances; each that is not, or not as drawn, is told in `skipped`."""
    listed: Listed = item.payload
    scale = _scale(item, width, height)
    skipped = [] if scale is None else [Skip(SCALED, f"{listed.json}: {item.image.name}")]
    found: list[Instance] = []
    seen: set[tuple[int, _Drawn]] = set()
    for class_id, annotation in listed.annotations:
        place = f"{locate(listed.json, annotation.id, annotation.row)} of {item.image.name}"
        drawn, broken = _decode(annotation, place)
        reasons = [broken]
        if drawn and (class_id, drawn) in seen:
            reasons = [DUPLICATE]
        elif drawn:
            seen.add((class_id, drawn))
            instance, changed = _make(class_id, annotation, drawn, width, height, scale)
            found += [instance] if instance else []
            reasons.append(changed)
        skipped += [Skip(reason, place) for reason in reasons if reason]
    return LabelledImage(width, height, tuple(found), skipped=tuple(skipped))


def _decode(annotation: Annotation, place: str) -> tuple[_Drawn, str | None]:
    if isinstance(annotation.shape, Runs):
        return annotation.shape, None
    try:
        return read_polygons(annotation.shape)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{place}: segmentation is not readable as JSON: {error}; export it again") from None


def _make(
    class_id: int,
    annotation: Annotation,
    drawn: _Drawn,
    width: int,
    height: int,
    scale: tuple[float, float] | None,
) -> tuple[Instance | None, str | None]:
    crowd, source_id = annotation.crowd, annotation.id
    if isinstance(drawn, Runs):
        if (drawn.width, drawn.height) != (width, height):
            return None, RUNS_SIZE
        instance = instances.from_rle(drawn.counts, width, height, class_id, crowd=crowd, source_id=source_id)
        return instance, None if instance else EMPTY_RUNS
    parts = [np.frombuffer(part).reshape(-1, 2) for part in drawn]
    if scale is not None:
        with np.errstate(over="ignore"):
            parts = [part * scale for part in parts]
    return fit_polygons(parts, width, height, class_id, crowd=crowd, source_id=source_id)


def _scale(item: Item, width: int, height: int) -> tuple[float, float] | None:
    """From pixels of the JSON to pixels of the file; None where they are the same."""
    listed: Listed = item.payload
    if listed.size is None or listed.size == (width, height):
        return None
    known = (
        f"{listed.json}: {item.image.name} is {width}x{height} px, but {listed.size[0]}x{listed.size[1]} in the JSON"
    )
    across, down = width / listed.size[0], height / listed.size[1]
    if abs(listed.size[1] * across - height) >= 1 and abs(listed.size[0] * down - width) >= 1:
        turned = "it was turned after labelling; " if listed.size == (height, width) else ""
        raise SourceError(f"{known}, and no resized copy of that: {turned}put the file or the JSON right")
    if any(isinstance(annotation.shape, Runs) for _, annotation in listed.annotations):
        raise SourceError(f"{known}, and run lengths are not scaled: resize the file to the JSON's size")
    return across, down
