"""metrics.json: every figure of an evaluation, its interval, and what made it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seepseg.evaluate.evidence import Evidence, measure
from seepseg.evaluate.in_force import InForce
from seepseg.evaluate.observation import Observation
from seepseg.measures.bootstrap import bounded_interval, count_units
from seepseg.measures.figures import Figures, Floats, flatten, tree
from seepseg.measures.instances import summarize
from seepseg.measures.matching import AREAS
from seepseg.measures.presence import Flags, confusions
from seepseg.measures.widths import recall_by_width

ALONE = "there are no intervals: all images are of one group, or there is one only"


def assemble(
    observations: Sequence[Observation], evidence: Evidence, used: InForce, replicates: Figures
) -> dict[str, Any]:
    """All that follows from the images; what made them is the caller's to add."""
    names = evidence.names
    figures = tree(measure(evidence))
    instances = {
        kind: None if pooled is None else summarize(pooled, names)
        for kind, pooled in (("mask", evidence.masks), ("box", evidence.boxes))
    }
    return {
        "images": len(observations),
        "images_with_objects": int(np.count_nonzero(evidence.presence.any_present)),
        "groups": None if evidence.groups is None else len(set(evidence.groups)),
        "image_size_px": np.median([(one.width, one.height) for one in observations], axis=0).astype(int).tolist(),
        **_thresholds(used, names),
        "mask": _without_sizes(instances["mask"]),
        "box": _without_sizes(instances["box"]),
        "sizes": _sizes(instances["mask"]),
        "widths": _widths(observations, used, len(names)),
        "pixels": figures.get("pixels"),
        "presence": _presence(figures["presence"], evidence, used),
        "ci95": _intervals(evidence, replicates),
    }


def above(limits: Floats) -> Floats:
    """Limits for functions that take `score >= limit`, where all others take `score > limit`."""
    return np.nextafter(limits, np.inf)


def _thresholds(used: InForce, names: Sequence[str]) -> dict[str, Any]:
    if used.fitted is None:
        return dict.fromkeys(("thresholds", "thresholds_from", "fitted", "rule"))
    found = {
        "thresholds": dict(zip(names, _middle(used.confidence), strict=True)),
        "thresholds_from": used.source,
        "fitted": used.fitted,
        "rule": used.rule,
    }
    if used.folds is not None:
        apart = [[choice.value for choice in one.confidence] for one in used.chosen]
        found["thresholds_by_fold"] = dict(zip(names, np.transpose(apart).tolist(), strict=True))
    return found


def _middle(limits: Floats) -> list[float]:
    """One number each where parts of the split have their own: one of them, no mean."""
    values: list[float] = np.quantile(limits, 0.5, axis=0, method="lower").tolist()
    return values


def _without_sizes(figures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if figures is None else {key: value for key, value in figures.items() if key != "by_size"}


def _sizes(figures: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    classes = figures["per_class"].values()
    return {
        area: {**figures["by_size"][area], "instances": sum(one["by_size"][area]["instances"] for one in classes)}
        for area in AREAS
        if area != "all"
    }


def _widths(observations: Sequence[Observation], used: InForce, classes: int) -> list[dict[str, Any]] | None:
    judged = [one.judged for one in observations if one.judged is not None]
    if not judged:
        return None
    table = recall_by_width(
        [one.masks for one in judged], [one.width_bins for one in judged], above(used.confidence), classes
    )
    return [
        {
            "from": row["from_px"],
            "to": row["to_px"],
            "instances": row["instances"],
            "found": round(row["instances"] * (row["recall_at_thresholds"] or 0)),
            "recall": row["recall_at_thresholds"],
            "recall_any": row["recall"],
        }
        for row in table
    ]


def _presence(figures: dict[str, Any], evidence: Evidence, used: InForce) -> dict[str, Any]:
    tables = confusions(evidence.presence, used.presence, used.any_presence, evidence.names)
    limits: list[float | None] = [None] * len(evidence.names)
    lowest = None
    if used.fitted is not None:
        limits, lowest = list(_middle(used.presence)), _middle(used.any_presence[:, None])[0]
    per_class = {
        name: {"threshold": limit, **figures["per_class"][name], **tables["per_class"][name]}
        for name, limit in zip(evidence.names, limits, strict=True)
    }
    return {"threshold": lowest, **figures, "confusion": tables["confusion"], "per_class": per_class}


def _holding(evidence: Evidence, path: tuple[str, ...]) -> int:
    """How many units, images or groups of them, a figure speaks of: all of them of an accuracy; those with an alarm of
    a precision; those with the class of any other, and of a ranking those without, if they are fewer."""
    name = path[path.index("per_class") + 1] if "per_class" in path else None
    place = None if name is None else evidence.names.index(name)
    presence, figure = evidence.presence, path[-1]
    present = presence.any_present if place is None else presence.present[:, place]
    if figure.startswith("accuracy"):
        return _count_units(evidence, np.ones_like(present))
    if figure == "auroc":
        return min(_count_units(evidence, present), _count_units(evidence, ~present))
    if path[0] == "presence" and figure == "precision":
        score = presence.any_score if place is None else presence.scores[:, place]
        limit = evidence.any_threshold if place is None else evidence.presence_thresholds[:, place]
        return _count_units(evidence, score > limit)
    return _count_units(evidence, present)


def _count_units(evidence: Evidence, kept: Flags) -> int:
    """Of the images that are kept."""
    if evidence.groups is None:
        return int(np.count_nonzero(kept))
    return len({group for group, here in zip(evidence.groups, kept, strict=True) if here})


def _intervals(evidence: Evidence, replicates: Figures) -> dict[str, list[float]]:
    units = count_units(evidence.groups, len(evidence.images))
    found = {path: bounded_interval(values, units, _holding(evidence, path)) for path, values in replicates.items()}
    return flatten({path: ends for path, ends in found.items() if ends is not None})
