"""images.csv: a line for each image, for those who look for where it fails."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seepseg.evaluate.evidence import Evidence
from seepseg.evaluate.in_force import InForce
from seepseg.evaluate.observation import Observation
from seepseg.measures.confusion import Confusion
from seepseg.measures.figures import Floats, mean_defined, ratio
from seepseg.measures.pixels import PixelCounts

HEAD = (
    *("image", "group", "width", "height", "truth_objects", "predicted_objects", "iou"),
    *("missed", "false_alarms", "confused", "presence_score", "presence_truth", "presence_verdict"),
)


def write_images(
    file: Path,
    observations: Sequence[Observation],
    evidence: Evidence,
    used: InForce,
    confusion: Confusion | None,
) -> None:
    """Predicted objects are those at the thresholds, and crowds are no true ones; iou is the mean over the classes in
    an image's truth or prediction. What is not known stays empty."""
    iou = class_iou(evidence.pixels) if evidence.places else np.full(len(observations), np.nan)
    found = _count_found(observations, used)
    scores = evidence.presence.any_score
    verdicts = scores > used.any_presence
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEAD)
        for row, one in enumerate(observations):
            wrong = (
                ("", "", "")
                if confusion is None
                else (confusion.misses[row], confusion.false_alarms[row], confusion.confused[row])
            )
            measured = "" if np.isnan(iou[row]) else f"{iou[row]:.6f}"
            place = (one.name, one.group or "", one.width, one.height)
            presence = (f"{scores[row]:.6f}", int(evidence.presence.any_present[row]), int(verdicts[row]))
            writer.writerow((*place, one.objects, found[row], measured, *wrong, *presence))


def class_iou(counts: PixelCounts) -> Floats:
    """Of each image over the classes in its truth or prediction, the background left out; NaN where there is none."""
    true, false, missed = np.moveaxis(counts.counts[:, :-1], 2, 0).astype(np.float64)
    return mean_defined(ratio(true, true + false + missed))


def _count_found(observations: Sequence[Observation], used: InForce) -> list[int | str]:
    limits = np.broadcast_to(used.confidence, (len(observations), used.confidence.shape[1]))
    return [
        ""
        if one.judged is None
        else int(np.count_nonzero(one.judged.overlapping.scores > limit[one.judged.overlapping.class_ids]))
        for one, limit in zip(observations, limits, strict=True)
    ]
