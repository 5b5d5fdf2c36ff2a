"""Average precision as COCOeval accumulates it, for the images as they are or drawn again and again.

Only right detections move the curve: between two of them precision falls and recall stands, and the interpolated curve
takes the best precision at or beyond each recall. So a curve needs the counts at right detections alone, and drawing
images again means other weights, not another matching: 1,000 draws of 100,000 detections take seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seepseg.measures.matching import AREAS, IOU_THRESHOLDS, Floats, Matches

RECALLS = np.linspace(0, 1, 101)
Counts = NDArray[np.integer]
_CELLS = 4_000_000
"""Weights held at a time when images are drawn again: 32 MB."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The matches of many images, one after the other."""

    images: int
    matches: Matches
    image_of: NDArray[np.int32]
    """Of each detection."""
    image_of_true: NDArray[np.int32]
    """Of each true object."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The detections of one class in one range of areas, best score first; equal scores in the order of the images."""

    scores: Floats
    images: NDArray[np.int32]
    hits: NDArray[np.uint16]
    ignored: NDArray[np.uint16]
    positives: NDArray[np.int64]
    """Per image: true objects to be found."""

    def right(self, threshold: int) -> NDArray[np.bool_]:
        """Which count as right at `IOU_THRESHOLDS[threshold]`."""
        return _bit(self.hits & ~self.ignored, threshold)

    def out(self, threshold: int) -> NDArray[np.bool_]:
        """Which count for nothing there."""
        return _bit(self.ignored, threshold)


def pool(matches: Sequence[Matches]) -> Pool:
    """Put the images together, in their order."""
    if not matches:
        empty = np.empty(0)
        none = np.empty((len(AREAS), 0), np.uint16)
        whole = Matches(empty.astype("u2"), empty, none, none, empty.astype("u2"), none.astype(bool), empty)
    else:
        whole = Matches(
            np.concatenate([one.class_ids for one in matches]),
            np.concatenate([one.scores for one in matches]),
            np.concatenate([one.hits for one in matches], axis=1),
            np.concatenate([one.ignored for one in matches], axis=1),
            np.concatenate([one.true_ids for one in matches]),
            np.concatenate([one.counted for one in matches], axis=1),
            np.concatenate([one.found for one in matches]),
        )
    numbers = np.arange(len(matches), dtype=np.int32)
    image_of = np.repeat(numbers, [len(one.scores) for one in matches])
    return Pool(len(matches), whole, image_of, np.repeat(numbers, [len(one.true_ids) for one in matches]))


def rank(pooled: Pool, class_id: int, area: str = "all") -> Ranked:
    """One class of the pool, in one of `AREAS`."""
    row, all_of = list(AREAS).index(area), pooled.matches
    mine = np.flatnonzero(all_of.class_ids == class_id)
    mine = mine[np.argsort(-all_of.scores[mine], kind="stable")]
    true = (all_of.true_ids == class_id) & all_of.counted[row]
    positives = np.bincount(pooled.image_of_true[true], minlength=pooled.images)
    return Ranked(
        all_of.scores[mine], pooled.image_of[mine], all_of.hits[row, mine], all_of.ignored[row, mine], positives
    )


def interpolate(ranked: Ranked, weights: Counts | None = None) -> Floats:
    """Precision at `RECALLS`: (draws, IoU thresholds, recalls). `weights` (draws, images) say how often each image
    counts; without them there is one draw with each image once. NaN in a draw without an object to find.

    Equal to repeating the images, but for the order among different detections of exactly one score.
    """
    weights = np.ones((1, len(ranked.positives)), np.int64) if weights is None else weights
    curves = np.empty((len(weights), len(IOU_THRESHOLDS), len(RECALLS)))
    start = 0
    for some in _portions(weights, len(ranked.scores)):
        curves[start : start + len(some)] = _interpolate(ranked, some)
        start += len(some)
    return curves


def average_precision(ranked: Ranked) -> Floats | None:
    """At each of `IOU_THRESHOLDS`; None where there is nothing to find."""
    return None if not ranked.positives.any() else interpolate(ranked)[0].mean(axis=1)


