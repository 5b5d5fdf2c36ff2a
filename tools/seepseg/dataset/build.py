"""One image at a time, in worker processes: read it and its labels, write both, remember the rest."""

import json
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg import outline, rle
from seepseg.dataset.fidelity import measure_classes
from seepseg.errors import SeepsegError
from seepseg.raster import Picture, open_picture
from seepseg.scaling import Rule
from seepseg.splits.twins import Fingerprint, fingerprint
from seepseg.values import FURTHER, Instance, Item, LabelledImage, Skip
from seepseg.workers import Crew, in_order

CHUNK = 16
"""Images a worker takes at once."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every image of a conversion shares."""

    read: Callable[[Item, int, int], LabelledImage]
    staging: Path
    class_count: int
    imgsz: int
    parts: str | None
    """join or split; None joins what a source drew and splits what was traced, which a seam would not paint exactly."""
    rule: Rule | None
    gsd: float | None
    link: bool


@dataclass(frozen=True, slots=True)
class Built:
    """One image written, and what the rest of the conversion needs to know of it."""

    file: str
    width: int
    height: int
    sha256: str
    rendered: bool
    counts: tuple[int, ...]
    fingerprint: Fingerprint
    georeference: dict[str, Any] | None
    ignore: str | None
    fidelity: tuple[float, ...]
    skipped: tuple[Skip, ...]
    annotations: str
    """One JSON object a line, without the ids that are given at the end."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An image that could not be read: its sentence, to be told together with the others."""

    sentence: str


def build_all(
    items: Sequence[Item], measured: frozenset[int], job: Job, workers: int | Crew
) -> Generator[Built | Failed, None, None]:
    """Each item built, in order; `measured` are the positions whose fidelity is taken."""
    tasks = [
        [(item, start + offset in measured) for offset, item in enumerate(items[start : start + CHUNK])]
        for start in range(0, len(items), CHUNK)
    ]
    for done in in_order(partial(_build_chunk, job), tasks, workers):
        yield from done


def _build_chunk(job: Job, task: list[tuple[Item, bool]]) -> list[Built | Failed]:
    done: list[Built | Failed] = []
    for item, measure in task:
        try:
            done.append(build(item, job, measure=measure))
        except SeepsegError as error:
            done.append(Failed(str(error)))
    return done


def build(item: Item, job: Job, *, measure: bool) -> Built:
    """Write one image and its labels into the staging folder."""
    picture = open_picture(item, job.rule, gsd=job.gsd)
    height, width = picture.pixels.shape[:2]
    truth = job.read(item, width, height)
    rows, owners = label_rows(truth, job.imgsz, job.parts)
    file = item.stem + picture.suffix
    path = f"{job.staging}/images/{file}"
    if picture.rendered or not job.link or not _link(item.image, path):
        _write(path, picture.stored)
    _write(f"{job.staging}/labels/{item.stem}.txt", outline.format_rows(rows).encode())
    ignore = _ignored(truth, picture)
    counts = np.bincount([one.class_id for one in truth.instances], minlength=job.class_count)
    return Built(
        file=file,
        width=width,
        height=height,
        sha256=picture.source_sha256,
        rendered=picture.rendered,
        counts=tuple(counts.tolist()),
        fingerprint=fingerprint(picture.pixels),
        georeference=picture.georeference,
        ignore=ignore.decode() if ignore else None,
        fidelity=_fidelity(truth, rows, job.imgsz) if measure else (),
        skipped=(*truth.skipped, *([Skip(FURTHER, item.image.name)] if picture.several else [])),
        annotations="".join(
            _annotation(one, mine, width, height) for one, mine in zip(truth.instances, owners, strict=True)
        ),
    )


Rows = list[tuple[int, NDArray[np.float64]]]


def label_rows(truth: LabelledImage, imgsz: int, parts: str | None) -> tuple[Rows, list[list[int]]]:
    """The rows of a label file, and for each instance which of them are its own."""
    rings = [ring for one in truth.instances for ring in one.outlines]
    placed = iter(outline.place(rings, truth.width, truth.height, imgsz))
    rows: Rows = []
    owners = []
    for one in truth.instances:
        polygons = [next(placed) for _ in one.outlines]
        drawn = one.outlines[0].inward is None
        if len(polygons) > 1 and (parts or ("join" if drawn else "split")) == "join":
            polygons = [outline.join_parts(polygons)]
        owners.append(list(range(len(rows), len(rows) + len(polygons))))
        rows += [(one.class_id, polygon) for polygon in polygons]
    return _apart(rows), owners


def _apart(rows: Rows) -> Rows:
    """Two rows of one class and one box are one object to Ultralytics: a hair's breadth keeps them apart."""
    taken: set[tuple[int, bytes]] = set()
    for index, box in enumerate(outline.boxes_as_read([polygon for _, polygon in rows])):
        class_id, polygon = rows[index]
        while (class_id, box) in taken:
            polygon = outline.shrink(polygon)
            rows[index] = (class_id, polygon)
            (box,) = outline.boxes_as_read([polygon])
        taken.add((class_id, box))
    return rows


def _link(image: Path, path: str) -> bool:
    """A second name for the same file, where disk and owner allow it."""
    source = os.path.realpath(image) if os.path.islink(image) else image
    try:
        try:
            os.link(source, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.link(source, path)
    except OSError:
        return False
    return True


def _write(path: str, content: bytes) -> None:
    try:
        with open(path, "xb") as file:
            file.write(content)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(content)


def _ignored(truth: LabelledImage, picture: Picture) -> bytes | None:
    if picture.nodata is None or not picture.nodata.any():
        return truth.ignore
    if truth.ignore is None:
        return rle.encode(picture.nodata)
    return rle.encode(picture.nodata | rle.decode(truth.ignore, truth.width, truth.height))


def _fidelity(truth: LabelledImage, rows: Rows, imgsz: int) -> tuple[float, ...]:
    mine: dict[int, list[bytes]] = {}
    for one in truth.instances:
        mine.setdefault(one.class_id, []).append(one.rle)
    unions = {class_id: rle.union(rles, truth.width, truth.height) for class_id, rles in mine.items()}
    return tuple(measure_classes(rows, unions, truth.width, truth.height, imgsz).values())


def _annotation(one: Instance, rows: list[int], width: int, height: int) -> str:
    """As json.dumps would write it, in a tenth of the time; of the letters of run lengths it escapes one."""
    x, y, columns, height_px = one.bbox
    counts = one.rle.decode().replace("\\", "\\\\")
    source_id = one.source_id if type(one.source_id) is int else json.dumps(one.source_id)
    return (
        f'{{"category_id":{one.class_id},'
        f'"segmentation":{{"size":[{height},{width}],"counts":"{counts}"}},'
        f'"area":{one.area},"bbox":[{x},{y},{columns},{height_px}],"iscrowd":{int(one.crowd)},'
        f'"source_id":{source_id},"rows":{rows}}}\n'
    )
