"""From what was seen in the images to the files of an evaluation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seepseg.evaluate import curves, metrics
from seepseg.evaluate.evidence import gather_evidence, replicate, write_evidence
from seepseg.evaluate.folder import METRICS
from seepseg.evaluate.image_table import write_images
from seepseg.evaluate.in_force import InForce
from seepseg.evaluate.observation import Observation, gather_glances
from seepseg.measures.bootstrap import resample
from seepseg.measures.confusion import Confusion, confuse
from seepseg.measures.figures import Floats


@dataclass(frozen=True, slots=True)
class Findings:
    """What was seen in the images of a split, and the thresholds that it is measured at."""

    names: tuple[str, ...]
    groups: Sequence[str] | None
    observations: Sequence[Observation]
    grid: Floats
    used: InForce
    places: bool = True
    """Whether it was said where things are; a classifier says of an image alone what it holds."""


def write_findings(
    folder: Path,
    found: Findings,
    *,
    head: Mapping[str, Any],
    tail: Mapping[str, Any],
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """metrics.json between its head and tail, curves.json, images.csv and replicates.npz; what the first says."""
    observations, used = found.observations, found.used
    evidence = gather_evidence(observations, found.names, found.groups, found.grid, used, places=found.places)
    confusion = _confuse(found)
    _, cells = gather_glances([one.glance for one in observations])
    drawn = resample(found.groups, len(observations), replicates, seed)
    values = replicate(evidence, drawn)
    report = {**head, **metrics.assemble(observations, evidence, used, values), **tail}
    write_evidence(folder / "replicates.npz", evidence, values)
    write_images(folder / "images.csv", observations, evidence, used, confusion)
    write_json(
        folder / "curves.json",
        curves.draw(evidence, cells if found.places else None, found.grid, used, confusion),
        indent=None,
    )
    write_json(folder / METRICS, report, indent=2)
    return report


def write_json(file: Path, content: Mapping[str, Any], *, indent: int | None) -> None:
    """Strict JSON: what is undefined is null by now."""
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    file.write_text(text + "\n", encoding="utf-8")


def _confuse(found: Findings) -> Confusion | None:
    judged = [one.judged for one in found.observations if one.judged is not None]
    if not judged:
        return None
    limits = metrics.above(np.asarray(found.used.confidence))
    return confuse([one.overlapping for one in judged], limits, len(found.names))
