"""Bitmaps ↔ COCO's run lengths: the exact truth of an instance, without one full-size bitmap each."""

from collections.abc import Sequence
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from seepseg.run_lengths import count_runs
from seepseg.values import Bitmap

AREA_BATCH = 255
"""pycocotools 2.0.11 counts the objects it is asked the areas of in eight bits."""
Box = tuple[int, int, int, int]


def encode_labels(labels: NDArray[np.int32], count: int) -> list[bytes]:
    """The run lengths of the regions 1..count of a label image, in one pass over it."""
    height, width = labels.shape
    columns = np.ascontiguousarray(labels.T).ravel()
    edges = np.flatnonzero(columns[1:] != columns[:-1]) + 1
    starts = np.concatenate(([0], edges))
    ends = np.concatenate((edges, [columns.size]))
    owner = columns[starts]
    order = np.argsort(owner, kind="stable")
    starts, ends, owner = starts[order], ends[order], owner[order]
    first = np.searchsorted(owner, np.arange(1, count + 2))
    runs = []
    for low, high in pairwise(first.tolist()):
        marks = np.empty(2 * (high - low) + 2, np.int64)
        marks[0] = 0
        marks[1:-1:2] = starts[low:high]
        marks[2:-1:2] = ends[low:high]
        marks[-1] = columns.size
        counts = np.diff(marks)
        runs.append({"size": [height, width], "counts": counts if counts[-1] else counts[:-1]})
    return [run["counts"] for run in coco_mask.frPyObjects(runs, height, width)] if runs else []


def encode(bitmap: Bitmap) -> bytes:
    """The run lengths of one bitmap."""
    counts: bytes = coco_mask.encode(np.asfortranarray(bitmap))["counts"]
    return counts


def encode_crop(bitmap: Bitmap, x: int, y: int, width: int, height: int) -> bytes:
    """The run lengths of a bitmap that is a crop of the image at (x, y)."""
    run = {"size": [height, width], "counts": count_runs(bitmap, x, y, width, height)}
    counts: bytes = coco_mask.frPyObjects([run], height, width)[0]["counts"]
    return counts


def encode_polygons(polygons: Sequence[NDArray[np.float64]], width: int, height: int) -> bytes:
    """The raster that pycocotools gives the union of these polygons."""
    return encode_each([polygons], width, height)[0]


def encode_each(objects: Sequence[Sequence[NDArray[np.float64]]], width: int, height: int) -> list[bytes]:
    """The same for the polygons of each of many objects, in one call."""
    polygons = [polygon.ravel() for parts in objects for polygon in parts]
    if not polygons:
        return []
    rles = iter([one["counts"] for one in coco_mask.frPyObjects(polygons, height, width)])
    return [
        next(rles) if len(parts) == 1 else union(list(islice(rles, len(parts))), width, height) for parts in objects
    ]


def decode(rle: bytes, width: int, height: int) -> Bitmap:
    """The bitmap of one instance, full size."""
    bitmap: Bitmap = coco_mask.decode({"size": [height, width], "counts": rle})
    return np.ascontiguousarray(bitmap)


def union(rles: Sequence[bytes], width: int, height: int) -> bytes:
    """The run lengths of several together."""
    counts: bytes = coco_mask.merge([{"size": [height, width], "counts": rle} for rle in rles])["counts"]
    return counts


def measure_one(counts: bytes, width: int, height: int) -> tuple[int, Box]:
    """Area and box (x, y, width, height)."""
    one = {"size": [height, width], "counts": counts}
    x, y, columns, rows = coco_mask.toBbox(one).tolist()
    return int(coco_mask.area(one)), (int(x), int(y), int(columns), int(rows))


def measure(rles: Sequence[bytes], width: int, height: int) -> list[tuple[int, Box]]:
    """Area and box (x, y, width, height) of each."""
    objects = [{"size": [height, width], "counts": rle} for rle in rles]
    measured = []
    for start in range(0, len(objects), AREA_BATCH):
        some = objects[start : start + AREA_BATCH]
        boxes = coco_mask.toBbox(some).astype(int).tolist()
        measured += [
            (int(area), (x, y, columns, rows))
            for area, (x, y, columns, rows) in zip(coco_mask.area(some), boxes, strict=True)
        ]
    return measured
