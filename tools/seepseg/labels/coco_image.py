"""One image of a COCO source: its annotations as instances, in the worker that writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seepseg import instances
from seepseg.errors import SourceError
from seepseg.instances import Drawn
from seepseg.labels.coco_json import Annotation, locate
from seepseg.labels.coco_scan import Unread
from seepseg.labels.coco_shapes import Parts, Runs, Shape, read_polygons, read_together, text_of
from seepseg.labels.polygons import fit_all
from seepseg.values import Instance, Item, LabelledImage, Skip

DUPLICATE = "annotation given twice"
RUNS_SIZE = "run lengths of another size than the image"
EMPTY_RUNS = "empty run lengths"
SCALED = "scaled from the size in the JSON"

_Decoded = Parts | Runs


@dataclass(frozen=True, slots=True)
class Listed:
    """What a worker needs to know of one image. The size is the JSON's, if it gives one."""

    json: str
    size: tuple[int, int] | None
    annotations: tuple[tuple[int, Annotation], ...]
    """Class id and annotation."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to a worker in columns, which takes a fifth of the time."""
        rows = [(class_id, *one[:-1], _sent(one.shape)) for class_id, one in self.annotations]
        return _receive, (self.json, self.size, *zip(*rows, strict=True))


def _sent(shape: Shape) -> str | Runs:
    return shape if isinstance(shape, Runs) else text_of(shape)


def _receive(json: str, size: tuple[int, int] | None, *columns: tuple[Any, ...]) -> Listed:
    rows = zip(*columns, strict=True)
    return Listed(json, size, tuple((class_id, Annotation(*fields)) for class_id, *fields in rows))


class _Row(NamedTuple):
    """One annotation: what is to be drawn of it, and a reason where something is amiss."""

    class_id: int
    annotation: Annotation
    drawn: _Decoded
    reason: str | None


def read_image(item: Item, width: int, height: int) -> LabelledImage:
    """The annotations of one image as instances; each that is not, or not as drawn, is told in `skipped`."""
    listed: Listed = item.payload
    scale = _scale(item, width, height)
    skipped = [] if scale is None else [Skip(SCALED, f"{listed.json}: {item.image.name}")]
    rows = _without_twice(listed, _decode(item))
    made = _make([row for row in rows if row.drawn], width, height, scale)
    found: list[Instance] = []
    for row in rows:
        instance, changed = next(made) if row.drawn else (None, None)
        if instance:
            found.append(instance)
        skipped += [Skip(reason, _locate(item, row.annotation)) for reason in (row.reason, changed) if reason]
    return LabelledImage(width, height, tuple(found), skipped=tuple(skipped))


def _decode(item: Item) -> list[tuple[_Decoded, str | None]]:
    listed: Listed = item.payload
    shapes = [annotation.shape for _, annotation in listed.annotations]
    together = iter(read_together([text_of(shape) for shape in shapes if not isinstance(shape, Runs)]) or ())
    return [
        (one.shape, None) if isinstance(one.shape, Runs) else next(together, None) or _decode_one(item, one, one.shape)
        for _, one in listed.annotations
    ]


def _decode_one(item: Item, annotation: Annotation, shape: str | Unread) -> tuple[_Decoded, str | None]:
    try:
        return read_polygons(text_of(shape))
    except (ValueError, RecursionError) as error:
        place = _locate(item, annotation)
        raise SourceError(f"{place}: segmentation is not readable as JSON: {error}; export it again") from None


def _locate(item: Item, annotation: Annotation) -> str:
    return f"{locate(item.payload.json, annotation.id, annotation.row)} of {item.image.name}"


def _without_twice(listed: Listed, decoded: Sequence[tuple[_Decoded, str | None]]) -> list[_Row]:
    rows = []
    seen: set[tuple[int, _Decoded]] = set()
    for (class_id, annotation), (drawn, reason) in zip(listed.annotations, decoded, strict=True):
        known = len(seen)
        seen.add((class_id, drawn))
        if drawn and len(seen) == known:
            drawn, reason = (), DUPLICATE
        rows.append(_Row(class_id, annotation, drawn, reason))
    return rows


def _make(
    rows: Sequence[_Row], width: int, height: int, scale: tuple[float, float] | None
) -> Iterator[tuple[Instance | None, str | None]]:
    polygons = [
        Drawn([_points(part, scale) for part in row.drawn], row.class_id, row.annotation.crowd, row.annotation.id)
        for row in rows
        if not isinstance(row.drawn, Runs)
    ]
    fitted = iter(fit_all(polygons, width, height))
    for row in rows:
        yield _from_runs(row, row.drawn, width, height) if isinstance(row.drawn, Runs) else next(fitted)


def _points(part: bytes, scale: tuple[float, float] | None) -> NDArray[np.float64]:
    points = np.frombuffer(part).reshape(-1, 2)
    if scale is None:
        return points
    with np.errstate(over="ignore"):
        return points * scale


def _from_runs(row: _Row, runs: Runs, width: int, height: int) -> tuple[Instance | None, str | None]:
    if (runs.width, runs.height) != (width, height):
        return None, RUNS_SIZE
    crowd, source_id = row.annotation.crowd, row.annotation.id
    instance = instances.from_rle(runs.counts, width, height, row.class_id, crowd=crowd, source_id=source_id)
    return instance, None if instance else EMPTY_RUNS


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
