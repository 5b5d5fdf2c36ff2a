"""Where the thresholds of a report come from, and where those go that `predict` will use.

The reported split chooses nothing that it is measured at. Thresholds that a run stores were chosen on a split called
val; a report on val is cross-fitted, whichever dataset they came from: derived datasets and folds share images.
"""

from collections.abc import Sequence
from pathlib import Path

from seepseg.dataset.layout import Dataset
from seepseg.evaluate.folder import THRESHOLDS
from seepseg.evaluate.in_force import Given, InForce, cross_fitted, for_masks, from_other_images, give
from seepseg.evaluate.observation import Glance, Observation, gather_glances, glance
from seepseg.evaluate.samples import read_samples
from seepseg.evaluate.subject import MASKS, Subject
from seepseg.measures.choosing import choose_thresholds
from seepseg.measures.figures import Floats
from seepseg.measures.levels import make_grid
from seepseg.measures.pixels import Cells
from seepseg.measures.presence import Presence
from seepseg.measures.threshold_file import read_thresholds
from seepseg.measures.thresholds import MAX_F1, Rule, Thresholds
from seepseg.predict.network import CLASSIFY
from seepseg.progress import track

CHOOSER = "val"
Fitted = tuple[InForce | None, Thresholds | None]
"""What is in force before the split is seen (None: to be cross-fitted), and what was chosen anew."""


def fit_before(
    subject: Subject, dataset: Dataset, split: str, *, given: Given | None, rule: Rule | None, data: str
) -> Fitted:
    """What can be decided without the reported images."""
    names = dataset.names
    if subject.task == MASKS:
        return for_masks(len(names), float(make_grid()[0])), None
    if given is not None:
        return give(given, names), None
    if split == CHOOSER:
        return None, None
    stored = subject.stored()
    if stored is not None and stored.split != split and rule in (None, stored.rule):
        return from_other_images(stored, names), None
    chosen = choose_on_val(subject, dataset, rule=rule or MAX_F1, data=data)
    return (None, None) if chosen is None else (from_other_images(chosen, names), chosen)


def fit_after(
    observations: Sequence[Observation],
    names: Sequence[str],
    split: str,
    *,
    groups: Sequence[str] | None,
    rule: Rule | None,
    data: str,
    grid: Floats,
    seed: int,
    places: bool = True,
) -> tuple[InForce, Thresholds | None]:
    """Cross-fitted on the reported images; and, for `predict` alone, chosen on all of them where they are val. `places`
    is whether it was said where things are."""
    presence, cells = _gather(places, [one.glance for one in observations])
    rule = rule or MAX_F1
    used = cross_fitted(presence, cells, grid, names, groups, rule=rule, data=data, split=split, seed=seed)
    if split != CHOOSER:
        return used, None
    return used, choose_thresholds(presence, cells, grid, names, rule=rule, data=data, split=split)


def choose_on_val(subject: Subject, dataset: Dataset, *, rule: Rule, data: str) -> Thresholds | None:
    """Thresholds from the whole val split; None where there is none."""
    if not dataset.splits.get(CHOOSER):
        return None
    samples, _ = read_samples(dataset, CHOOSER)
    grid, names = make_grid(), dataset.names
    told = track(subject.tell(samples), len(samples), "choosing thresholds on val")
    presence, cells = _gather(subject.task != CLASSIFY, [glance(*one, len(names), grid) for one in told])
    return choose_thresholds(presence, cells, grid, names, rule=rule, data=data, split=CHOOSER)


def _gather(places: bool, glances: Sequence[Glance]) -> tuple[Presence, Cells | None]:
    """Pixels are nothing to choose by where a model says nothing of them."""
    presence, cells = gather_glances(glances)
    return presence, cells if places else None


def may_store(run: Path, thresholds: Thresholds) -> bool:
    """Whether they may become those of the run: not in place of thresholds from other data."""
    file = run / THRESHOLDS
    return not file.is_file() or read_thresholds(file).data == thresholds.data
