"""Evaluations beside each other, and whether what lies between them is real.

Two runs are told apart on the same drawings of the images that both have: a hard image is hard for either, so that the
difference is known better than the figures are. Each run keeps its own thresholds.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import UsageError
from seepseg.evaluate.evidence import Evidence, measure, read_evidence
from seepseg.measures.bootstrap import Difference, count_units, paired_differences, resample
from seepseg.measures.figures import Figures, Floats
from seepseg.predict.network import CLASSIFY
from seepseg.report.cost import Columns, Cost, read_cost, read_training
from seepseg.report.results import Results, read_results
from seepseg.report.verdict import Headline, headlines
from seepseg.wording import count, verb

SEEDS = (
    "The intervals are over images: the same training with another seed may differ as much, so train each with two "
    "seeds before you choose."
)
_Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation."""

    label: str
    results: Results
    evidence: Evidence | None
    """None where replicates.npz is gone: its figures can be shown, not compared image by image."""
    training: Columns
    cost: Cost

    @property
    def figures(self) -> dict[tuple[str, ...], Headline]:
        """The headline figures."""
        return {one.path: one for one in headlines(self.results)}


@dataclass(frozen=True, slots=True)
class Pair:
    """A run against the first."""

    label: str
    images: int
    """That both have."""
    differences: dict[tuple[str, ...], Difference]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs, the first being what the others are held against."""

    runs: tuple[Run, ...]
    pairs: tuple[Pair, ...]

    @property
    def is_of_trainings(self) -> bool:
        """Whether another seed could have told otherwise: what lies between two evaluations of one model has none."""
        models = {run.results.metrics.get("model") for run in self.runs if run.training}
        return len(models) > 1 and any(pair.differences for pair in self.pairs)


def compare_runs(folders: Sequence[Path], *, replicates: int = 1000, seed: int = 0) -> Comparison:
    """Read them all, and hold each against the first."""
    if len(folders) < 2:
        raise UsageError("give two folders at least, each with the metrics.json of an evaluation")
    labels = _label(folders)
    runs = tuple(_read_run(*one) for one in zip(labels, folders, strict=True))
    return Comparison(runs, tuple(_pair(runs[0], other, replicates, seed) for other in runs[1:]))


def judge(difference: Difference) -> str:
    """In a word, at a certainty of 95 %."""
    if difference.difference == difference.low == difference.high == 0:
        return "no difference"
    if difference.low > 0:
        return "higher"
    return "lower" if difference.high < 0 else "not told apart"


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    """For programs: headline figures of each run, every difference of each pair."""
    first = comparison.runs[0].label
    return {
        "runs": [
            {
                "run": run.label,
                "folder": run.results.folder.as_posix(),
                "cost": asdict(run.cost),
                "figures": {
                    ".".join(path): {"value": one.value, "ci95": one.interval} for path, one in run.figures.items()
                },
            }
            for run in comparison.runs
        ],
        "pairs": [
            {
                "first": first,
                "second": pair.label,
                "images": pair.images,
                "notes": list(pair.notes),
                "differences": {
                    ".".join(path): {**asdict(one), "verdict": judge(one)} for path, one in pair.differences.items()
                },
            }
            for pair in comparison.pairs
        ],
    }


def _label(folders: Sequence[Path]) -> list[str]:
    """Names of the folders, with as much of what is above as tells them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for depth in (1, 2, 3):
        labels = ["/".join(some[-depth:]) for some in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{some[-1]} ({number})" for number, some in enumerate(parts, 1)]


def _read_run(label: str, folder: Path) -> Run:
    results = read_results(folder)
    file = folder / "replicates.npz"
    evidence = read_evidence(file) if file.is_file() else None
    return Run(label, results, evidence, read_training(results), read_cost(results))


def _pair(first: Run, second: Run, replicates: int, seed: int) -> Pair:
    if first.evidence is None or second.evidence is None:
        gone = first.label if first.evidence is None else second.label
        return _unpaired(second, 0, f"{gone} has no replicates.npz, so images can't be paired; evaluate it again")
    one, other = first.evidence, second.evidence
    if set(one.names) != set(other.names):
        return _unpaired(
            second, 0, f"{first.label} and {second.label} have different classes, so their figures differ in meaning"
        )
    rows, other_rows = _common(one, other)
    if len(rows) == len(one.images) == len(other.images) == 1:
        few = f"{first.label} and {second.label} are of one and the same image, and one image is too few"
        return _unpaired(second, 1, f"{few}; evaluate both on more images")
    if len(rows) < 2:
        splits = f"{first.results.metrics.get('split')} and {second.results.metrics.get('split')}"
        why = f"{first.label} and {second.label} share {count(len(rows), 'image')} (splits {splits})"
        return _unpaired(second, len(rows), f"{why}; evaluate both on the same split of the same data")
    changed = _count_changed(one, rows, other, other_rows)
    if changed:
        why = f"the truth of {count(changed, 'image')} that both have {verb(changed)} not the same"
        return _unpaired(second, len(rows), f"{why}; evaluate both on the same labels")
    groups = None if one.groups is None else [one.groups[row] for row in rows]
    drawn, units = resample(groups, len(rows), replicates, seed), count_units(groups, len(rows))
    found = paired_differences(
        partial(_measure_rows, one, rows), partial(_measure_rows, other, other_rows), drawn, units
    )
    return Pair(second.label, len(rows), found, _notes(first, second, len(rows)))


def _unpaired(second: Run, images: int, why: str) -> Pair:
    return Pair(second.label, images, {}, (f"no paired comparison: {why}",))


def _notes(first: Run, second: Run, images: int) -> tuple[str, ...]:
    assert first.evidence is not None
    assert second.evidence is not None
    notes = []
    sizes = len(first.evidence.images), len(second.evidence.images)
    if max(sizes) > images:
        notes.append(
            f"the difference is measured on the {images:,} images that both have; {first.label} has {sizes[0]:,}, "
            f"{second.label} {sizes[1]:,}"
        )
    tasks = [run.results.metrics.get("task") for run in (first, second)]
    if tasks[0] != tasks[1] and CLASSIFY in tasks:
        said = first.label if tasks[0] == CLASSIFY else second.label
        notes.append(f"{said} says nothing of where things are: compare their presence")
    elif tasks[0] != tasks[1]:
        notes.append(f"{first.label} is of the task {tasks[0]}, {second.label} of {tasks[1]}: compare their pixels")
    return tuple(notes)


def _common(one: Evidence, other: Evidence) -> tuple[_Rows, _Rows]:
    """Where the images that both have stand in each."""
    places = {image: row for row, image in enumerate(other.images)}
    both = [(row, places[image]) for row, image in enumerate(one.images) if image in places]
    rows = np.array(both, np.intp).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _count_changed(one: Evidence, rows: _Rows, other: Evidence, other_rows: _Rows) -> int:
    """Images whose true pixels, by class, are not as many in both."""
    order = [other.names.index(name) for name in one.names]
    true, other_true = (np.asarray(each.pixels.counts)[:, :-1, [0, 2]].sum(axis=2) for each in (one, other))
    same = true[rows] == other_true[other_rows][:, order]
    return int(np.count_nonzero(~same.all(axis=1) | (one.pixels.total[rows] != other.pixels.total[other_rows])))


def _measure_rows(evidence: Evidence, rows: _Rows, weights: Floats) -> Figures:
    """The figures under weights of some of the images, the others being left out."""
    spread = np.zeros((len(weights), len(evidence.images)))
    spread[:, rows] = weights
    return measure(evidence, spread)
