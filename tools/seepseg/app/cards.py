"""The model card: what a model is, how good, and where it ends; a bundle's own MODEL.md, else made of its run."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from seepseg.app.look import plain
from seepseg.edge.bundle import MANIFEST, THRESHOLDS, is_bundle, open_bundle
from seepseg.errors import SeepsegError
from seepseg.measures.threshold_file import parse_thresholds
from seepseg.measures.thresholds import Thresholds
from seepseg.predict.model_input import INPUT
from seepseg.train.record import RECORD
from seepseg.wording import count

CARD = "MODEL.md"
METRICS = "metrics.json"
_HEADLINES = (
    ("mask.map50", "mAP50: how often an outline is right in place and class; 1 would be always"),
    ("pixels.miou_foreground", "mIoU of the classes: how far marked and true area overlap; 1 would be wholly"),
    ("presence.precision", "of the images that it says hold something do (precision; 1 is all)"),
    ("presence.recall", "of the images that hold something are found (recall; 1 is all)"),
)
_LIMITS = """What the model marks is *potential*: low wind, rain cells, algae and wakes look alike in radar images.
Figures hold for images like those that it was evaluated on, and for no others."""


def write_card(path: Path) -> str | None:
    """Markdown; None where nothing is known but the file itself."""
    written = _written_card(path)
    if written is not None:
        return written
    parts = [*_origin(path), *_quality(path), *_decisions(path)]
    return "\n\n".join([*parts, "#### Limits", _LIMITS]) if parts else None


def read_about(path: Path) -> Mapping[str, Any]:
    """What a run's record says, or nothing."""
    return _read_json(path / RECORD)


def read_metrics(path: Path) -> tuple[Mapping[str, Any], Path] | None:
    """Of the run's own evaluation, or else of the newest one in a folder of it, and where that is."""
    found = sorted(path.glob(f"*/{METRICS}"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in (path / METRICS, *found):
        if report := _read_json(file):
            return report, file
    return None


def _written_card(path: Path) -> str | None:
    for place in (path, path / "bundle"):
        with suppress(SeepsegError, OSError, UnicodeDecodeError):
            if place.is_dir() and (place / CARD).is_file():
                return (place / CARD).read_text(encoding="utf-8")
            if is_bundle(place):
                bundle = open_bundle(place)
                if CARD in bundle.facts["files"]:
                    return bundle.read(CARD).decode("utf-8")
    return None


def _origin(path: Path) -> Iterator[str]:
    record, told = read_about(path), _read_json(path / INPUT) or _bundle_facts(path)
    lines = []
    if names := told.get("names"):
        what = "one class" if len(names) == 1 else f"{len(names)} classes"
        lines.append(f"Finds {what}: {', '.join(plain(str(name)) for name in names)}.")
    if told.get("imgsz"):
        lines.append(f"Looks at images at {told['imgsz']} pixels; larger scenes are searched tile by tile.")
    if told.get("metres_per_pixel"):
        lines.append(f"Trained at {told['metres_per_pixel']:g} m per pixel.")
    data = record.get("dataset") or told.get("training") or {}
    if images := data.get("images"):
        parts = ", ".join(f"{number:,} {split}" for split, number in images.items())
        lines.append(f"Images it was made with: {parts}.")
    if record.get("started"):
        lines.append(
            f"Trained from {str(record['started'])[:10]} on {plain(str(record.get('device', 'this machine')))}."
        )
    if record.get("status") not in (None, "finished"):
        lines.append(f"**Its training is {plain(str(record['status']))}: figures and answers will still change.**")
    if lines:
        yield "#### What it is"
        yield "\n".join(f"- {line}" for line in lines)


def _quality(path: Path) -> Iterator[str]:
    found = read_metrics(path)
    if found is None:
        if read_about(path) or (path / "weights").is_dir():
            yield "#### How good it is"
            yield "Not evaluated yet: `seepseg eval RUN DATA.yaml --split test` measures it."
        return
    report = found[0]
    lines = [
        f"- **{value:.2f}**{_interval(report, key)} {meaning}"
        for key, meaning in _HEADLINES
        if (value := _at(report, key)) is not None
    ]
    yield "#### How good it is"
    yield f"Measured on {count(report['images'], 'image')} that it had not seen ({plain(report['split'])} split)."
    yield "\n".join(lines)
    yield _classes(report)


def _classes(report: Mapping[str, Any]) -> str:
    rows = []
    for name in report["names"]:
        objects = _at(report, "mask", "per_class", name, "instances")
        figures = [
            _at(report, "mask", "per_class", name, "ap50"),
            *(_at(report, "pixels", "per_class", name, key) for key in ("iou", "precision", "recall")),
        ]
        cells = " | ".join("–" if value is None else f"{value:.2f}" for value in figures)
        rows.append(f"| {plain(name)} | {'–' if objects is None else f'{objects:,.0f}'} | {cells} |")
    head = ["| Class | Objects | AP50 | IoU | Precision | Recall |", "|---|--:|--:|--:|--:|--:|"]
    return "\n".join([*head, *rows])


def _decisions(path: Path) -> Iterator[str]:
    chosen = _thresholds(path)
    if chosen is None:
        return
    yield "#### How it decides"
    anything = chosen.any_presence.choice
    known = anything.precision is not None and anything.recall is not None
    figures = f" (precision {anything.precision:.2f}, recall {anything.recall:.2f})" if known else ""
    yield (
        f"An image counts as holding something from a confidence of {anything.value:.2f} on{figures}. That, and a "
        f"threshold for each class, was chosen on {count(chosen.images, 'image')} of the {plain(chosen.split)} split."
    )
    if chosen.notes:
        yield "\n".join(f"- {plain(note[:1].upper() + note[1:])}." for note in chosen.notes)


def _thresholds(path: Path) -> Thresholds | None:
    with suppress(SeepsegError, OSError):
        if (path / THRESHOLDS).is_file():
            return parse_thresholds((path / THRESHOLDS).read_bytes(), path / THRESHOLDS)
        if is_bundle(path):
            return parse_thresholds(open_bundle(path).read(THRESHOLDS), path / THRESHOLDS)
    return None


def _bundle_facts(path: Path) -> Mapping[str, Any]:
    if path.is_dir():
        return _read_json(path / MANIFEST)
    with suppress(SeepsegError, OSError):
        return open_bundle(path).facts
    return {}


def _at(report: Mapping[str, Any], *path: str) -> float | None:
    place: Any = report
    for name in path[0].split(".") if len(path) == 1 else path:
        place = place.get(name) if isinstance(place, dict) else None
    return None if place is None else float(place)


def _interval(report: Mapping[str, Any], key: str) -> str:
    ends = report.get("ci95", {}).get(key)
    return f" (95 % sure: {ends[0]:.2f} to {ends[1]:.2f})" if ends else ""


def _read_json(file: Path) -> Mapping[str, Any]:
    with suppress(OSError, ValueError):
        content = json.loads(file.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}
