"""The files of one image in a prediction folder, and what its tables will say of it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from seepseg import outline, rle
from seepseg.dataset.build import label_rows
from seepseg.errors import SourceError
from seepseg.instances import from_bitmap
from seepseg.outputs.journal import PICTURE, Found, Record, Share
from seepseg.outputs.opening import Opened
from seepseg.outputs.overlay import draw_overlay, encode_png
from seepseg.outputs.place import Place
from seepseg.outputs.saving import INSTANCES, LABELS, MASKS, MOST_NUMBERED, OVERLAYS
from seepseg.outputs.verdict import Verdict
from seepseg.raster import Picture
from seepseg.values import Detection, Instance, LabelledImage, Prediction


def write_image(
    place: Place, opened: Opened, prediction: Prediction, verdict: Verdict, *, imgsz: int, save: Collection[str]
) -> Record:
    """All files of one plain image. The prediction is cut to the limits and cleaned; the verdict is not."""
    assert opened.picture is not None
    pixels, stem = opened.picture.pixels, opened.entry.stem
    shown = tuple(one for one in prediction.detections if one.mask.any())
    blank = len(prediction.detections) - len(shown)
    prediction = replace(prediction, detections=shown)
    runs = [rle.encode_crop(one.mask, one.x, one.y, prediction.width, prediction.height) for one in shown]
    if MASKS in save:
        place.write(f"masks/{stem}.png", encode_png(prediction.class_map))
    if INSTANCES in save:
        place.write(f"instances/{stem}.png", encode_png(instance_map(prediction)))
    if OVERLAYS in save:
        drawn = draw_overlay(pixels, prediction, prediction.names)
        place.write(f"overlays/{stem}.png", encode_png(np.ascontiguousarray(drawn[..., ::-1])))
    if LABELS in save:
        place.write(f"labels/{stem}.txt", label_text(prediction, imgsz).encode())
    return Record(
        name=opened.entry.name,
        stem=stem,
        stamp=opened.stamp,
        kind=PICTURE,
        width=prediction.width,
        height=prediction.height,
        verdict=verdict,
        objects=_found(prediction, runs, opened.picture),
        shares=_shares(prediction, runs, opened.picture) if prediction.presence is None else (),
        blank=blank,
        notes=opened.notes,
    )


def instance_map(prediction: Prediction) -> np.ndarray[tuple[int, int], np.dtype[np.uint16]]:
    """Each object's number from 1, the surest first and on top."""
    if len(prediction) > MOST_NUMBERED:
        raise SourceError(
            f"{len(prediction):,} objects, and an instance mask can number {MOST_NUMBERED:,}; leave instances out of "
            "--save, or give --conf a higher confidence"
        )
    numbers = np.zeros((prediction.height, prediction.width), np.uint16)
    for number, one in reversed(list(enumerate(prediction.detections, 1))):
        numbers[one.inside][one.mask > 0] = number
    return numbers


def label_text(prediction: Prediction, imgsz: int) -> str:
    """Rows of class and polygon, exact when loaded at the image size, the confidence last as Ultralytics has it. An
    object in several parts has a row for each."""
    traced = [_trace(one, prediction.width, prediction.height) for one in prediction.detections]
    rows, owners = label_rows(LabelledImage(prediction.width, prediction.height, tuple(traced)), imgsz, None)
    lines = outline.format_rows(rows).splitlines()
    return "".join(
        f"{lines[row]} {one.score:.6g}\n"
        for one, mine in zip(prediction.detections, owners, strict=True)
        for row in mine
    )


def _trace(one: Detection, width: int, height: int) -> Instance:
    traced = from_bitmap(one.mask, one.class_id, x=one.x, y=one.y, width=width, height=height)
    assert traced is not None
    return traced


def _found(prediction: Prediction, runs: Sequence[bytes], picture: Picture) -> tuple[Found, ...]:
    sizes = rle.measure(runs, prediction.width, prediction.height)
    return tuple(
        Found(
            one.class_id,
            one.score,
            tuple(round(value, 3) for value in one.box),  # type: ignore[arg-type]
            bbox,
            area,
            _ground(area, picture),
            run.decode(),
        )
        for one, run, (area, bbox) in zip(prediction.detections, runs, sizes, strict=True)
    )


def _shares(prediction: Prediction, runs: Sequence[bytes], picture: Picture) -> tuple[Share, ...]:
    shares = []
    for class_id in range(len(prediction.names)):
        mine = [run for run, one in zip(runs, prediction.detections, strict=True) if one.class_id == class_id]
        size = prediction.width, prediction.height
        area = rle.measure_one(rle.union(mine, *size), *size)[0] if mine else 0
        shares.append(Share(len(mine), area, _ground(area, picture)))
    return tuple(shares)


def _ground(area_px: int, picture: Picture) -> float | None:
    """In square kilometres, where the file says how wide a pixel is."""
    return None if picture.metres_per_pixel is None else area_px * picture.metres_per_pixel**2 / 1e6
