"""One image at a time, in worker processes: read it and its labels, write both, remember the rest."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg import outline, rle
from seepseg.dataset.fidelity import measure_fidelity
from seepseg.errors import SeepsegError, SourceError
from seepseg.raster import Picture, open_picture
from seepseg.scaling import Rule
from seepseg.splits.twins import Fingerprint, fingerprint
from seepseg.values import Instance, Item, LabelledImage, Skip

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


def build_all(items: Sequence[Item], measured: frozenset[int], job: Job, workers: int) -> Iterator[Built | Failed]:
    """Each item built, in order; `measured` are the positions whose fidelity is taken."""
    tasks = [
        [(item, start + offset in measured) for offset, item in enumerate(items[start : start + CHUNK])]
        for start in range(0, len(items), CHUNK)
    ]
    if workers <= 1 or len(tasks) == 1:
        for task in tasks:
            yield from _build_chunk(job, task)
        return
    with ProcessPoolExecutor(min(workers, len(tasks)), get_context("spawn"), _start, (job,)) as pool:
        waiting: list[Future[list[Built | Failed]]] = []
        try:
            for task in tasks:
                waiting.append(pool.submit(_build_here, task))
                if len(waiting) > 4 * workers:
                    yield from waiting.pop(0).result()
            while waiting:
                yield from waiting.pop(0).result()
        except BrokenProcessPool:
            raise SourceError(
                "a worker process was ended from outside, most likely for want of memory; try --workers 1"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


_job: Job


def _start(job: Job) -> None:
    import cv2

    global _job
    _job = job
    cv2.setNumThreads(1)


def _build_here(task: list[tuple[Item, bool]]) -> list[Built | Failed]:
    return _build_chunk(_job, task)


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
    _write(job.staging / "images" / file, picture.stored)
    text = "".join(outline.format_row(class_id, polygon) + "\n" for class_id, polygon in rows)
    _write(job.staging / "labels" / f"{item.stem}.txt", text.encode())
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
        skipped=truth.skipped,
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
    taken: set[tuple[float, ...]] = set()
    for one in truth.instances:
        polygons = [next(placed) for _ in one.outlines]
        drawn = one.outlines[0].inward is None
        if len(polygons) > 1 and (parts or ("join" if drawn else "split")) == "join":
            polygons = [outline.join_parts(polygons)]
        owners.append(list(range(len(rows), len(rows) + len(polygons))))
        rows += [(one.class_id, _apart(one.class_id, polygon, taken)) for polygon in polygons]
    return rows, owners


def _apart(class_id: int, polygon: NDArray[np.float64], taken: set[tuple[float, ...]]) -> NDArray[np.float64]:
    """Two rows of one class and one box are one object to Ultralytics, which drops the second: a hair's breadth keeps
    them apart."""
    while True:
        corners = np.concatenate([polygon.min(axis=0), polygon.max(axis=0)], dtype=np.float32)
        box = (class_id, *corners.tolist())
        if box not in taken:
            taken.add(box)
            return polygon
        polygon = polygon * (1 - 2e-7)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


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
    unions = [(class_id, rle.union(rles, truth.width, truth.height)) for class_id, rles in mine.items()]
    return tuple(measure_fidelity(rows, unions, truth.width, truth.height, imgsz).classes.values())


def _annotation(one: Instance, rows: list[int], width: int, height: int) -> str:
    annotation = {
        "category_id": one.class_id,
        "segmentation": {"size": [height, width], "counts": one.rle.decode()},
        "area": one.area,
        "bbox": one.bbox,
        "iscrowd": int(one.crowd),
        "source_id": one.source_id,
        "rows": rows,
    }
    return json.dumps(annotation, separators=(",", ":")) + "\n"
