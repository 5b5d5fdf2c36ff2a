"""Instances from whatever a source holds: regions of a label image, a bitmap, polygons, run lengths."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import rle, tracing
from seepseg.values import Bitmap, Instance, Outline


def from_regions(labels: NDArray[np.int32], class_ids: Sequence[int]) -> tuple[Instance, ...]:
    """Region k (1..n) of a label image as an instance of class_ids[k - 1]; empty regions give none.

    A region in several parts is one instance of several outlines.
    """
    height, width = labels.shape
    parts: dict[int, list[Outline]] = {}
    for label, ring in tracing.trace(labels):
        parts.setdefault(label, []).append(ring)
    rles = rle.encode_labels(labels, len(class_ids))
    present = sorted(parts)
    sizes = rle.measure([rles[label - 1] for label in present], width, height)
    return tuple(
        Instance(class_ids[label - 1], rles[label - 1], box, area, tuple(parts[label]))
        for label, (area, box) in zip(present, sizes, strict=True)
    )


def from_classes(classes: NDArray[np.uint8]) -> tuple[Instance, ...]:
    """Each 8-connected component of a class map (0 none, class id + 1) as an instance."""
    labels = np.zeros(classes.shape, np.int32)
    class_ids: list[int] = []
    for value in _present(classes):
        mine = (classes == value).view(np.uint8)
        count, components = cv2.connectedComponents(mine, connectivity=8, ltype=cv2.CV_32S)
        if class_ids:
            components[components > 0] += len(class_ids)
        labels |= components
        class_ids += [value - 1] * (count - 1)
    return from_regions(labels, class_ids) if class_ids else ()


def _present(classes: NDArray[np.uint8]) -> list[int]:
    top = int(classes.max(initial=0))
    if top <= 1:
        return [1] if top else []
    present: list[int] = (np.flatnonzero(np.bincount(classes.ravel())[1:]) + 1).tolist()
    return present


def from_bitmap(
    bitmap: Bitmap,
    class_id: int,
    *,
    x: int = 0,
    y: int = 0,
    width: int | None = None,
    height: int | None = None,
    crowd: bool = False,
    source_id: int | str | None = None,
) -> Instance | None:
    """One object from its bitmap, or from a crop of it at (x, y); None where the bitmap is empty."""
    if not bitmap.any():
        return None
    rows, columns = bitmap.shape
    width, height = width or columns, height or rows
    rings = [Outline(ring.points + (x, y), ring.inward) for _, ring in tracing.trace((bitmap != 0).astype(np.int32))]
    counts = rle.encode_crop(bitmap, x, y, width, height)
    area, box = rle.measure_one(counts, width, height)
    return Instance(class_id, counts, box, area, tuple(rings), crowd, source_id)


def from_rle(
    counts: bytes,
    width: int,
    height: int,
    class_id: int,
    *,
    crowd: bool = False,
    source_id: int | str | None = None,
) -> Instance | None:
    """One object from its run lengths, or None where they are empty."""
    area, (x, y, columns, rows) = rle.measure_one(counts, width, height)
    if not area:
        return None
    crop = rle.decode(counts, width, height)[y : y + rows, x : x + columns]
    rings = tuple(Outline(ring.points + (x, y), ring.inward) for _, ring in tracing.trace(crop.astype(np.int32)))
    return Instance(class_id, counts, (x, y, columns, rows), area, rings, crowd, source_id)


class Drawn(NamedTuple):
    """One object as its source drew it."""

    parts: Sequence[NDArray[np.float64]]
    class_id: int
    crowd: bool = False
    source_id: int | str | None = None


def from_polygons(objects: Sequence[Drawn], width: int, height: int) -> list[Instance | None]:
    """Objects whose parts are kept as they are; the truth is pycocotools' raster. None where that raster is empty."""
    rles = rle.encode_each([one.parts for one in objects], width, height)
    sizes = rle.measure(rles, width, height)
    return [
        Instance(class_id, counts, box, area, tuple(map(Outline, parts)), crowd, source_id) if area else None
        for (parts, class_id, crowd, source_id), counts, (area, box) in zip(objects, rles, sizes, strict=True)
    ]
