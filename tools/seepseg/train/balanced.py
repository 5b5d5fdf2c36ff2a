"""A dataset as the balance asks for it: classes merged, rare instances pasted, images repeated, weights computed."""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seepseg import __version__
from seepseg.dataset.layout import Dataset, read_dataset
from seepseg.dataset.places import home_of
from seepseg.train.balance import Balance, balance_table, class_weights, positive_weights, table_rows
from seepseg.train.derive import derive, find_derived, sibling_path
from seepseg.train.rare import paint_pastes, plan_pastes
from seepseg.train.repeats import count_instances, write_repeats
from seepseg.train.siblings import read_settings, read_told
from seepseg.wording import count


@dataclass(frozen=True, slots=True)
class Balanced:
    """What to train on."""

    dataset: Dataset
    """The one that was asked for, or a sibling made of it."""
    data: Path
    """The YAML to hand to Ultralytics: the dataset's own, or one that repeats images."""
    weights: tuple[float, ...] | None
    rows: Sequence[Mapping[str, Any]]
    """What was computed, one record a class."""
    notes: tuple[str, ...]

    @property
    def table(self) -> str:
        """The same as text."""
        return balance_table(self.rows)


def open_dataset(path: Path) -> Dataset:
    """A dataset, or a fold of it: folds/<k>.yaml says nothing under `seepseg:`, so the dataset's own words count."""
    dataset = read_dataset(path)
    return dataset if dataset.settings else replace(dataset, settings=read_settings(home_of(dataset)))


def apply_balance(dataset: Dataset, balance: Balance, *, seed: int = 0, workers: int = 1) -> Balanced:
    """Make what the balance asks for, or take what an earlier training of the same data and settings made."""
    notes: list[str] = []
    pasted = None
    if balance.merge:
        place = sibling_path(dataset, {"merge": balance.merge})
        dataset = derive(dataset, place, merge=balance.merge)
        notes.append(f"classes merged to {', '.join(dataset.names)}, in {place}")
    if balance.paste:
        dataset, pasted, about = _paste(dataset, balance.paste, seed, workers)
        notes += about
    return _finish(dataset, balance, pasted, notes, seed)


def _paste(dataset: Dataset, target: int, seed: int, workers: int) -> tuple[Dataset, tuple[int, ...], list[str]]:
    """The sibling with pasted tiles, its pasted objects per class, and what to tell. Planning takes minutes on a
    large dataset, so what it came to stands in the sibling's record and is read where that is there already."""
    note = {"paste": target, "seed": seed, "version": __version__}
    place = sibling_path(dataset, note)
    found = find_derived(dataset, place, note=note)
    told = read_told(place) if found else {}
    if not (found and told):
        plan = plan_pastes(dataset, target=target, seed=seed)
        told = {"tiles": len(plan.tiles), "pasted": plan.pasted, "notes": plan.notes}
        found = derive(dataset, place, added=paint_pastes(plan, workers=workers), note=note, told=told)
    said = f"{count(told['tiles'], 'tile')} with pasted objects added to train, in {place}"
    return found, tuple(told["pasted"]), [*told["notes"], said]


def _finish(
    dataset: Dataset, balance: Balance, pasted: Sequence[int] | None, notes: Sequence[str], seed: int
) -> Balanced:
    """Weights come from what an epoch shows, repeats included, as Ultralytics' cls_pw would count."""
    repeated = None
    data = dataset.yaml
    if balance.repeat:
        repeats = write_repeats(dataset, balance.repeat, seed=seed)
        data, instances, images = repeats.yaml, repeats.instances, repeats.images
        repeated = repeats.instances_after, repeats.images_after
    else:
        counts = count_instances(dataset.splits.get("train", ()), len(dataset.names))
        instances, images = tuple(map(int, counts.sum(axis=0))), tuple(map(int, (counts > 0).sum(axis=0)))
    weights = None
    if balance.weights != "none":
        rule = positive_weights if balance.positives else class_weights
        weights = rule(repeated[0] if repeated else instances, balance.weights, dataset.names)
    rows = table_rows(dataset.names, instances, images, weights, repeated=repeated, pasted=pasted)
    return Balanced(dataset, data, weights, rows, (*notes, *_tell_idle(weights, dataset.names)))


def _tell_idle(weights: Sequence[float] | None, names: Sequence[str]) -> list[str]:
    """What to say of weights that change nothing."""
    if weights is None or not all(math.isclose(weight, 1.0) for weight in weights):
        return []
    if len(names) > 1:
        return ["the class weights come to 1 for every class, so they change nothing"]
    return [
        f"{names[0]} is the only class, so its weight of 1 changes nothing; to make its misses cost more, give "
        f"--class-weights {shlex.quote(f'{names[0]}=3')} --positives"
    ]


def as_json(balance: Balance) -> dict[str, Any]:
    """For the record; `override(Balance(), …)` reads it back."""
    values = asdict(balance)
    if values["weights"] == "none":
        values["positives"] = None
    return values | {"merge": list(balance.merge)}
