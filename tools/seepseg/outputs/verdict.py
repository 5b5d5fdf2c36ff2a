"""Whether an image holds a class at all: what a classifier says, or the highest confidence of any detection, above a
threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

from seepseg.measures.calibration import Calibration, calibrate
from seepseg.measures.thresholds import DEFAULT, Thresholds
from seepseg.values import Prediction


@dataclass(frozen=True, slots=True)
class Verdict:
    """On an image, or on one class of it."""

    present: bool
    score: float
    """0 where nothing was found."""
    probability: float | None
    """Calibrated on validation images; None where that could not be."""
    threshold: float | None
    """None for a scene, which holds what was found in it."""
    classes: tuple["Verdict", ...] = ()
    """One a class of the model, in its order."""


def judge(
    prediction: Prediction,
    thresholds: Thresholds | None,
    names: Sequence[str],
    *,
    limits: Sequence[float] | None = None,
) -> Verdict:
    """As evaluation counts it. The prediction must hold all detections down to evaluation's lowest confidence, and
    the thresholds be in the order of the names.

    With limits, which the user gave, these decide in place of the stored presence thresholds: a class by its own, any
    class by the lowest.
    """
    scores = prediction.scores_by_class(len(names))
    stored = thresholds.presence if thresholds else ()
    if limits is None:
        limits = [one.choice.value for one in stored] or [DEFAULT] * len(names)
        lowest = thresholds.any_presence.choice.value if thresholds else DEFAULT
    else:
        lowest = min(limits)
    curves = [one.calibration for one in stored] or [None] * len(names)
    classes = tuple(map(_judge, scores, limits, curves))
    whole = _judge(max(scores), lowest, thresholds.any_presence.calibration if thresholds else None)
    return Verdict(whole.present, whole.score, whole.probability, whole.threshold, classes)


def _judge(score: float, threshold: float, calibration: Calibration | None) -> Verdict:
    probability = None if calibration is None else float(calibrate(score, calibration))
    return Verdict(score > threshold, score, probability, threshold)
