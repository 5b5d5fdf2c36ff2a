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
from seepseg.dataset.places import Place, find_places
from seepseg.errors import SeepsegError

SAMPLED = 400
"""Images whose objects are measured for the picture of their sizes."""
MEDIAN = "Median side, px"
"""The one column of the classes that is no count."""
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
    sampled: int | None = None
    """How many images the sample is; None where it is all that hold something."""

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
    files: list[Path | str] = [yaml.parent / name for name in _FACTS]
    files += [file for images in dataset.splits.values() for image in images for file in (image, _label_of(image))]
    for file in files:
        with suppress(OSError):
            found = os.stat(file)
            digest.update(f"{file} {found.st_size} {found.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def survey(yaml: Path) -> Overview:
    """Every label counted, and the objects of a sample measured."""
    dataset, problems = resolve(yaml)
    records = _read_records(dataset.root)
    splits = _count(dataset, records)
    held = [one.image for images in splits.values() for one in images if one.classes]
    sample = [held[index] for index in np.linspace(0, len(held) - 1, min(len(held), SAMPLED)).astype(int).tolist()]
    return Overview(
        dataset,
        tuple(problems),
        splits,
        _count_groups(records),
        _measure(dataset, sample, records),
        len(sample) if len(sample) < len(held) else None,
    )


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
    columns[MEDIAN] = [round(float(np.median(sides)), 1) if sides else None for sides in overview.sides]
    return columns


def select(overview: Overview, split: str, class_ids: Sequence[int] = (), *, empty: bool = False) -> list[Labelled]:
    """Images of a split that hold one of these classes; without any, those that hold something, or all."""
    wanted = set(class_ids)
    return [one for one in overview.splits[split] if (wanted & set(one.classes) if wanted else empty or one.classes)]


def _count(dataset: Dataset, records: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Labelled, ...]]:
    """From the manifest, which spares opening thousands of files; label files that are newer than it are read."""
    classes = {name: index for index, name in enumerate(dataset.names)}
    written = _changed(dataset.root / "manifest.jsonl") if records else 0
    places = find_places(dataset)
    ours = {root for root in {place.root for some in places.values() for place in some} if _same(root, dataset.root)}

    def look(place: Place) -> Labelled:
        counts = records.get(place.record, {}).get("instances") if place.root in ours else None
        label = _label_of(place.image)
        if isinstance(counts, dict) and counts.keys() <= classes.keys() and 0 < _changed(label) <= written:
            return Labelled(place.image, tuple(classes[name] for name, number in counts.items() for _ in range(number)))
        return Labelled(place.image, tuple(_read_classes(label, len(classes))))

    return {split: tuple(map(look, some)) for split, some in places.items()}


def _same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return os.path.samefile(one, other)
    return False


def _changed(file: str | Path) -> int:
    with suppress(OSError):
        return os.stat(file).st_mtime_ns
    return 0


def _label_of(image: Path) -> str:
    """As `label_path`, which takes most of the time here where it is asked of thousands."""
    head, images, rest = str(image).rpartition(f"{os.sep}images{os.sep}")
    return f"{head}{os.sep}labels{os.sep}{os.path.splitext(rest)[0]}.txt" if images else str(label_path(image))


def _read_classes(label: str, count: int) -> Iterator[int]:
    """What stands first in each row; rows that are no labels are for `check` to tell."""
    with suppress(OSError, UnicodeDecodeError), open(label, encoding="utf-8-sig") as lines:
        for line in lines:
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
    dataset: Dataset, images: Sequence[Path], records: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[float, ...], ...]:
    sides: list[list[float]] = [[] for _ in dataset.names]
    for image in images:
        width, height = _size_of(image, records.get(Path(os.path.relpath(image, dataset.root)).as_posix()))
        with suppress(SeepsegError):
            for class_id, polygon in read_rows(label_path(image)):
                if class_id < len(sides) and width:
                    x, y = polygon.T
                    twice = x[:-1] @ y[1:] - x[1:] @ y[:-1] + x[-1] * y[0] - x[0] * y[-1]
                    sides[class_id].append(float(abs(twice) / 2 * width * height) ** 0.5)
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
