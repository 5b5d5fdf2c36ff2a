"""Objects in a scene: tiles through a model, and what it finds in them put together."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from seepseg.errors import UsageError
from seepseg.predict.decode import IOU, MARGIN, MAX_DET
from seepseg.predict.letterbox import BORDER
from seepseg.raster import Pixels, is_flat
from seepseg.scenes import tiling
from seepseg.scenes.hysteresis import Hysteresis
from seepseg.scenes.merge import SHARED, Merger, paint
from seepseg.scenes.objects import SceneObject
from seepseg.scenes.pieces import Piece, pieces_of
from seepseg.scenes.scene import Scene
from seepseg.values import Bitmap
from seepseg.wording import count, verb

if TYPE_CHECKING:
    from seepseg.predict.engine import Model

BATCH = 16
Levels = Sequence[tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a model finds in a scene."""

    objects: tuple[SceneObject, ...]
    """The surest first."""
    tiles: int
    empty: int
    """Of the tiles, those that hold no data at all: the model did not see them."""
    settings: dict[str, Any]
    """For the record."""
    notes: tuple[str, ...] = ()
    """What the user should hear."""
    flat: bool = False
    """No tile holds more than one value, so that there was nothing to find."""


def find_objects(
    model: "Model",
    scene: Scene,
    limits: Sequence[float],
    *,
    hysteresis: Hysteresis | None = None,
    tile: int | None = None,
    overlap: float | None = None,
    classes_apart: bool = False,
    margin: float = MARGIN,
    iou: float = IOU,
    max_det: int = MAX_DET,
    batch: int = BATCH,
    on_progress: Callable[[int, int], None] | None = None,
) -> Found:
    """Every object of a scene, as one each however many tiles it lies in. `limits` has a confidence for each class;
    with a hysteresis, that one's three stand in place of them.

    `tile` is as large as the images that the model was trained on, unless given; `overlap` is a share of it below 1,
    pixels from 1 on. `on_progress` is told how many tiles are done, and of how many. What the model tells twice in one
    place, as two classes or as one, is one object; `classes_apart` leaves it one of each class.
    """
    levels = _levels(limits, hysteresis, len(model.names))
    side = tile or model.input.tile or model.imgsz
    step = tiling.overlap_px(side, overlap, model.imgsz)
    windows = tiling.cut(scene, side, step)
    # Detections of a semantic model don't overlap within a tile: those that share a pixel are one.
    merger = Merger(0.0 if model.task == "semantic" else SHARED, classes_apart=classes_apart)
    conf, size = [group for _, _, group in levels], (scene.grid.width, scene.grid.height)
    empty, full, done, flat = 0, 0, 0, True
    with closing(tiling.read_ahead(scene, windows, batch)) as tiles:
        while some := list(islice(tiles, batch)):
            seen = [one for one in some if one[2] is None or not one[2].all()]
            flat = flat and all(is_flat(pixels, nodata) for _, pixels, nodata in seen)
            seen = [(window, *_fill_up(pixels, nodata, side)) for window, pixels, nodata in seen]
            images = [pixels for _, pixels, _ in seen]
            told = model.predict(images, conf=conf, iou=iou, max_det=max_det, margin=margin, batch=batch)
            for (window, _, nodata), prediction in zip(seen, told, strict=True):
                inside = tiling.trusted(window, size, step)
                merger.add(inside, pieces_of(prediction.detections, window, nodata, size, inside, model.task))
                full += len(prediction.detections) >= max_det and model.task != "semantic"
            empty += len(some) - len(seen)
            done += len(some)
            if on_progress:
                on_progress(done, len(windows))
    settings = {
        "tile": side,
        "overlap": step,
        "margin": margin,
        "iou": iou,
        "max_det": max_det,
        "confidence": [float(limit) for limit in limits],
        "hysteresis": asdict(hysteresis) if hysteresis else None,
        "merged_above": merger.shared,
        "classes_apart": classes_apart,
    }
    return Found(tuple(_build(merger, levels)), len(windows), empty, settings, _notes(full, max_det), flat)


def _fill_up(pixels: Pixels, nodata: Bitmap | None, side: int) -> tuple[Pixels, Bitmap | None]:
    """A scene that is smaller than a tile becomes one, so that the model sees it no larger than what it was trained
    on: beyond it is the grey that images are fitted in with, and no data."""
    high, wide = pixels.shape[:2]
    if max(high, wide) >= side:
        return pixels, nodata
    around = ((0, side - high), (0, side - wide))
    there = np.zeros((high, wide), np.uint8) if nodata is None else nodata
    filled = np.pad(pixels, (*around, (0, 0))[: pixels.ndim], constant_values=BORDER)
    return filled, np.pad(there, around, constant_values=1)


def _levels(limits: Sequence[float], hysteresis: Hysteresis | None, classes: int) -> Levels:
    if len(limits) != classes:
        raise UsageError(f"{len(limits)} confidences are given, but the model has {classes} classes; give one for each")
    return hysteresis.per_class(classes) if hysteresis else [(limit, limit, limit) for limit in limits]


def _notes(full: int, max_det: int) -> tuple[str, ...]:
    if not full:
        return ()
    return (
        f"in {count(full, 'tile')} the model found {max_det} objects, the most that it may; "
        f"{verb(full, 'it', 'they')} may hold more",
    )


def _build(merger: Merger, levels: Levels) -> list[SceneObject]:
    found = []
    for group in merger.groups():
        if any(piece.score >= levels[piece.class_id][0] for piece in group):
            found.append(_assemble([piece for piece in group if piece.score >= levels[piece.class_id][1]]))
    return sorted(found, key=lambda one: (-one.maximum, one.y, one.x))


def _assemble(pieces: Sequence[Piece]) -> SceneObject:
    """One object, each of its pixels as sure as the surest piece that covers it, and of its class: the class that most
    pixels are of, weighted by how sure they are, is the object's."""
    pieces = sorted(pieces, key=lambda piece: -piece.score)
    mask, (x, y, _, _), added = paint(pieces)
    scores, counts = np.array([piece.score for piece in pieces]), np.array(added)
    ends = np.cumsum(counts)
    middle = np.searchsorted(ends, [(ends[-1] - 1) // 2, ends[-1] // 2], side="right")
    weights = np.bincount([piece.class_id for piece in pieces], scores * counts)
    return SceneObject(
        int(weights.argmax()),
        mask,
        x,
        y,
        mean=float(scores @ counts / ends[-1]),
        median=float(scores[middle].mean()),
        maximum=float(scores[0]),
        cut=any(piece.cut for piece in pieces),
    )
