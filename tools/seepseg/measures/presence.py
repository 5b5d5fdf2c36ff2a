"""Presence: whether an image holds a class at all, told by a classifier, or by the highest confidence of detections:
above a threshold it does.

A class absent from the truth has an accuracy and a confusion table, and no other figure. Precision where nothing was
predicted, and AUROC where every image has the class, are undefined too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.dataset.truth import Truth
from seepseg.measures.figures import Figures, Floats, ratio, weigh
from seepseg.values import Prediction

SECTION = "presence"
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Presence:
    """(images, classes): the highest confidence, 0 where nothing was found; and whether the truth has the class."""

    scores: Floats
    present: Flags

    @property
    def any_score(self) -> Floats:
        """(images,) the highest of all classes."""
        highest: Floats = self.scores.max(axis=1)
        return highest

    @property
    def any_present(self) -> Flags:
        """(images,) whether there is an object of any class."""
        return np.asarray(self.present.any(axis=1))


def score_image(prediction: Prediction, truth: Truth, class_count: int) -> tuple[Floats, Flags]:
    """One row of scores, one of what is there."""
    scores, present = np.array(prediction.scores_by_class(class_count)), np.zeros(class_count, np.bool_)
    present[[one.class_id for one in truth.objects]] = True
    return scores, present


def gather(rows: Sequence[tuple[Floats, Flags]]) -> Presence:
    """The rows of many images."""
    return Presence(np.stack([scores for scores, _ in rows]), np.stack([present for _, present in rows]))


def presence_figures(
    presence: Presence,
    thresholds: Floats,
    any_threshold: Floats | float,
    names: Sequence[str],
    weights: Floats | None = None,
) -> Figures:
    """Every ratio in `presence` of metrics.json, under each row of weights. A threshold for each class, (classes,), or
    for each image and class; `any_threshold` is one number, or one for each image."""
    weights = weigh(weights, len(presence.scores))
    figures = _ratios(presence.any_score, presence.any_present, any_threshold, weights, (SECTION,))
    apart = np.broadcast_to(thresholds, presence.scores.shape)
    for index, name in enumerate(names):
        scores, present = presence.scores[:, index], presence.present[:, index]
        figures |= _ratios(scores, present, apart[:, index], weights, (SECTION, "per_class", name))
    return figures


def confusions(
    presence: Presence, thresholds: Floats, any_threshold: Floats | float, names: Sequence[str]
) -> dict[str, Any]:
    """The confusion tables, to be laid over the tree of figures."""
    apart = np.broadcast_to(thresholds, presence.scores.shape)
    classes = {
        name: {"confusion": _confusion(presence.scores[:, index], presence.present[:, index], apart[:, index])}
        for index, name in enumerate(names)
    }
    return {
        "confusion": _confusion(presence.any_score, presence.any_present, any_threshold),
        "per_class": classes,
    }


def count_presence(scores: Floats, present: Flags, threshold: Floats | float, weights: Floats) -> Floats:
    """(4, replicates): true positives, false positives, false negatives, true negatives."""
    found = scores > threshold
    kinds = (found & present, found & ~present, ~found & present, ~found & ~present)
    return np.stack([weights @ kind.astype(np.float64) for kind in kinds])


def rank_figures(scores: Floats, present: Flags, weights: Floats) -> tuple[Floats, Floats]:
    """AUROC and average precision under each row of weights: images of one score are ranked as one."""
    order = np.argsort(-scores, kind="stable")
    firsts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    ordered = weights[:, order]
    positive = np.add.reduceat(ordered * present[order], firsts, axis=1)
    negative = np.add.reduceat(ordered * ~present[order], firsts, axis=1)
    positives, negatives = positive.sum(axis=1), negative.sum(axis=1)
    below = negatives[:, None] - negative.cumsum(axis=1)
    auroc = ratio((positive * (below + negative / 2)).sum(axis=1), positives * negatives)
    found = positive.cumsum(axis=1)
    precision = found / np.maximum(found + negative.cumsum(axis=1), 1e-12)
    return auroc, ratio((positive * precision).sum(axis=1), positives)


def _ratios(
    scores: Floats, present: Flags, threshold: Floats | float, weights: Floats, path: tuple[str, ...]
) -> Figures:
    true, false, missed, rest = count_presence(scores, present, threshold, weights)
    positives = true + missed
    auroc, average = rank_figures(scores, present, weights)
    return {
        (*path, "accuracy"): ratio(true + rest, positives + false + rest),
        (*path, "precision"): np.where(positives > 0, ratio(true, true + false), np.nan),
        (*path, "recall"): ratio(true, positives),
        (*path, "f1"): np.where(positives > 0, ratio(2 * true, positives + true + false), np.nan),
        (*path, "auroc"): auroc,
        (*path, "ap"): average,
    }


def _confusion(scores: Floats, present: Flags, threshold: Floats | float) -> dict[str, int]:
    counts = count_presence(scores, present, threshold, np.ones((1, len(scores))))[:, 0]
    return dict(zip(("tp", "fp", "fn", "tn"), counts.astype(int).tolist(), strict=True))
