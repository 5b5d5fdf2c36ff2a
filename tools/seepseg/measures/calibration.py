"""From confidence to probability of presence: Platt's logistic curve over the logit of the confidence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seepseg.measures.figures import Floats, ratio

LEAST = 0.001
"""The lowest confidence that evaluation asks a model for; what has none lies there."""
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Calibration:
    """probability = 1 / (1 + exp(-(slope × logit(confidence) + offset)))"""

    slope: float
    offset: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Per bin of probability: images, mean probability and share that has the class (NaN in an empty bin)."""

    images: NDArray[np.int64]
    probability: Floats
    share: Floats
    ece: float
    """Expected calibration error: the mean distance of the two, by images."""
    brier: float


def fit_calibration(scores: Floats, present: NDArray[np.bool_]) -> Calibration | None:
    """The likeliest curve, towards Platt's softened targets, so that it stays finite where scores separate the images
    and where these are few. None where every image has the class, or none, or all have one score; and where a higher
    confidence would mean a lower probability."""
    positives = int(np.count_nonzero(present))
    negatives = len(present) - positives
    if not positives or not negatives or np.ptp(scores) == 0:
        return None
    targets = np.where(present, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([_logit(scores), np.ones(len(scores))])
    slope, offset = _newton(design, targets, np.array([0.0, np.log((positives + 1) / (negatives + 1))])).tolist()
    return Calibration(slope, offset) if slope > 0 else None


def calibrate(scores: ArrayLike, calibration: Calibration) -> Floats:
    """The probability of presence for each confidence."""
    return _logistic(calibration.slope * _logit(np.asarray(scores, np.float64)) + calibration.offset)


def measure_reliability(probability: Floats, present: NDArray[np.bool_], bins: int = 10) -> Reliability:
    """How far the probabilities can be taken at their word, in bins of equal width."""
    at = np.minimum((probability * bins).astype(np.int64), bins - 1)
    images = np.bincount(at, minlength=bins)
    mean = ratio(np.bincount(at, probability, minlength=bins), images)
    share = ratio(np.bincount(at, present, minlength=bins), images)
    apart = float(np.nansum(images * np.abs(mean - share)) / len(probability))
    return Reliability(images, mean, share, apart, float(np.mean((probability - present) ** 2)))


def _newton(design: Floats, targets: Floats, start: Floats) -> Floats:
    """Newton's steps, each halved until the likelihood does not fall."""
    at, loss = start, _loss(design, targets, start)
    for _ in range(_STEPS):
        probability = _logistic(design @ at)
        gradient = design.T @ (probability - targets)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while (after := _loss(design, targets, at - step)) > loss and np.abs(step).max() > 1e-12:
            step = step / 2
        if np.abs(step).max() <= 1e-10 or after > loss:
            break
        at, loss = at - step, after
    return at


def _loss(design: Floats, targets: Floats, at: Floats) -> float:
    value = design @ at
    return float((np.logaddexp(0, value) - targets * value).sum())


def _logit(scores: Floats) -> Floats:
    inside = np.clip(scores, LEAST, 1 - LEAST)
    return np.log(inside / (1 - inside))


def _logistic(value: Floats) -> Floats:
    return np.exp(-np.logaddexp(0, -value))
