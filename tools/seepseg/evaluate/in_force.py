"""The thresholds that a report is made at: given, chosen on other images, or cross-fitted within the split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import UsageError
from seepseg.measures.calibration import Calibration, calibrate
from seepseg.measures.choosing import choose_thresholds, cross_fit, deal_folds, spread
from seepseg.measures.figures import Floats
from seepseg.measures.pixels import Cells
from seepseg.measures.presence import Flags, Presence
from seepseg.measures.thresholds import Rule, Thresholds

Given = float | Mapping[str, float]
"""One confidence for all classes, or one for each."""


@dataclass(frozen=True, slots=True)
class InForce:
    """Of each image, or one row that all share; more than one in `chosen` where parts of the split have their own."""

    confidence: Floats
    """(images or 1, classes)"""
    presence: Floats
    """(images or 1, classes)"""
    any_presence: Floats
    """(images or 1,)"""
    fitted: Literal["val", "crossfit", "given"] | None
    """None for masks, which have no confidence."""
    source: str | None
    """The split that chose, or the flag."""
    chosen: tuple[Thresholds, ...] = ()
    folds: NDArray[np.int64] | None = None

    @property
    def rule(self) -> str | None:
        """What they were chosen for."""
        return str(self.chosen[0].rule) if self.chosen else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should hear."""
        return tuple(dict.fromkeys(note for one in self.chosen for note in one.notes))


def give(confidence: Given, names: Sequence[str]) -> InForce:
    """What the user says, for instances, pixels and presence alike; any class is there from the lowest on."""
    if isinstance(confidence, Mapping):
        unknown = [name for name in confidence if name not in names]
        missing = [name for name in names if name not in confidence]
        if unknown or missing:
            wrong = f"the dataset has no class {unknown[0]}" if unknown else f"{missing[0]} has none"
            raise UsageError(f"--conf: {wrong}; give one confidence, or name=x for each of {', '.join(names)}")
    values = [confidence[name] if isinstance(confidence, Mapping) else confidence for name in names]
    row = np.array([values], np.float64)
    return InForce(row, row, row.min(axis=1), "given", "--conf")


def for_masks(class_count: int, lowest: float) -> InForce:
    """Every pixel of a mask counts."""
    row = np.full((1, class_count), lowest)
    return InForce(row, row, row[:, 0], None, None)


def from_other_images(thresholds: Thresholds, names: Sequence[str]) -> InForce:
    """Chosen already, on images that are not reported."""
    known = {name: index for index, name in enumerate(thresholds.names)}
    if set(known) != set(names):
        raise UsageError(
            f"the stored thresholds are for the classes {', '.join(thresholds.names)}, the dataset has "
            f"{', '.join(names)}; remove thresholds.json, so that they are chosen anew"
        )
    confidence, presence, any_presence = spread([thresholds])
    order = [known[name] for name in names]
    return InForce(confidence[:, order], presence[:, order], any_presence, "val", thresholds.split, (thresholds,))


def cross_fitted(
    presence: Presence,
    cells: Cells | None,
    grid: Floats,
    names: Sequence[str],
    groups: Sequence[str] | None,
    *,
    rule: Rule,
    data: str,
    split: str,
    seed: int = 0,
) -> InForce:
    """For each part of the split chosen on the other parts; groups stay whole."""

    def choose_on(kept: Flags) -> Thresholds:
        return choose_thresholds(presence, cells, grid, names, rule=rule, data=data, split=split, kept=kept)

    folds = deal_folds(presence, groups, seed=seed)
    chosen = cross_fit(folds, choose_on)
    return InForce(*spread(chosen, folds), "crossfit", split, tuple(chosen), folds)


def probabilities(in_force: InForce, scores: Floats, pick: int | None, names: Sequence[str]) -> Floats | None:
    """Calibrated probability of presence of each image for a class, or for any class where `pick` is None; None where
    no calibration could be fitted."""
    curves = [_calibration(one, None if pick is None else names[pick]) for one in in_force.chosen]
    if not curves or any(curve is None for curve in curves):
        return None
    apart = np.stack([calibrate(scores, curve) for curve in curves if curve is not None])
    folds = np.zeros(len(scores), np.int64) if in_force.folds is None else in_force.folds
    picked: Floats = apart[folds, np.arange(len(scores))]
    return picked


def _calibration(thresholds: Thresholds, name: str | None) -> Calibration | None:
    if name is None:
        return thresholds.any_presence.calibration
    return thresholds.presence[thresholds.names.index(name)].calibration