def score_at_recalls(ranked: Ranked, threshold: int = 0) -> Floats:
    """The lowest score of the detections that it takes to reach each of `RECALLS`; NaN where it is never reached."""
    right = ranked.right(threshold)
    recall = np.arange(1, right.sum() + 1) / max(ranked.positives.sum(), 1)
    return np.append(ranked.scores[right], np.nan)[np.searchsorted(recall, RECALLS)]


def bootstrap_map(
    matches: Sequence[Matches] | Pool, names: Sequence[str], draws: Counts
) -> Mapping[str, NDArray[np.float64]]:
    """The figures of every draw, by dotted name as in metrics.json below `mask` or `box`. `draws` (draws, images) say
    how often each image was drawn; NaN where a draw holds no object of a class, which then is left out of its mean."""
    pooled = matches if isinstance(matches, Pool) else pool(matches)
    per_class = {}
    for class_id, name in enumerate(names):
        ranked = rank(pooled, class_id)
        if ranked.positives.any():
            precision = np.concatenate(
                [_interpolate(ranked, some).mean(axis=2) for some in _portions(draws, len(ranked.scores))]
            )
            per_class[name] = {"ap50": precision[:, 0], "ap50_95": precision.mean(axis=1)}
    figures = {
        f"m{key}": _mean_of_present([one[key] for one in per_class.values()], len(draws)) for key in ("ap50", "ap50_95")
    }
    for name, values in per_class.items():
        figures |= {f"per_class.{name}.{key}": value for key, value in values.items()}
    return figures


def _bit(words: NDArray[np.uint16], number: int) -> NDArray[np.bool_]:
    return (words >> np.uint16(number) & np.uint16(1)).astype(np.bool_)


def _mean_of_present(columns: Sequence[Floats], draws: int) -> Floats:
    values = np.stack(columns) if columns else np.empty((0, draws))
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(present, values, 0).sum(axis=0) / present.sum(axis=0)
    return mean


def _portions(weights: Counts, detections: int) -> Iterator[Counts]:
    rows = max(1, _CELLS // max(detections, 1))
    yield from (weights[start : start + rows] for start in range(0, len(weights), rows))


def _interpolate(ranked: Ranked, weights: Counts) -> Floats:
    curves = np.zeros((len(weights), len(IOU_THRESHOLDS), len(RECALLS)))
    positives = weights @ ranked.positives
    useful = len(np.trim_zeros(ranked.hits, "b"))
    seen = np.cumsum(np.take(weights, ranked.images[:useful], axis=1), axis=1, dtype=np.int64)
    for threshold in range(len(IOU_THRESHOLDS)):
        right = np.flatnonzero(ranked.right(threshold))
        if len(right):
            true = np.cumsum(weights[:, ranked.images[right]], axis=1, dtype=np.int64)
            counting = seen[:, right] - _ignored_before(ranked, threshold, right, weights)
            precision = true / np.maximum(counting, 1)
            best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            curves[:, threshold] = _read_off(true, best, positives)
    curves[positives == 0] = np.nan
    return curves


def _ignored_before(ranked: Ranked, threshold: int, right: NDArray[np.intp], weights: Counts) -> Counts | int:
    """How much of what stands before each right detection counts for nothing."""
    out = np.flatnonzero(ranked.out(threshold))
    if not len(out):
        return 0
    sums = np.cumsum(weights[:, ranked.images[out]], axis=1, dtype=np.int64)
    return np.pad(sums, ((0, 0), (1, 0)))[:, np.searchsorted(out, right)]


def _read_off(true: Counts, best: Floats, positives: Counts) -> Floats:
    """The curve of each draw at `RECALLS`, zero beyond the last recall reached."""
    curves = np.zeros((len(true), len(RECALLS)))
    for draw in np.flatnonzero(positives):
        at = np.searchsorted(true[draw] / positives[draw], RECALLS)
        reached = at < true.shape[1]
        curves[draw, reached] = best[draw, at[reached]]
    return curves
