"""instances.csv and summary.csv, made of the journal line by line once all images are predicted."""

import csv
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from seepseg.outputs.journal import SCENE, Found, Record, Share
from seepseg.outputs.place import Place
from seepseg.outputs.verdict import Verdict
from seepseg.wording import enumerate_words

SUMMARY, INSTANCES = "summary.csv", "instances.csv"
INSTANCE_HEAD = (
    *("image", "id", "class_id", "class", "confidence", "left", "top", "right", "bottom", "area_px", "area_km2"),
    *("mean_confidence", "median_confidence", "cut_by_edge"),
)
SUMMARY_HEAD = ("image", "status", "kind", "width", "height", "verdict", "score", "probability", "threshold", "objects")
_MUCH = 1.2
"""Times what is covered that areas may add up to without a word."""
CLASS_HEAD = ("verdict", "score", "probability", "count", "area_px", "area_km2")


@dataclass(slots=True)
class Totals:
    """Over all images, for the last words; lists have an entry a class."""

    images: int = 0
    scenes: int = 0
    present: int = 0
    """Images with the verdict yes."""
    threshold: float | None = None
    """Of that verdict; None for scenes, which hold what was found in them."""
    with_objects: int = 0
    blank: int = 0
    pixels: int = 0
    counts: list[int] = field(default_factory=list)
    holding: list[int] = field(default_factory=list)
    """Images with an object of the class; of a classifier, those that it says hold it."""
    area_px: list[int] = field(default_factory=list)
    """What the objects of an image cover together."""
    apart_px: list[int] = field(default_factory=list)
    """Their own areas added up."""
    area_km2: list[float] = field(default_factory=list)
    """Of the images that say how large a pixel is."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Image and reason."""
    notes: list[str] = field(default_factory=list)

    @property
    def worked(self) -> int:
        """Images that did not fail."""
        return self.images - len(self.failed)


def write_tables(place: Place, records: Iterable[Record], names: Sequence[str], *, instances: bool) -> Totals:
    """In the order of the records; each file takes its name once it is whole."""
    none = [0] * len(names)
    totals = Totals(counts=[*none], holding=[*none], area_px=[*none], apart_px=[*none], area_km2=[0.0] * len(names))
    with ExitStack() as stack:
        summary = csv.writer(stack.enter_context(place.grow(SUMMARY)), lineterminator="\n")
        summary.writerow((*SUMMARY_HEAD, *(f"{name}_{column}" for name in names for column in CLASS_HEAD)))
        objects = csv.writer(stack.enter_context(place.grow(INSTANCES)), lineterminator="\n") if instances else None
        if objects:
            objects.writerow(INSTANCE_HEAD)
        for record in records:
            _count(totals, record)
            summary.writerow(summary_row(record, len(names)))
            if objects:
                objects.writerows(instance_rows(record, names))
    return totals


def tell_doubles(totals: Totals, names: Sequence[str]) -> list[str]:
    """A note where objects of one class lie over each other so much that their number and areas mislead."""
    rows = zip(names, totals.area_px, totals.apart_px, strict=True)
    classes = [f"{name} ({apart / area:.1f} times)" for name, area, apart in rows if apart > _MUCH * area]
    if not classes:
        return []
    return [
        f"the areas of objects add up to more than they cover: {enumerate_words(classes)}; where one thing is told as "
        "several, '--clean once:.5' keeps the surest"
    ]


def summary_row(record: Record, class_count: int) -> list[str]:
    """What is not known stays empty."""
    if record.reason is not None or record.verdict is None:
        row = [record.name, f"failed: {record.reason}", record.kind]
        return row + [""] * (len(SUMMARY_HEAD) - len(row) + class_count * len(CLASS_HEAD))
    whole = record.verdict
    row = [record.name, "ok", record.kind, str(record.width), str(record.height), *_words(whole)]
    row += [_number(whole.threshold), str(len(record.objects)) if record.shares else ""]
    shares = record.shares or (None,) * class_count
    for verdict, share in zip(whole.classes, shares, strict=True):
        row += [*_words(verdict), *(("", "", "") if share is None else _counted(share))]
    return row


def instance_rows(record: Record, names: Sequence[str]) -> list[list[str]]:
    """`id` is the number in instances/<stem>.png."""
    return [
        [
            *(record.name, str(number), str(one.class_id), names[one.class_id], _number(one.confidence)),
            *(f"{side:.2f}" for side in one.box),
            *(str(one.area_px), _area(one), _number(one.mean), _number(one.median)),
            "" if one.cut is None else str(int(one.cut)),
        ]
        for number, one in enumerate(record.objects, 1)
    ]


def _count(totals: Totals, record: Record) -> None:
    totals.images += 1
    totals.notes += record.notes
    if record.reason is not None or record.verdict is None:
        totals.failed.append((record.name, str(record.reason)))
        return
    totals.scenes += record.kind == SCENE
    totals.present += record.verdict.present
    if record.verdict.threshold is not None:
        totals.threshold = record.verdict.threshold
    totals.with_objects += any(share.count for share in record.shares)
    totals.blank += record.blank
    totals.pixels += record.width * record.height
    if not record.shares:
        for class_id, verdict in enumerate(record.verdict.classes):
            totals.holding[class_id] += verdict.present
    for class_id, share in enumerate(record.shares):
        totals.counts[class_id] += share.count
        totals.holding[class_id] += share.count > 0
        totals.area_px[class_id] += share.area_px
        totals.area_km2[class_id] += share.area_km2 or 0.0
    for one in record.objects:
        totals.apart_px[one.class_id] += one.area_px


def _words(verdict: Verdict) -> tuple[str, str, str]:
    return "yes" if verdict.present else "no", _number(verdict.score), _number(verdict.probability)


def _counted(share: Share) -> tuple[str, str, str]:
    return str(share.count), str(share.area_px), _area(share)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _area(one: Found | Share) -> str:
    return "" if one.area_km2 is None else f"{one.area_km2:.6g}"
