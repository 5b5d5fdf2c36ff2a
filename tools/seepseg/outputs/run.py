"""A prediction from beginning to end: images opened, predicted, judged, cut to the limits, cleaned and written."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from seepseg.cleaning.pipeline import Cleaning, clean_prediction
from seepseg.errors import MissingExtra, OutputError, SeepsegError
from seepseg.measures.calibration import LEAST
from seepseg.outputs.coco import write_coco
from seepseg.outputs.journal import SCENE, Journal, Record, open_journal
from seepseg.outputs.listing import Entry
from seepseg.outputs.opening import Opened, Tile, open_ahead, stamp_of
from seepseg.outputs.place import Place, drop_tables, write_proof
from seepseg.outputs.saving import COCO, CSV, USUAL
from seepseg.outputs.tables import Totals, write_tables
from seepseg.outputs.verdict import judge
from seepseg.outputs.write import write_image
from seepseg.predict.confidence import Confidence
from seepseg.predict.decode import MARGIN
from seepseg.predict.engine import BATCH, Model
from seepseg.progress import track
from seepseg.scenes.hysteresis import Hysteresis
from seepseg.values import Prediction
from seepseg.wording import count

IOU, MAX_DET = 0.7, 300
"""As evaluation has them."""
MOST_BYTES = 100_000_000
"""Bytes of pixels in a batch; one of large photos is smaller than asked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How every image is predicted."""

    confidence: Confidence
    cleaning: Cleaning = field(default_factory=Cleaning)
    hysteresis: Hysteresis | None = None
    gsd: float | None = None
    mask_vector: Path | None = None
    tile: Tile = "auto"
    overlap: float | None = None
    margin: float = MARGIN
    batch: int = BATCH
    save: tuple[str, ...] = USUAL


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a prediction came to."""

    totals: Totals
    before: int
    """Images that an earlier run had finished."""
    predicted: int
    """Images of this run."""
    seconds: float
    """Of the whole way from files to files."""
    speed_ms: dict[str, float]
    """Of the network's part: preprocess, inference, postprocess."""


def predict_images(model: Model, entries: Sequence[Entry], place: Place, plan: Plan, made: dict[str, Any]) -> Outcome:
    """Everything that is not finished yet. `made` goes into prediction.json; see `place`."""
    with open_journal(place) as journal, _quiet():
        left = [entry for entry in entries if not journal.is_finished(entry.stem, stamp_of(entry))]
        before, began = len(entries) - len(left), perf_counter()
        if left:
            drop_tables(place)
            write_proof(place, made, status="unfinished")
        try:
            for record in track(_predict(model, left, place, plan), len(left), "predict"):
                journal.append(record)
        except KeyboardInterrupt:
            done = sum(journal.is_finished(entry.stem, stamp_of(entry)) for entry in entries)
            print(
                f"{done:,} of {count(len(entries), 'image')} finished; the same command goes on from there",
                file=sys.stderr,
            )
            raise
        spent = perf_counter() - began
        totals = _finish(place, journal, entries, model.names, plan)
    counted = {"images": totals.images, "failed": len(totals.failed), "notes": totals.notes}
    write_proof(place, made, status="finished", **counted)
    return Outcome(totals, before, len(left), spent, dict(model.speed_ms))


def _finish(place: Place, journal: Journal, entries: Sequence[Entry], names: Sequence[str], plan: Plan) -> Totals:
    def read() -> Iterator[Record]:
        return journal.read(entry.stem for entry in entries)

    if COCO in plan.save:
        write_coco(place, read, names)
    return write_tables(place, read(), names, instances=CSV in plan.save)


def _predict(model: Model, entries: Sequence[Entry], place: Place, plan: Plan) -> Iterator[Record]:
    """A record for every entry, pictures batch by batch; at most two batches are in memory."""
    waiting: list[Opened] = []
    ahead = open_ahead(entries, model.input.rule, model.imgsz, plan.tile, plan.batch)
    with closing(ahead):
        for opened in ahead:
            if opened.reason is not None:
                yield _failed(opened, opened.reason)
            elif opened.kind == SCENE:
                yield from _scene(model, opened, place, plan)
            else:
                waiting.append(opened)
                if len(waiting) == plan.batch or _bytes(waiting) > MOST_BYTES:
                    yield from _pictures(model, waiting, place, plan)
                    waiting = []
        yield from _pictures(model, waiting, place, plan)


def _bytes(opened: Sequence[Opened]) -> int:
    return sum(one.picture.pixels.size for one in opened if one.picture)


def _pictures(model: Model, batch: Sequence[Opened], place: Place, plan: Plan) -> Iterator[Record]:
    images = [opened.picture.pixels for opened in batch if opened.picture]
    if not images:
        return
    limits = plan.confidence.limits
    # Presence is told by confidences far below those that make an object.
    conf = min(*limits, LEAST)
    found = model.predict(
        images, conf=conf, iou=IOU, max_det=MAX_DET, margin=plan.margin, masks_above=limits, batch=plan.batch
    )
    for opened, prediction in zip(batch, found, strict=True):
        verdict = judge(prediction, model.thresholds, model.names, limits=None if plan.confidence.stored else limits)
        try:
            shown = _clean(model, cut(prediction, limits), plan, opened)
        except SeepsegError as error:
            yield _failed(opened, str(error))
            continue
        yield write_image(place, opened, shown, verdict, imgsz=model.imgsz, save=plan.save)


def _scene(model: Model, opened: Opened, place: Place, plan: Plan) -> Iterator[Record]:
    from seepseg.outputs.scenes import predict_scene

    try:
        yield predict_scene(model, opened, place, plan)
    except (OutputError, MissingExtra):
        raise
    except SeepsegError as error:
        yield _failed(opened, str(error))


def _failed(opened: Opened, reason: str) -> Record:
    reason = " ".join(reason.split()).removeprefix(f"{opened.entry.path}: ")
    return Record(opened.entry.name, opened.entry.stem, opened.stamp, opened.kind, reason)


@contextmanager
def _quiet() -> Iterator[None]:
    """Most images have no place on the ground. `rasterfile` keeps GDAL from warning of that, but where two threads
    read, each undoes what the other asked of `warnings`."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def _clean(model: Model, prediction: Prediction, plan: Plan, opened: Opened) -> Prediction:
    """A file that does not say how large its pixels are is taken to be at the spacing of the training."""
    metres = (opened.picture.metres_per_pixel if opened.picture else None) or model.input.metres_per_pixel
    return clean_prediction(prediction, plan.cleaning, metres_per_pixel=metres)


def cut(prediction: Prediction, limits: Sequence[float]) -> Prediction:
    """To the detections that are surer than the limit of their class."""
    kept = tuple(one for one in prediction.detections if one.score > limits[one.class_id])
    return replace(prediction, detections=kept)
