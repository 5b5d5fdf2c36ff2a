"""What an evaluation left in its folder, read back for report and comparison."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg.errors import SourceError, UsageError

COUNTS = ("truth_objects", "predicted_objects", "missed", "false_alarms", "confused")
MEASURES = ("iou", "presence_score", "presence_truth", "presence_verdict")
_SECTIONS = ("mask", "box", "sizes", "pixels", "presence", "thresholds")


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One line of images.csv; None where there is nothing to say."""

    image: str
    group: str | None
    counts: Mapping[str, int | None]
    """By the names in COUNTS."""
    measures: Mapping[str, float | None]
    """By the names in MEASURES."""

    @property
    def iou(self) -> float | None:
        """The mean over what is in truth or prediction."""
        return self.measures["iou"]


@dataclass(frozen=True, slots=True)
class Results:
    """metrics.json, curves.json and images.csv of one evaluation."""

    folder: Path
    metrics: Mapping[str, Any]
    curves: Mapping[str, Any]
    images: tuple[ImageRow, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The classes."""
        return tuple(self.metrics["names"])

    @property
    def places(self) -> bool:
        """Whether it was said where things are, or of whole images alone."""
        return self.metrics.get("pixels") is not None

    def figure(self, *path: str) -> float | None:
        """A number of metrics.json; None where it is null or not there."""
        place: Any = self.metrics
        for name in path:
            place = place.get(name) if isinstance(place, Mapping) else None
        return None if place is None or isinstance(place, Mapping) else float(place)

    def interval(self, *path: str) -> tuple[float, float] | None:
        """The 95 % interval of a figure."""
        ends = (self.metrics.get("ci95") or {}).get(".".join(path))
        return None if ends is None else (float(ends[0]), float(ends[1]))

    def curve(self, *path: str) -> Mapping[str, Any]:
        """A part of curves.json; empty where there is none."""
        place: Any = self.curves
        for name in path:
            place = place.get(name) if isinstance(place, Mapping) else None
        return place if isinstance(place, Mapping) else {}


def read_results(folder: Path) -> Results:
    """A folder that 'seepseg eval' wrote, or a run folder with its evaluation in it."""
    file = folder / "metrics.json"
    if not file.is_file():
        raise UsageError(
            f"{folder}: no metrics.json in it; run 'seepseg eval MODEL DATA.yaml --out DIR' and give that folder"
        )
    metrics = _read_json(file)
    if not _is_sound(metrics):
        raise SourceError(f"{file}: not what 'seepseg eval' writes; evaluate the model again")
    curves, images = folder / "curves.json", folder / "images.csv"
    return Results(
        folder,
        metrics,
        _read_json(curves) if curves.is_file() else {},
        _read_images(images) if images.is_file() else (),
    )


def _is_sound(metrics: Mapping[str, Any]) -> bool:
    """Whether there are numbers where figures belong; a classifier has none of pixels."""
    names, pixels, ends = (metrics.get(key) for key in ("names", "pixels", "ci95"))
    sections = [metrics.get(key) for key in _SECTIONS]
    return (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and isinstance(pixels if pixels is not None else metrics.get("presence"), dict)
        and all(one is None or isinstance(one, dict) for one in (*sections, ends, metrics.get("made")))
        and all(map(_are_numbers, sections))
        and all(
            isinstance(one, list) and len(one) == 2 and all(map(_are_numbers, one)) for one in (ends or {}).values()
        )
    )


def _are_numbers(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_are_numbers, value.values()))
    return value is None or isinstance(value, int | float)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceError(f"{file}: not readable as JSON: {error}; evaluate the model again") from None
    if not isinstance(document, dict):
        raise SourceError(f"{file}: not what 'seepseg eval' writes; evaluate the model again")
    return document


def _read_images(file: Path) -> tuple[ImageRow, ...]:
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        try:
            return tuple(map(_row, csv.DictReader(lines)))
        except (KeyError, ValueError, TypeError) as error:
            raise SourceError(f"{file}: not what 'seepseg eval' writes ({error!r}); evaluate the model again") from None


def _row(record: Mapping[str, str]) -> ImageRow:
    counts = {name: int(record[name]) if record[name] else None for name in COUNTS}
    measures = {name: float(record[name]) if record[name] else None for name in MEASURES}
    return ImageRow(record["image"], record["group"] or None, counts, measures)
