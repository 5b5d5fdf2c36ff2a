"""What would make a training pointless, found before it begins."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.dataset.layout import Dataset
from seepseg.errors import DatasetError, listing
from seepseg.train.repeats import count_instances
from seepseg.wording import enumerate_words, verb

WAY_OUT = "split anew with 'seepseg convert', or merge classes with --merge"


def check_dataset(dataset: Dataset) -> list[str]:
    """What the user should know; whatever makes training impossible or pointless is one error."""
    counts = {split: count_instances(dataset.splits.get(split, ()), len(dataset.names)) for split in ("train", "val")}
    problems = [f"{dataset.yaml}: {problem}" for problem in _problems(dataset, counts)]
    if problems:
        raise DatasetError(listing(problems))
    return _warnings(dataset, counts)


def _problems(dataset: Dataset, counts: Mapping[str, NDArray[Any]]) -> list[str]:
    problems = []
    for split in ("train", "val"):
        if not dataset.splits.get(split):
            what = "no images to train on" if split == "train" else "no images to validate on, so no best epoch"
            problems.append(f"the {split} split has {what}; add `{split}:`, or {WAY_OUT.partition(',')[0]}")
    train, val = (counts[split].sum(axis=0) for split in ("train", "val"))
    if not dataset.splits.get("train"):
        return problems
    if not train.any():
        problems.append("no image of the train split has a label; see 'seepseg check'")
    elif unseen := _names(dataset, (val > 0) & (train == 0)):
        one = len(unseen) == 1
        problems.append(
            f"{enumerate_words(unseen)} {verb(len(unseen))} in val, but train never saw "
            f"{'it' if one else 'them'}, so no epoch could find {'it' if one else 'them'}; {WAY_OUT}"
        )
    return problems


def _warnings(dataset: Dataset, counts: Mapping[str, NDArray[Any]]) -> list[str]:
    train, val = (counts[split].sum(axis=0) for split in ("train", "val"))
    empty = _names(dataset, (train == 0) & (val == 0))
    blind = _names(dataset, (train > 0) & (val == 0))
    notes = []
    if empty:
        notes.append(f"no instance of {enumerate_words(empty)}: the model will have a class that it never learns")
    if blind:
        notes.append(f"val has no instance of {enumerate_words(blind)}, so nothing measures how well that is found")
    if set(dataset.splits["train"]) & set(dataset.splits["val"]):
        notes.append("train and val share images: the figures will flatter the model")
    if not all(image.any() for image in counts["train"]) and np.mean(counts["train"].any(axis=1)) < 0.1:
        notes.append("fewer than one train image in ten holds an object")
    return notes


def _names(dataset: Dataset, chosen: NDArray[np.bool_]) -> list[str]:
    return [name for name, is_one in zip(dataset.names, chosen, strict=True) if is_one]
