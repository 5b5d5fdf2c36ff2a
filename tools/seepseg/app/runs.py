"""Runs on the server as the page shows them: which there are, how far each is, and what was measured of it."""

import csv
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import yaml

from seepseg.evaluate.folder import METRICS
from seepseg.train.record import FAILED, FINISHED, INTERRUPTED, RECORD, RUNNING
from seepseg.wording import count

Status = Literal["running", "finished", "stopped", "failed", "evaluation"]
CURVES = "results.csv"
_DEPTH = 3
"""Folders below runs/ in which a run may lie."""
_INSIDE = ("weights", "failures", "plots", "bundle")
"""Folders of a run that hold no other."""
_PATIENCE_S = 900.0
"""A run that wrote nothing for so long, or for three of its epochs, is under way no more."""


@dataclass(frozen=True, slots=True)
class Run:
    """A folder below runs/."""

    path: Path
    name: str
    """Its path below runs/."""
    status: Status
    epochs: int | None
    """As planned."""
    done: int
    """Epochs finished."""
    changed: float
    """When it last wrote its curves, in seconds of the clock."""
    evaluations: Mapping[str, Path]
    """Folders with metrics.json, by what they are called."""
    failure: str | None = None

    @property
    def live(self) -> bool:
        """Whether its curves still grow."""
        return self.status == "running"


def find_runs(folder: Path) -> tuple[Run, ...]:
    """Those under way first, then the newest."""
    runs = [read_run(place, folder) for place in _places(folder, _DEPTH)]
    return tuple(sorted(runs, key=lambda run: (not run.live, -run.changed, run.name)))


def read_run(path: Path, folder: Path) -> Run:
    """What the files of a run say of it."""
    record, curves = _read_json(path / RECORD), read_curves(path)
    done = int(max((one for one in curves.get("epoch", []) if one is not None), default=0))
    changed = _changed(path)
    epochs = _planned(path, record)
    return Run(
        path,
        path.relative_to(folder).as_posix(),
        _status(record, path, epochs, done, changed, _epoch_seconds(curves)),
        epochs,
        done,
        changed,
        dict(_evaluations(path)),
        record.get("failure"),
    )


def read_curves(path: Path) -> dict[str, list[float | None]]:
    """The columns of results.csv; a line that is being written is left for the next look."""
    try:
        with (path / CURVES).open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if None not in row.values()]
    except (OSError, csv.Error, UnicodeDecodeError):
        return {}
    return {key.strip(): [_number(row[key]) for row in rows] for key in (rows[0] if rows else {})}


def describe(run: Run, now: float | None = None) -> str:
    """'Under way: 12 of 40 epochs, the last 3 minutes ago.'"""
    epochs = f"{run.done:,} of {count(run.epochs, 'epoch')}" if run.epochs else count(run.done, "epoch")
    ago = _ago((time.time() if now is None else now) - run.changed)
    told = {
        "running": f"Under way: {epochs}, the last {ago}.",
        "finished": f"Finished after {epochs}, {ago}.",
        "stopped": f"Stopped after {epochs}, {ago}.",
        "failed": f"Failed after {epochs}, {ago}.",
        "evaluation": f"An evaluation without its training, {ago}.",
    }[run.status]
    return f"{told} {run.failure}" if run.failure else told


def _places(folder: Path, depth: int) -> Iterator[Path]:
    try:
        inside = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError:
        return
    for place in inside:
        if any((place / name).exists() for name in (CURVES, RECORD, METRICS, "weights")):
            yield place
        elif depth > 1 and place.name not in _INSIDE:
            yield from _places(place, depth - 1)


def _evaluations(path: Path) -> Iterator[tuple[str, Path]]:
    """The run's own, and those in folders within it."""
    if (path / METRICS).is_file():
        yield "of the run", path
    for file in sorted(path.glob(f"*/{METRICS}")):
        if file.parent.name not in _INSIDE and not file.parent.name.startswith("."):
            yield file.parent.name, file.parent


def _status(
    record: Mapping[str, Any], path: Path, epochs: int | None, done: int, changed: float, epoch_s: float
) -> Status:
    told = record.get("status")
    if told == FINISHED or (told is None and epochs is not None and done >= epochs):
        return "finished"
    if told == FAILED:
        return "failed"
    if not done and not (path / "weights").exists() and told is None:
        return "evaluation"
    quiet = time.time() - changed > max(_PATIENCE_S, 3 * epoch_s)
    return "stopped" if told == INTERRUPTED or quiet or told not in (RUNNING, None) else "running"


def _planned(path: Path, record: Mapping[str, Any]) -> int | None:
    settings = record.get("settings")
    epochs = settings.get("epochs") if isinstance(settings, Mapping) else None
    if epochs is None:
        with suppress(OSError, yaml.YAMLError, UnicodeDecodeError):
            args = yaml.safe_load((path / "args.yaml").read_text(encoding="utf-8"))
            epochs = args.get("epochs") if isinstance(args, dict) else None
    return epochs if isinstance(epochs, int) else None


def _epoch_seconds(curves: Mapping[str, list[float | None]]) -> float:
    """The longest of the last few; the column counts from the start of the run, or of its resumption."""
    times = [one for one in curves.get("time", []) if one is not None][-6:]
    return max((after - before for before, after in pairwise(times)), default=0.0)


def _changed(path: Path) -> float:
    times = [0.0]
    for name in (CURVES, RECORD, METRICS, "weights/last.pt"):
        with suppress(OSError):
            times.append(os.stat(path / name).st_mtime)
    return max(times)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _ago(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"
