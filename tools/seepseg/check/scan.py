"""Everything that one pass over the images and label files of a dataset tells, image by image."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seepseg.check.faults import inspect_image, inspect_labels
from seepseg.check.findings import Found
from seepseg.check.objects import Extent, inspect_objects, is_rectangle
from seepseg.dataset.layout import label_path
from seepseg.splits.twins import Fingerprint, fingerprint
from seepseg.workers import in_order

CHUNK = 32


@dataclass(frozen=True, slots=True)
class Scan:
    """One image and its labels."""

    found: list[Found]
    sha256: str | None
    fingerprint: Fingerprint | None
    labelled: bool
    rows: int
    rectangles: int
    classes: Counter[int]
    extents: list[Extent]


def scan_all(images: Sequence[Path], class_count: int, *, crossings: bool, workers: int) -> Iterator[Scan]:
    """Each image scanned, in order."""
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    scan = partial(_scan_chunk, class_count=class_count, crossings=crossings)
    for scans in in_order(scan, chunks, workers if len(chunks) > 2 else 1):
        yield from scans


def _scan_chunk(images: Sequence[Path], class_count: int, crossings: bool) -> list[Scan]:
    return [scan_image(image, class_count, crossings=crossings) for image in images]


def scan_image(image: Path, class_count: int, *, crossings: bool) -> Scan:
    """What is wrong with one image and its labels, and what the dataset's totals need of it."""
    picture = inspect_image(image)
    found = list(picture.found)
    if image.with_suffix(".npy").exists():
        found.append(("npy-beside", str(image.with_suffix(".npy"))))
    mark = fingerprint(picture.pixels) if picture.pixels is not None else None
    labels = label_path(image)
    if not labels.is_file():
        return Scan(found, picture.sha256, mark, False, 0, 0, Counter(), [])
    faults, rows = inspect_labels(labels, class_count)
    extents: list[Extent] = []
    if picture.width:
        suspicious, extents = inspect_objects(rows, picture.width, picture.height, str(labels), crossings=crossings)
        faults += suspicious
    classes = Counter(row.class_id for row in rows)
    rectangles = sum(is_rectangle(row.polygon) for row in rows)
    return Scan(found + faults, picture.sha256, mark, True, len(rows), rectangles, classes, extents)
