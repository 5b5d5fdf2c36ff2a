"""tracks.csv, a line a slick, and tracks_by_frame.csv, a line a slick and frame."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from seepseg.video.frames import Frame
from seepseg.video.timeline import Slick

BY_FRAME = ("frame", "seconds", "track", "class", "state", "confidence", "area_px", "left", "top", "right", "bottom")
BY_TRACK = (
    *("track", "class", "first_frame", "last_frame", "first_seconds", "last_seconds", "frames_seen", "frames_filled"),
    *("mean_confidence", "max_confidence", "area_max_px", "area_first_px", "area_last_px"),
)


@dataclass(slots=True)
class _Course:
    """What is known of one slick so far: a few numbers, however long it lasts."""

    first: tuple[int, float]
    area_first: int
    last: tuple[int, float] = (0, 0.0)
    area_last: int = 0
    area_max: int = 0
    filled: int = 0
    found: int = 0
    confidence_sum: float = 0.0
    confidence_max: float = 0.0
    classes: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    """Confidences by class, summed up."""


class Ledger:
    """The courses of all slicks; with a file, each frame is written down as it comes."""

    def __init__(self, names: Sequence[str], by_frame: TextIO | None = None) -> None:
        self._names = names
        self._courses: dict[int, _Course] = {}
        self._rows = csv.writer(by_frame, lineterminator="\n") if by_frame else None
        if self._rows:
            self._rows.writerow(BY_FRAME)

    @property
    def tracks(self) -> int:
        """How many slicks there were so far."""
        return len(self._courses)

    def add(self, frame: Frame, slicks: Sequence[Slick]) -> None:
        """One frame."""
        for slick in slicks:
            self._note(frame, slick)
            if self._rows:
                self._rows.writerow(self._row(frame, slick))

    def class_of(self, identity: int) -> int:
        """The class that a slick was called most surely so far: single frames may differ."""
        classes = self._courses[identity].classes
        return max(classes, key=lambda class_id: (classes[class_id], -class_id))

    def above(self, identity: int) -> int:
        """How many slicks so far have higher numbers."""
        return sum(one > identity for one in self._courses)

    def write(self, file: Path) -> None:
        """tracks.csv."""
        with file.open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow(BY_TRACK)
            rows.writerows(self._line(identity) for identity in sorted(self._courses))

    def _note(self, frame: Frame, slick: Slick) -> None:
        area, score = int(np.count_nonzero(slick.detection.mask)), slick.detection.score
        here = (frame.index, frame.seconds)
        course = self._courses.setdefault(slick.identity, _Course(here, area))
        course.last, course.area_last, course.area_max = here, area, max(course.area_max, area)
        if slick.state == "filled":
            course.filled += 1
            return
        course.found += 1
        course.confidence_sum += score
        course.confidence_max = max(course.confidence_max, score)
        course.classes[slick.detection.class_id] += score

    def _row(self, frame: Frame, slick: Slick) -> list[Any]:
        one = slick.detection
        filled = slick.state == "filled"
        class_id = self.class_of(slick.identity) if filled else one.class_id
        return [
            frame.index,
            f"{frame.seconds:.3f}",
            slick.identity,
            self._names[class_id],
            slick.state,
            "" if filled else f"{one.score:.4f}",
            int(np.count_nonzero(one.mask)),
            *(f"{edge:.1f}" for edge in one.box),
        ]

    def _line(self, identity: int) -> list[Any]:
        course = self._courses[identity]
        return [
            identity,
            self._names[self.class_of(identity)],
            course.first[0],
            course.last[0],
            f"{course.first[1]:.3f}",
            f"{course.last[1]:.3f}",
            course.found,
            course.filled,
            f"{course.confidence_sum / course.found:.4f}",
            f"{course.confidence_max:.4f}",
            course.area_max,
            course.area_first,
            course.area_last,
        ]
