"""Which confidence counts, as it was chosen for a model; numpy alone, and the edge has it too."""

from dataclasses import dataclass
from typing import Literal

from seepseg.measures.calibration import Calibration

DEFAULT = 0.25
"""Ultralytics' own, for a class that gives nothing to choose by."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a threshold is chosen for. For a recall, it is the most precise threshold that keeps it; for a precision,
    the one of the highest recall that keeps it. Of equals, the middle of those highest up."""

    goal: Literal["f1", "recall", "precision"] = "f1"
    least: float | None = None

    def __str__(self) -> str:
        """As a report has it."""
        return "max F1" if self.least is None else f"{self.goal} >= {self.least:g}"


MAX_F1 = Rule()


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold, and what it gives on the images that it was chosen on."""

    threshold: float | None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    note: str | None = None
    """A sentence for the user, where the rule could not be met."""

    @property
    def value(self) -> float:
        """The threshold to use."""
        return DEFAULT if self.threshold is None else self.threshold


@dataclass(frozen=True, slots=True)
class PresenceChoice:
    """For whether an image has a class."""

    choice: Choice
    calibration: Calibration | None
    share: float | None = None
    """Of the images that chose, how many have it: a probability is of images like these. None in older files."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Everything chosen for one model; tuples are in the order of `names`."""

    names: tuple[str, ...]
    rule: Rule
    data: str
    """Hash of the dataset."""
    split: str
    images: int
    confidence: tuple[Choice, ...]
    """For instances and pixels: of the highest pixel F1."""
    presence: tuple[PresenceChoice, ...]
    any_presence: PresenceChoice

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should hear."""
        choices = [*self.confidence, *(one.choice for one in self.presence), self.any_presence.choice]
        return tuple(dict.fromkeys(one.note for one in choices if one.note))
