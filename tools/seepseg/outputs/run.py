"""A prediction from beginning to end: images opened, predicted, judged, cut to the limits, cleaned and written."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from seepseg.cleaning.filters import Filters
from seepseg.cleaning.pipeline import Cleaning, clean_prediction
from seepseg.errors import MissingExtra, OutputError, SeepsegError
from seepseg.measures.calibration import LEAST
from seepseg.outputs.coco import write_coco
from seepseg.outputs.cutting import cut_to_data, cut_to_limits
from seepseg.outputs.journal import PICTURE, SCENE, Journal, Record, open_journal
from seepseg.outputs.listing import Entry
from seepseg.outputs.opening import Opened, Tile, is_scene, open_ahead, stamp_of
from seepseg.outputs.place import Place, drop_tables, write_proof
from seepseg.outputs.saving import COCO, CSV, USUAL
from seepseg.outputs.tables import Totals, tell_doubles, write_tables
from seepseg.outputs.verdict import judge
from seepseg.outputs.write import write_image
from seepseg.predict.confidence import Confidence
from seepseg.predict.decode import IOU, MARGIN, MAX_DET
from seepseg.predict.engine import BATCH, Model
from seepseg.predict.network import CLASSIFY
from seepseg.progress import track
from seepseg.scenes.hysteresis import Hysteresis
from seepseg.values import Prediction
from seepseg.wording import count, verb

SCENE_OF_CLASSIFIER = (
    "is a scene, and a classifier says what a whole image holds, not where: cut it into tiles, or have it judged as "
    "one image, fitted to the model's size, with --tile never"
)
NO_PLACES = (
    "a classifier says what an image holds, and not where: there are no masks, instances, overlays or GeoJSON, and "
    "summary.csv has its answer"
)
FILES = {
    PICTURE: ("masks/{}.png", "instances/{}.png", "overlays/{}.png", "labels/{}.txt"),
    SCENE: ("{}.geojson", "{}.gpkg", "masks/{}.tif", "{}.png"),
}
"""What an image may have in the folder, by its stem."""
PICTURE_FOLDERS = {name.partition("/")[0] for name in FILES[PICTURE]}
MOST_BYTES = 100_000_000
"""Bytes of pixels in a batch; one of large photos is smaller than asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How every image is predicted, as far as the user may say."""

    filters: Filters = field(default_factory=Filters)
    cleaning: Cleaning = field(default_factory=Cleaning)
    hysteresis: Hysteresis | None = None
    gsd: float | None = None
    mask_vector: Path | None = None
    tile: Tile = "auto"
    overlap: float | None = None
    classes_apart: bool = False
    margin: float = MARGIN
    batch: int = BATCH
    save: tuple[str, ...] = USUAL


@dataclass(frozen=True, slots=True)
class Plan(Wishes):
    """And above which confidences, once the model is known."""

    confidence: Confidence


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
    if model.task == CLASSIFY:
        plan = replace(plan, save=())
    with open_journal(place) as journal:
        left = [entry for entry in entries if not journal.is_finished(entry.stem, stamp_of(entry))]
        before, began = len(entries) - len(left), perf_counter()
        if left:
            drop_tables(place)
            _drop_former(place, journal.read(entry.stem for entry in left))
            write_proof(place, made, status="unfinished")
        try:
            stems = {entry.stem: entry for entry in entries}
            for record in track(_predict(model, left, stems, place, plan), len(left), "predict"):
                journal.append(record)
        except KeyboardInterrupt:
            done = sum(journal.is_finished(entry.stem, stamp_of(entry)) for entry in entries)
            print(
                f"{done:,} of {count(len(entries), 'image')} finished; the same command goes on from there",
                file=sys.stderr,
            )
            raise
        spent = perf_counter() - began
        notes = _left_over(journal.others({entry.stem for entry in entries}))
        totals = _finish(place, journal, entries, model.names, plan)
    totals.notes += [*notes, *tell_doubles(totals, model.names), *([NO_PLACES] if model.task == CLASSIFY else [])]
    counted = {"images": totals.images, "failed": len(totals.failed), "notes": totals.notes}
    write_proof(place, made, status="finished", **counted)
    return Outcome(totals, before, len(left), spent, dict(model.speed_ms))


def _drop_former(place: Place, records: Iterable[Record]) -> None:
    """An image that changed since may fail now, or be a scene now: nothing of what it was may stay beside that."""
    for record in records:
        if record.reason is None:
            place.remove(name.format(record.stem) for name in FILES[record.kind])


def _finish(place: Place, journal: Journal, entries: Sequence[Entry], names: Sequence[str], plan: Plan) -> Totals:
    def read() -> Iterator[Record]:
        return journal.read(entry.stem for entry in entries)

    if COCO in plan.save:
        write_coco(place, read, names)
    return write_tables(place, read(), names, instances=CSV in plan.save)


def _left_over(stems: Sequence[str]) -> list[str]:
    if not stems:
        return []
    they = "their" if len(stems) > 1 else "its"
    return [
        f"{count(len(stems), 'image')} of an earlier run {verb(len(stems))} not in the source now, such as {stems[0]}: "
        f"{they} masks and pictures stay, the tables are without {'them' if len(stems) > 1 else 'it'}"
    ]


def _predict(
    model: Model, entries: Sequence[Entry], stems: Mapping[str, Entry], place: Place, plan: Plan
) -> Iterator[Record]:
    """A record for every entry, pictures batch by batch; at most two batches are in memory. `stems` are those of all
    entries, finished ones too."""
    waiting: list[Opened] = []
    tile = "size" if model.task == CLASSIFY and plan.tile == "auto" else plan.tile
    ahead = open_ahead(entries, model.input.rule, model.imgsz, tile, plan.batch)
    with closing(ahead):
        for opened in ahead:
            if opened.reason is not None:
                yield _failed(opened, opened.reason)
            elif opened.kind == SCENE and model.task == CLASSIFY:
                yield _failed(opened, SCENE_OF_CLASSIFIER)
            elif opened.kind == SCENE and (other := _in_its_way(opened.entry, stems, model.imgsz, tile)):
                yield _failed(opened, f"its quick look would take the name of a file of {other.name}; rename either")
            elif opened.kind == SCENE:
                yield from _scene(model, opened, place, plan)
            else:
                waiting.append(opened)
                if len(waiting) == plan.batch or _bytes(waiting) > MOST_BYTES:
                    yield from _pictures(model, waiting, place, plan)
                    waiting = []
        yield from _pictures(model, waiting, place, plan)


def _in_its_way(scene: Entry, stems: Mapping[str, Entry], imgsz: int, tile: Tile) -> Entry | None:
    """A picture whose files go where the quick look of a scene would: masks/a.tif is a scene, and a.png none."""
    folder, _, stem = scene.stem.partition("/")
    other = stems.get(stem) if folder in PICTURE_FOLDERS else None
    return None if other is None or is_scene(other, imgsz, tile) else other


def _bytes(opened: Sequence[Opened]) -> int:
    return sum(one.picture.pixels.size for one in opened if one.picture)


def _pictures(model: Model, batch: Sequence[Opened], place: Place, plan: Plan) -> Iterator[Record]:
    images = [opened.picture.pixels for opened in batch if opened.picture]
    if not images:
        return
    limits = plan.confidence.limits
    # Presence is told by confidences far below those that make an object, and whether that lies on data by masks.
    conf = min(*limits, LEAST)
    whole = all(opened.picture is None or opened.picture.nodata is None for opened in batch)
    masks_above = limits if whole else 0.0
    found = model.predict(
        images, conf=conf, iou=IOU, max_det=MAX_DET, margin=plan.margin, masks_above=masks_above, batch=plan.batch
    )
    for opened, prediction in zip(batch, found, strict=True):
        prediction = cut_to_data(prediction, opened.picture.nodata if opened.picture else None, model.task)
        asked = None if plan.confidence.stored else limits
        verdict = judge(prediction, plan.confidence.thresholds, model.names, limits=asked)
        try:
            shown = _clean(model, cut_to_limits(prediction, limits), plan, opened)
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
        place.remove(name.format(opened.entry.stem) for name in FILES[SCENE])
        yield _failed(opened, str(error))


def _failed(opened: Opened, reason: str) -> Record:
    reason = " ".join(reason.split()).removeprefix(f"{opened.entry.path}: ")
    return Record(opened.entry.name, opened.entry.stem, opened.stamp, opened.kind, reason)


def _clean(model: Model, prediction: Prediction, plan: Plan, opened: Opened) -> Prediction:
    """A file that does not say how large its pixels are is taken to be at the spacing of the training."""
    metres = (opened.picture.metres_per_pixel if opened.picture else None) or model.input.metres_per_pixel
    return clean_prediction(prediction, plan.cleaning, metres_per_pixel=metres)
