"""curves.json: what the plots of a report are drawn from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seepseg.evaluate.evidence import Evidence
from seepseg.evaluate.in_force import InForce, probabilities
from seepseg.measures.average_precision import RECALLS
from seepseg.measures.calibration import measure_reliability
from seepseg.measures.confusion import Confusion
from seepseg.measures.figures import Floats, plain, ratio
from seepseg.measures.instances import CONFIDENCES, Curves, draw_curves
from seepseg.measures.pixels import Cells, sweep
from seepseg.measures.presence import Flags, Presence

ANY = "any"
MOST_POINTS = 500
"""Of a curve with a point for each image."""


def draw(
    evidence: Evidence, cells: Cells | None, grid: Floats, used: InForce, confusion: Confusion | None
) -> dict[str, Any]:
    """All curves; null where masks of another tool, or a classifier, have none."""
    names = evidence.names
    rankings = _rankings(evidence.presence, names)
    masks = None if evidence.masks is None else draw_curves(evidence.masks, names)
    boxes = None if evidence.boxes is None else draw_curves(evidence.boxes, names)
    return {
        "pr": masks and boxes and {"mask": _precision_recall(masks), "box": _precision_recall(boxes)},
        "f1_by_conf": masks and {name: _by_confidence(curve) for name, curve in masks.items()},
        "confusion": confusion and {"names": [*names, "background"], "counts": confusion.counts.tolist()},
        "roc": {name: _roc(*ranking) for name, ranking in rankings.items()},
        "presence_pr": {name: _presence_curve(*ranking) for name, ranking in rankings.items()},
        "reliability": used.fitted
        and {
            name: _reliability(*ranking, probabilities(used, ranking[0], None if name == ANY else pick, names))
            for pick, (name, ranking) in enumerate(rankings.items())
        },
        "pixels_by_conf": None if cells is None else _by_level(cells, grid, names),
    }


def _rankings(presence: Presence, names: Sequence[str]) -> dict[str, tuple[Floats, Flags]]:
    """Classes in their order, any of them last."""
    found = {name: (presence.scores[:, index], presence.present[:, index]) for index, name in enumerate(names)}
    return {**found, ANY: (presence.any_score, presence.any_present)}


def _precision_recall(curves: dict[str, Curves]) -> dict[str, Any]:
    return {
        name: {"recall": RECALLS.tolist(), "precision": _plain(curve.precision[0]), "score": _plain(curve.score)}
        for name, curve in curves.items()
    }


def _by_confidence(curve: Curves) -> dict[str, Any]:
    precision, recall, f1 = map(_plain, curve.by_confidence)
    return {"conf": CONFIDENCES.tolist(), "precision": precision, "recall": recall, "f1": f1}


def _steps(scores: Floats, present: Flags) -> tuple[Floats, Floats]:
    """True and false positives from no image to all, images of one score together."""
    order = np.argsort(-scores, kind="stable")
    lasts = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    true, false = np.cumsum(present[order])[lasts], np.cumsum(~present[order])[lasts]
    kept = np.unique(np.linspace(0, len(lasts) - 1, min(len(lasts), MOST_POINTS)).round().astype(int))
    return np.append(0.0, true[kept]), np.append(0.0, false[kept])


def _roc(scores: Floats, present: Flags) -> dict[str, Any]:
    true, false = _steps(scores, present)
    return {"fpr": _plain(ratio(false, false[-1])), "tpr": _plain(ratio(true, true[-1]))}


def _presence_curve(scores: Floats, present: Flags) -> dict[str, Any]:
    true, false = (counts[1:] for counts in _steps(scores, present))
    return {"recall": _plain(ratio(true, true[-1])), "precision": _plain(ratio(true, true + false))}


def _reliability(scores: Floats, present: Flags, calibrated: Floats | None) -> dict[str, Any]:
    measured = measure_reliability(scores if calibrated is None else calibrated, present)
    return {
        "predicted": _plain(measured.probability),
        "observed": _plain(measured.share),
        "count": measured.images.tolist(),
        "ece": measured.ece,
        "brier": measured.brier,
        "calibrated": calibrated is not None,
    }


def _by_level(cells: Cells, grid: Floats, names: Sequence[str]) -> dict[str, Any]:
    table = {}
    for name, (true, false, missed) in zip(names, sweep(cells, len(grid)), strict=True):
        figures = {
            "iou": ratio(true, true + false + missed),
            "dice": ratio(2 * true, 2 * true + false + missed),
            "precision": ratio(true, true + false),
            "recall": ratio(true, true + missed),
        }
        table[name] = {"conf": grid.tolist(), **{key: _plain(values) for key, values in figures.items()}}
    return table


def _plain(values: Floats) -> list[float | None]:
    return [plain(value) for value in values]
