"""Datasets on the server as the page shows them: which there are, and what each holds of every class."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seepseg.dataset.layout import Dataset, label_path, read_manifest, read_rows, resolve
from seepseg.dataset.places import find_places
from seepseg.errors import SeepsegError

SAMPLED = 1500
"""Images whose objects are measured for the picture of their sizes."""
_FACTS = ("data.yaml", "manifest.jsonl")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One image, and the classes of its objects."""

    image: Path
    classes: tuple[int, ...]
    """One entry an object."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What a dataset holds."""

    dataset: Dataset
    problems: tuple[str, ...]
    """What is wrong with its data.yaml."""
    splits: Mapping[str, tuple[Labelled, ...]]
    groups: Mapping[str, int]
    """Scenes, or other groups of images, by split; empty where nothing says which image belongs to which."""
    sides: tuple[tuple[float, ...], ...]
    """By class, the square root of an object's area in pixels, of a sample."""

    def count(self, split: str) -> tuple[int, ...]:
        """Objects of each class in a split."""
        counts = Counter(class_id for one in self.splits[split] for class_id in one.classes)
        return tuple(counts[index] for index in range(len(self.dataset.names)))


def find_datasets(folder: Path) -> dict[str, Path]:
    """The data.yaml of every dataset, by the name of its folder."""
    return {file.parent.name: file for file in sorted(folder.glob("*/data.yaml"))}


def stamp_of(yaml: Path) -> str:
    """Another one where a file of the dataset was changed, came or went; no file is opened but data.yaml."""
    dataset, _ = resolve(yaml)
    digest = hashlib.sha256()
    files = [yaml.parent / name for name in _FACTS]
    files += [file for images in dataset.splits.values() for image in images for file in (image, label_path(image))]
    for file in files:
        with suppress(OSError):
            found = os.stat(file)
            digest.update(f"{file} {found.st_size} {found.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def survey(yaml: Path) -> Overview:
    """Every label file counted, and a sample of the objects measured."""
    dataset, problems = resolve(yaml)
    classes = len(dataset.names)
    splits = {
        split: tuple(Labelled(place.image, tuple(_read_classes(place.image, classes))) for place in places)
        for split, places in find_places(dataset).items()
    }
    records = _read_records(dataset.root)
    return Overview(dataset, tuple(problems), splits, _count_groups(records), _measure(dataset, splits, records))


def as_columns(overview: Overview) -> dict[str, list[Any]]:
    """The splits as a table."""
    splits = overview.splits
    columns: dict[str, list[Any]] = {
        "Split": list(splits),
        "Images": [len(images) for images in splits.values()],
        "With objects": [sum(bool(one.classes) for one in images) for images in splits.values()],
        "Objects": [sum(len(one.classes) for one in images) for images in splits.values()],
    }
    if any(overview.groups.values()):
        columns["Scenes or groups"] = [overview.groups.get(split) for split in splits]
    return columns


def class_columns(overview: Overview) -> dict[str, list[Any]]:
    """Objects of each class, by split."""
    names = overview.dataset.names
    columns: dict[str, list[Any]] = {"Class": list(names)}
    columns |= {split: list(overview.count(split)) for split in overview.splits}
    columns["All"] = [sum(overview.count(split)[index] for split in overview.splits) for index in range(len(names))]
    columns["Median side, px"] = [round(float(np.median(sides)), 1) if sides else None for sides in overview.sides]
    return columns


def select(overview: Overview, split: str, class_ids: Sequence[int] = (), *, empty: bool = False) -> list[Labelled]:
    """Images of a split that hold one of these classes; without any, those that hold something, or all."""
    wanted = set(class_ids)
    return [one for one in overview.splits[split] if (wanted & set(one.classes) if wanted else empty or one.classes)]


def _read_classes(image: Path, count: int) -> Iterator[int]:
    """What stands first in each row; rows that are no labels are for `check` to tell."""
    with suppress(OSError, UnicodeDecodeError):
        for line in label_path(image).read_text(encoding="utf-8-sig").splitlines():
            word = line.lstrip().partition(" ")[0]
            if word.isdecimal() and int(word) < count:
                yield int(word)


def _read_records(root: Path) -> dict[str, dict[str, Any]]:
    """The manifest by image; empty where there is none that can be read."""
    with suppress(OSError, KeyError, TypeError, SeepsegError):
        return {record["image"]: record for record in read_manifest(root)}
    return {}


def _count_groups(records: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    groups = {(str(one.get("split")), one["group"]) for one in records.values() if one.get("group") is not None}
    return dict(Counter(split for split, _ in groups)) if len(groups) < len(records) else {}


def _measure(
    dataset: Dataset, splits: Mapping[str, Sequence[Labelled]], records: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[float, ...], ...]:
    held = [one.image for images in splits.values() for one in images if one.classes]
    chosen = [held[index] for index in np.linspace(0, len(held) - 1, min(len(held), SAMPLED)).astype(int).tolist()]
    sides: list[list[float]] = [[] for _ in dataset.names]
    for image in chosen:
        width, height = _size_of(image, records.get(Path(os.path.relpath(image, dataset.root)).as_posix()))
        with suppress(SeepsegError):
            for class_id, polygon in read_rows(label_path(image)):
                if class_id < len(sides) and width:
                    x, y = polygon[:, 0] * width, polygon[:, 1] * height
                    sides[class_id].append(abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2) ** 0.5)
    return tuple(map(tuple, sides))


def _size_of(image: Path, record: Mapping[str, Any] | None) -> tuple[int, int]:
    if record and record.get("width"):
        return int(record["width"]), int(record["height"])
    from PIL import Image

    try:
        with Image.open(image) as picture:
            return picture.size
    except (OSError, ValueError):
        return 0, 0
