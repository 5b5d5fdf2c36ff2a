"""Thresholds chosen on validation images, or cross-fitted where there are no others."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import UsageError
from seepseg.measures.calibration import fit_calibration
from seepseg.measures.figures import Floats, plain, ratio
from seepseg.measures.pixels import Cells, sweep
from seepseg.measures.presence import Flags, Presence
from seepseg.measures.thresholds import MAX_F1, Choice, PresenceChoice, Rule, Thresholds
from seepseg.splits.deal import deal, gather

T = TypeVar("T")
ANY = "any class"


def choose_thresholds(
    presence: Presence,
    cells: Cells | None,
    grid: Floats,
    names: Sequence[str],
    *,
    rule: Rule = MAX_F1,
    data: str,
    split: str,
    kept: Flags | None = None,
) -> Thresholds:
    """Choose all of them, on the kept images or on all. Without cells, as of a classifier, there are no pixels to
    choose by, and the thresholds of presence are the only ones."""
    kept = np.ones(len(presence.scores), np.bool_) if kept is None else kept
    scores, present = presence.scores[kept], presence.present[kept]
    of_presence = tuple(
        _choose_presence(scores[:, index], present[:, index], rule, name) for index, name in enumerate(names)
    )
    if cells is None:
        confidence = tuple(one.choice for one in of_presence)
    else:
        counts = sweep(cells, len(grid), kept)
        confidence = tuple(choose(grid, counts[index], MAX_F1, name) for index, name in enumerate(names))
    return Thresholds(
        tuple(names),
        rule,
        data,
        split,
        int(np.count_nonzero(kept)),
        confidence,
        of_presence,
        _choose_presence(presence.any_score[kept], presence.any_present[kept], rule, ANY),
    )


def choose(candidates: Floats, counts: NDArray[np.int64], rule: Rule, name: str) -> Choice:
    """The candidate that serves the rule best. Candidates rise; counts are the true positives, false positives and
    false negatives at each, (3, candidates)."""
    true, false, missed = counts
    if not len(candidates) or true[0] + missed[0] == 0:
        return Choice(None, note=f"no threshold could be chosen for {name}: {_reason(len(candidates), name)}")
    precision, recall = ratio(true, true + false), ratio(true, true + missed)
    f1 = ratio(2 * true, 2 * true + false + missed)
    if not true.any():
        return Choice(None, note=f"no threshold could be chosen for {name}: no detection of it is right")
    at, note = _best(np.nan_to_num(precision), recall, f1, rule, name)
    return Choice(float(candidates[at]), plain(precision[at]), plain(recall[at]), plain(f1[at]), note)


def presence_candidates(scores: Floats) -> Floats:
    """Half-way between any two scores that follow each other, the lowest half-way to none; rising."""
    found = np.unique(scores[scores > 0])
    return (found + np.concatenate(([0.0], found[:-1]))) / 2


def deal_folds(presence: Presence, groups: Sequence[str] | None, folds: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """(images,) the part each image is in: groups whole, every class in every part where it can be."""
    images = len(presence.scores)
    names, member = np.unique(np.arange(images) if groups is None else np.asarray(groups), return_inverse=True)
    refuse_single(len(names))
    folds = min(folds, len(names))
    bunches = gather(presence.present.astype(int).tolist(), member.tolist(), len(names))
    return np.array(deal(bunches, [1 / folds] * folds, seed=seed))[member]


def refuse_single(units: int) -> None:
    """Nothing is left to choose on where the only group is reported."""
    if units < 2:
        raise UsageError(
            "thresholds can't be cross-fitted on a single group; give images of two scenes at least, or --conf X"
        )


def cross_fit(folds: NDArray[np.int64], choose_on: Callable[[Flags], T]) -> list[T]:
    """For each part, what is chosen on all images but its own."""
    return [choose_on(folds != fold) for fold in range(int(folds.max()) + 1)]


def spread(chosen: Sequence[Thresholds], folds: NDArray[np.int64] | None = None) -> tuple[Floats, Floats, Floats]:
    """Per image, (images, classes), (images, classes) and (images,): confidence, presence and presence of any class.
    Without folds the one row that all images share."""
    at = np.zeros(1, np.int64) if folds is None else folds
    confidence = np.array([[choice.value for choice in one.confidence] for one in chosen])
    presence = np.array([[each.choice.value for each in one.presence] for one in chosen])
    return confidence[at], presence[at], np.array([one.any_presence.choice.value for one in chosen])[at]


def _best(precision: Floats, recall: Floats, f1: Floats, rule: Rule, name: str) -> tuple[int, str | None]:
    if rule.least is None:
        return _middle(f1 == f1.max()), None
    kept, served = (recall, precision) if rule.goal == "recall" else (precision, recall)
    allowed = kept >= rule.least
    if allowed.any():
        return _middle(allowed & (served == served[allowed].max())), None
    allowed = kept == kept.max()
    note = f"{name}: {rule} is not reached on the images that choose; the most is {kept.max():.3f}, and that is taken"
    return _middle(allowed & (served == served[allowed].max())), note


def _middle(equal: Flags) -> int:
    """Of the run of equals that is highest up, the middle one."""
    last = int(np.flatnonzero(equal)[-1])
    before = np.flatnonzero(~equal[:last])
    first = int(before[-1]) + 1 if len(before) else 0
    return (first + last + 1) // 2


def _choose_presence(scores: Floats, present: Flags, rule: Rule, name: str) -> PresenceChoice:
    candidates = presence_candidates(scores)
    order = np.sort(scores[present]), np.sort(scores[~present])
    true, false = (len(side) - np.searchsorted(side, candidates, side="right") for side in order)
    choice = choose(candidates, np.stack([true, false, len(order[0]) - true]), rule, name)
    return PresenceChoice(choice, fit_calibration(scores, present), float(present.mean()) if len(present) else None)


def _reason(candidates: int, name: str) -> str:
    return f"no image that chooses holds {name}" if candidates else "nothing was detected"
