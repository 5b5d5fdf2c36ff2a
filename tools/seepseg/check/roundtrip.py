"""Whether the labels of a dataset give its exact truth back through Ultralytics' own loader."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seepseg import instances, outline, rle
from seepseg.check.findings import Ledger
from seepseg.dataset.fidelity import Fidelity, Loaded, compare, load_rows, paint_row, sample
from seepseg.dataset.layout import label_path, read_rows
from seepseg.dataset.loader import load_through_ultralytics
from seepseg.dataset.truth import TrueObject, Truth
from seepseg.errors import DatasetError
from seepseg.progress import track
from seepseg.values import Bitmap

MEAN, MEAN_THIN = 0.999, 0.99
NARROW = 2.0
"""Twice the area by the length of the edge: masks of lines and dots stay below."""
SMALL = 1000
"""Loaded pixels under which a single one costs a thousandth."""
ROOM = 1 << 29
"""Bytes of masks that Ultralytics may lay out for one image; larger ones go through our replica."""
BATCH = 32


@dataclass(frozen=True, slots=True)
class Sampled:
    """One image of the sample."""

    image: Path
    name: str
    truth: Truth


@dataclass(slots=True)
class RoundTrip:
    """IoU per image and class through the loader, by how the label came to be."""

    imgsz: int
    images: int = 0
    traced: list[float] = field(default_factory=list)
    traced_thin: list[float] = field(default_factory=list)
    drawn: list[float] = field(default_factory=list)
    """Polygons as a source drew them, and parts joined by a seam: close to the raster, not equal to it."""
    reduced: list[float] = field(default_factory=list)
    """Of images larger than the imgsz, whose labels the loader shrinks."""
    reduced_images: int = 0
    by_image: dict[Path, float] = field(default_factory=dict)

    def all(self) -> list[float]:
        """Every value, whatever it came from."""
        return self.traced + self.traced_thin + self.drawn + self.reduced

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        kinds = {"traced": self.traced, "traced_thin": self.traced_thin, "drawn": self.drawn, "reduced": self.reduced}
        measured = {
            name: {"masks": len(values), "mean_iou": _round(np.mean(values)), "min_iou": _round(min(values))}
            for name, values in kinds.items()
            if values
        }
        return {"imgsz": self.imgsz, "images": self.images, **measured}


def _round(value: float | np.floating[Any]) -> float:
    return round(float(value), 6)


def measure(chosen: Sequence[Sampled], class_count: int, imgsz: int, ledger: Ledger | None = None) -> RoundTrip:
    """Load the sample at `imgsz` and compare; with a ledger, say what is wrong at this size, the declared one."""
    result = RoundTrip(imgsz)
    for one, loaded in track(_load(chosen, class_count, imgsz), len(chosen), "loading labels"):
        if loaded is None:
            if ledger:
                ledger.add("fidelity-dropped", str(one.image))
            continue
        _add(result, one, loaded, ledger)
    if ledger:
        _judge(result, ledger)
    return result


def _load(chosen: Sequence[Sampled], class_count: int, imgsz: int) -> Iterator[tuple[Sampled, Loaded | None]]:
    """Through Ultralytics, some images at a time: it holds the labels of all that it is given."""
    room = [one for one in chosen if len(one.truth.objects) * imgsz * imgsz <= ROOM]
    for start in range(0, len(room), BATCH):
        batch = {one.image: one for one in room[start : start + BATCH]}
        for image, loaded in load_through_ultralytics(list(batch), class_count, imgsz):
            yield batch.pop(image), loaded
        yield from ((one, None) for one in batch.values())
    for one in chosen:
        if len(one.truth.objects) * imgsz * imgsz > ROOM:
            yield one, load_rows(_rows(one.image), one.truth.width, one.truth.height, imgsz)


def _add(result: RoundTrip, one: Sampled, loaded: Loaded, ledger: Ledger | None) -> None:
    truth = one.truth
    fidelity = compare_truth(loaded, truth)
    result.images += 1
    below = result.imgsz < max(truth.width, truth.height)
    result.reduced_images += below
    if fidelity.classes:
        result.by_image[one.image] = min(fidelity.classes.values())
    rows = _rows(one.image) if ledger else []
    for class_id, value in fidelity.classes.items():
        mine = [true for true in truth.objects if true.class_id == class_id]
        if below:
            result.reduced.append(value)
        elif ledger and mine and _are_traced(mine, rows, truth, result.imgsz):
            (result.traced_thin if _is_narrow(mine, loaded, truth) else result.traced).append(value)
        else:
            result.drawn.append(value)
        if ledger and (not mine or (value < MEAN and any(_strays(true, rows, truth) for true in mine))):
            ledger.add("fidelity-object", f"{one.image}: class {class_id}, IoU {value:.4f}")


def compare_truth(loaded: Loaded, truth: Truth) -> Fidelity:
    """What a loader gave for an image, against its annotations."""
    objects = [(true.class_id, true.rle) for true in truth.objects]
    return compare(loaded, objects, truth.width, truth.height)


def _rows(image: Path) -> list[tuple[int, Any]]:
    try:
        return read_rows(label_path(image))
    except DatasetError:
        return []


def _are_traced(mine: Sequence[TrueObject], rows: Sequence[tuple[int, Any]], truth: Truth, imgsz: int) -> bool:
    """By a few of the objects: one converter wrote them all."""
    few = mine[:: max(1, len(mine) // 5)]
    return all(_is_traced(true, rows, truth, imgsz) for true in few)


def _is_traced(true: TrueObject, rows: Sequence[tuple[int, Any]], truth: Truth, imgsz: int) -> bool:
    """Whether the label rows are the outlines that we would write for this truth."""
    mine = _own(true, rows)
    traced = instances.from_rle(true.rle, truth.width, truth.height, true.class_id)
    if mine is None or traced is None or len(mine) != len(traced.outlines):
        return False
    placed = outline.place(traced.outlines, truth.width, truth.height, imgsz)
    sizes = sorted(len(polygon) for polygon in placed)
    corners = {tuple(np.round(polygon, 6).min(axis=0).tolist()) for polygon in placed}
    return sizes == sorted(len(polygon) for polygon in mine) and all(
        any(abs(x - a) < 3e-6 and abs(y - b) < 3e-6 for a, b in corners)
        for x, y in (polygon.min(axis=0).tolist() for polygon in mine)
    )


def _own(true: TrueObject, rows: Sequence[tuple[int, Any]]) -> list[Any] | None:
    if true.rows is None or any(row >= len(rows) or rows[row][0] != true.class_id for row in true.rows):
        return None
    return [rows[row][1] for row in true.rows]


def _is_narrow(mine: Sequence[TrueObject], loaded: Loaded, truth: Truth) -> bool:
    """Lines, dots and crumbs, of which one pixel is a large part."""
    union = np.zeros((truth.height, truth.width), np.uint8)
    for true in mine:
        union |= rle.decode(true.rle, truth.width, truth.height)
    if int(np.count_nonzero(sample(union, loaded.width, loaded.height))) < SMALL:
        return True
    padded = np.pad(union, 1).astype(np.int8)
    edge = sum(int(np.count_nonzero(np.diff(padded, axis=axis))) for axis in (0, 1))
    return 2 * int(np.count_nonzero(union)) < NARROW * edge


def _strays(true: TrueObject, rows: Sequence[tuple[int, Any]], truth: Truth) -> bool:
    """Whether the label is painted over two pixels away from the truth, or lacks what lies as deep inside it; the
    seams of joined parts are painted by design."""
    mine = _own(true, rows)
    if not mine:
        return True
    native = rle.decode(true.rle, truth.width, truth.height)
    parts = cv2.connectedComponents(native, connectivity=8)[0] - 1
    painted: Bitmap = np.zeros_like(native)
    for polygon in mine:
        crop, x, y = paint_row(polygon, truth.width, truth.height)
        painted[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop
    square = np.ones((5, 5), np.uint8)
    beyond = parts <= len(mine) and bool(np.any(painted > cv2.dilate(native, square)))
    lacking = bool(np.any(cv2.erode(native, square, borderValue=1) > painted))
    return (beyond or lacking) and not _is_as_drawn(mine, native)


def _is_as_drawn(mine: Sequence[Any], native: Bitmap) -> bool:
    """Whether pycocotools, to a pixel, makes the truth of the rows: then they are what the source drew, and what is
    painted beyond is a tip narrower than a pixel, which OpenCV paints and pycocotools does not."""
    height, width = native.shape
    drawn = rle.encode_polygons([polygon * (width, height) for polygon in mine], width, height)
    raster = rle.decode(drawn, width, height)
    square = np.ones((3, 3), np.uint8)
    return not np.any((raster > cv2.dilate(native, square)) | (native > cv2.dilate(raster, square)))


def _judge(result: RoundTrip, ledger: Ledger) -> None:
    if result.reduced_images:
        place = f"imgsz {result.imgsz}: {result.reduced_images:,} of {result.images:,} images measured"
        ledger.add(
            "imgsz-below", f"{place}, mean IoU {np.mean(result.reduced or [1.0]):.4f}", count=result.reduced_images
        )
    bounds: Mapping[str, tuple[list[float], float]] = {
        "masks": (result.traced, MEAN),
        "thin or small masks": (result.traced_thin, MEAN_THIN),
    }
    for what, (values, bound) in bounds.items():
        if values and float(np.mean(values)) < bound:
            ledger.add("fidelity", f"{what}: mean IoU {np.mean(values):.4f} at imgsz {result.imgsz}, under {bound}")
