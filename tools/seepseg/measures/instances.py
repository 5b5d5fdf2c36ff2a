"""How well objects are found: what is kept of each image while an evaluation streams, and the figures at its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.dataset.truth import Truth
from seepseg.measures.average_precision import (
    Pool,
    Ranked,
    average_precision,
    interpolate,
    pool,
    rank,
    score_at_recalls,
)
from seepseg.measures.confusion import Overlapping, find_overlapping
from seepseg.measures.matching import AREAS, Floats, Matches, Predicted, match_image, overlaps, share_inside
from seepseg.measures.widths import bin_widths

CONFIDENCES = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class Judged:
    """One image: some hundred bytes an object, no bitmaps."""

    masks: Matches
    boxes: Matches
    overlapping: Overlapping
    width_bins: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Curves:
    """Of one class, at IoU 0.5 unless said otherwise."""

    precision: Floats
    """(IoU thresholds, recalls), interpolated, at average_precision.RECALLS."""
    score: Floats
    """At RECALLS: the confidence that reaches each; NaN where none does."""
    by_confidence: Floats
    """(3, confidences): precision, recall and F1 at CONFIDENCES; precision is NaN where nothing is left."""


def judge_image(truth: Truth, predicted: Sequence[Predicted]) -> Judged:
    """Match one image by masks and by boxes. Pixels that the truth leaves open excuse what is found there."""
    objects, size = truth.objects, (truth.width, truth.height)
    ious = overlaps(objects, predicted, "mask", *size)
    open_shares = None if truth.ignore is None else share_inside(truth.ignore, predicted, *size)
    return Judged(
        match_image(objects, predicted, "mask", *size, ious=ious, open_shares=open_shares),
        match_image(objects, predicted, "box", *size, open_shares=open_shares),
        find_overlapping(objects, predicted, ious, open_shares),
        bin_widths(objects, *size),
    )


def summarize(matches: Sequence[Matches] | Pool, names: Sequence[str]) -> dict[str, Any]:
    """The figures as metrics.json has them below `mask` or `box`; None for a class that the truth lacks, which is left
    out of means."""
    pooled = matches if isinstance(matches, Pool) else pool(matches)
    sizes = {area: _by_class(pooled, names, area) for area in AREAS}
    per_class = {}
    for class_id, name in enumerate(names):
        ranked = rank(pooled, class_id)
        per_class[name] = {
            **sizes["all"][name],
            "by_size": {area: sizes[area][name] for area in AREAS if area != "all"},
            "best_f1": best_f1(ranked),
        }
    means = {area: {f"m{key}": _mean(figures, key) for key in ("ap50", "ap50_95")} for area, figures in sizes.items()}
    return {**means.pop("all"), "by_size": means, "per_class": per_class}


def draw_curves(matches: Sequence[Matches] | Pool, names: Sequence[str]) -> dict[str, Curves]:
    """The curves of every class that the truth has."""
    pooled = matches if isinstance(matches, Pool) else pool(matches)
    curves = {}
    for class_id, name in enumerate(names):
        ranked = rank(pooled, class_id)
        if ranked.positives.any():
            curves[name] = Curves(interpolate(ranked)[0], score_at_recalls(ranked), measure_confidence(ranked))
    return curves


def measure_confidence(ranked: Ranked, confidences: Floats = CONFIDENCES) -> Floats:
    """(3, confidences): precision, recall and F1 at IoU 0.5 of the detections that score that much or more."""
    right, wrong = ranked.right(0), ~ranked.out(0) & (ranked.hits & 1 == 0)
    kept = np.searchsorted(-ranked.scores, -confidences, side="right")
    true, false = (np.append(0, np.cumsum(some))[kept] for some in (right, wrong))
    positives = ranked.positives.sum()
    with np.errstate(invalid="ignore"):
        return np.stack([true / (true + false), true / positives, 2 * true / (true + false + positives)])


def best_f1(ranked: Ranked) -> dict[str, float] | None:
    """The confidence with the highest F1 at IoU 0.5, of equal ones the highest; None where nothing is right at any."""
    confidences = np.unique(ranked.scores)[::-1]
    if not ranked.right(0).any():
        return None
    figures = measure_confidence(ranked, confidences)
    at = int(figures[2].argmax())
    return dict(
        zip(
            ("confidence", "precision", "recall", "f1"), [float(confidences[at]), *figures[:, at].tolist()], strict=True
        )
    )


def _by_class(pooled: Pool, names: Sequence[str], area: str) -> dict[str, dict[str, Any]]:
    figures = {}
    for class_id, name in enumerate(names):
        ranked = rank(pooled, class_id, area)
        precision = average_precision(ranked)
        figures[name] = {
            "ap50": None if precision is None else float(precision[0]),
            "ap50_95": None if precision is None else float(precision.mean()),
            "instances": int(ranked.positives.sum()),
        }
    return figures


def _mean(figures: Mapping[str, Mapping[str, Any]], key: str) -> float | None:
    values = [one[key] for one in figures.values() if one[key] is not None]
    return float(np.mean(values)) if values else None
