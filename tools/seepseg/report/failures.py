"""Where it fails: images ranked by a figure of choice, and of what kind the failure is."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from seepseg.errors import UsageError
from seepseg.report.results import ImageRow

Figure = Literal["iou", "missed", "false_alarms", "confused", "presence"]
FIGURES: tuple[str, ...] = get_args(Figure)
PRESENCE = "presence"
"""Of the images of which it is said wrongly whether they hold anything, how far the score is from the truth."""
KINDS = ("miss", "false alarm", "confused")
"""An image may be of several kinds; of none where all objects are found and only outlines are off."""
CONTRAST = 4


@dataclass(frozen=True, slots=True)
class Failure:
    """An image to look at; of one chosen for contrast `why` says what for."""

    row: ImageRow
    figure: str
    value: float | None
    kinds: tuple[str, ...]
    why: str | None = None
    sheet: str | None = None
    """Its picture, relative to the folder of the evaluation."""


def find_worst(images: Sequence[ImageRow], figure: str = "iou", most: int = 24) -> list[Failure]:
    """The worst first; of equals those with more objects missed, false or confused. An image on which nothing is wrong
    is none, however few are worse."""
    if figure not in FIGURES:
        raise UsageError(f"--worst-by {figure}: give one of {', '.join(FIGURES)}")
    measure = _measure(figure)
    wrong = [(measure(row), row) for row in images]
    ranked = sorted(
        ((badness, row) for badness, row in wrong if badness is not None and badness > 0),
        key=lambda one: (-one[0], -_count_wrong(one[1]), one[1].image),
    )
    return [_describe(row, figure) for _, row in ranked[:most]]


def find_contrast(images: Sequence[ImageRow], worst: Sequence[Failure]) -> list[Failure]:
    """Some that show what it can do: the best, and the ones in the middle, of images that hold something."""
    taken = {one.row.image for one in worst}
    pool = sorted(
        (row for row in images if row.iou is not None and row.counts["truth_objects"] and row.image not in taken),
        key=lambda row: (-(row.iou or 0), row.image),
    )
    best, rest = pool[: CONTRAST // 2], pool[CONTRAST // 2 :]
    start = max(0, (len(rest) - CONTRAST // 2) // 2)
    typical = rest[start : start + CONTRAST // 2]
    return [_describe(row, "iou", "best") for row in best] + [_describe(row, "iou", "typical") for row in typical]


def kinds_of(row: ImageRow) -> tuple[str, ...]:
    """What is wrong with an image; where objects were not counted, as of masks, only what presence says."""
    keys = dict(zip(KINDS, ("missed", "false_alarms", "confused"), strict=True))
    if any(row.counts[key] is not None for key in keys.values()):
        return tuple(kind for kind, key in keys.items() if row.counts[key])
    there, told = row.measures["presence_truth"], row.measures["presence_verdict"]
    return ("miss",) if there and not told else ("false alarm",) if told and not there else ()


def write_failures(file: Path, failures: Sequence[Failure]) -> None:
    """failures.json, worst first."""
    records = [
        {
            "image": one.row.image,
            "figure": one.figure,
            "value": one.value,
            "kinds": list(one.kinds),
            "iou": one.row.iou,
            **one.row.counts,
            "sheet": one.sheet,
        }
        for one in failures
    ]
    file.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", errors="replace")


def _describe(row: ImageRow, figure: str, why: str | None = None) -> Failure:
    value = row.iou if figure == "iou" else _error(row) if figure == PRESENCE else row.counts[figure]
    return Failure(row, figure, value, kinds_of(row), why)


def _error(row: ImageRow) -> float | None:
    score, there, told = (row.measures[f"presence_{key}"] for key in ("score", "truth", "verdict"))
    if score is None or there is None:
        return None
    return 0.0 if there == told else abs(there - score)


def _measure(figure: str) -> Callable[[ImageRow], float | None]:
    if figure == "iou":
        return lambda row: None if row.iou is None else 1 - row.iou
    return _error if figure == PRESENCE else lambda row: row.counts[figure]


def _count_wrong(row: ImageRow) -> int:
    return sum(row.counts[key] or 0 for key in ("missed", "false_alarms", "confused"))
