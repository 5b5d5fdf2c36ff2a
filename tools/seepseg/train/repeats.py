"""Images of rare classes shown more often: a list that names them several times, which plain `yolo` trains on too."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from seepseg.dataset.layout import Dataset, label_path, read_yaml
from seepseg.errors import DatasetError, OutputError, UsageError, listing
from seepseg.train.balance import image_repeats

SUFFIX = ".repeat.yaml"
HEADING = """\
# seepseg train {source} --repeat {threshold:g} seed={seed}
# or, with Ultralytics alone: yolo segment train data={file} model=yolov8n-seg.pt imgsz={imgsz}
# {source} with images of rare classes listed more than once: repeat-factor threshold {threshold:g}, seed {seed}.
"""


@dataclass(frozen=True, slots=True)
class Repeats:
    """What was written, and what it comes to. Counts are per class, of the training split."""

    yaml: Path
    train: Path
    """The list that it trains on."""
    factors: NDArray[np.int64]
    """How often each image is listed, in the order of the dataset."""
    instances: tuple[int, ...]
    images: tuple[int, ...]
    instances_after: tuple[int, ...]
    images_after: tuple[int, ...]


def write_repeats(dataset: Dataset, threshold: float, *, seed: int = 0) -> Repeats:
    """Write `train.repeat.txt` and, beside data.yaml, `data.repeat.yaml`; both replace what an earlier call wrote.

    An image that the training list names twice already counts as two. Paths in the list are relative to it, but for
    images outside its folder. The cache that Ultralytics keeps of labels is the same for both YAMLs: it is built anew
    when training goes from one to the other.
    """
    if dataset.yaml.name.endswith(SUFFIX):
        raise UsageError(f"{dataset.yaml}: is a list of repeats itself; give the data.yaml that it was made of")
    images = dataset.splits.get("train", ())
    if not images:
        raise DatasetError(f"{dataset.yaml}: train has no images to repeat; 'seepseg check' says more")
    counts = count_instances(images, len(dataset.names))
    factors = image_repeats(counts, threshold, seed=seed)
    data = read_yaml(dataset.yaml)
    entry, place = _list_place(dataset, data.get("train"))
    lines = [
        _entry(image, place.parent) + "\n" for image, factor in zip(images, factors, strict=True) for _ in range(factor)
    ]
    _write(place, "".join(lines))
    file = dataset.yaml.with_name(dataset.yaml.stem + SUFFIX)
    heading = HEADING.format(
        file=file.name, source=dataset.yaml.name, imgsz=dataset.imgsz or 640, threshold=threshold, seed=seed
    )
    text = yaml.safe_dump(_repeated(data, entry), sort_keys=False, allow_unicode=True)
    _write(file, heading + text)
    present = counts > 0
    return Repeats(
        file,
        place,
        factors,
        *(tuple(map(int, each.sum(axis=0))) for each in (counts, present)),
        *(tuple(map(int, factors @ each)) for each in (counts, present)),
    )


def count_instances(images: Sequence[Path], class_count: int) -> NDArray[np.int64]:
    """Label rows of each class in each image (images × classes), as Ultralytics counts them. An object that is
    written in several rows counts as several."""
    counts = np.zeros((len(images), class_count), np.int64)
    known: dict[Path, int] = {}
    problems = []
    for index, image in enumerate(images):
        first = known.setdefault(image, index)
        if first != index:
            counts[index] = counts[first]
            continue
        file = label_path(image)
        for number, class_id in _class_ids(file):
            if 0 <= class_id < class_count:
                counts[index, class_id] += 1
            else:
                problems.append(f"{file}:{number}: no class id from 0 to {class_count - 1}")
    if problems:
        raise DatasetError(f"{listing(problems)}\n'seepseg check' tells of every fault")
    return counts


def _class_ids(file: Path) -> list[tuple[int, int]]:
    """Line and class id of each row, -1 where it is none; a missing file holds no objects."""
    try:
        lines = file.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except FileNotFoundError:
        return []
    return [(number, _class_id(line)) for number, line in enumerate(lines, 1) if line.strip()]


def _class_id(line: bytes) -> int:
    try:
        value = float(line.split(None, 1)[0])
    except ValueError:
        return -1
    return int(value) if value.is_integer() else -1


def _list_place(dataset: Dataset, train: object) -> tuple[str, Path]:
    """What `train:` is to say, and the file that it means: beside the list that stood there, else in the root."""
    if isinstance(train, str) and train.endswith(".txt"):
        entry = train.removesuffix(".txt") + ".repeat.txt"
    else:
        stem = dataset.yaml.stem
        entry = "train.repeat.txt" if stem == "data" else f"train.{stem}.repeat.txt"
    return entry, Path(os.path.normpath(dataset.root / entry))


def _entry(image: Path, folder: Path) -> str:
    path = os.path.relpath(image, folder)
    return os.path.abspath(image) if path.startswith("..") else "./" + Path(path).as_posix()


def _repeated(data: dict[str, Any], entry: str) -> dict[str, Any]:
    """The YAML with another list to train on, and no wish left to repeat what is repeated."""
    ours = data.get("seepseg")
    if isinstance(ours, dict) and isinstance(ours.get("balance"), dict):
        balance = {key: value for key, value in ours["balance"].items() if key != "repeat"}
        data = {**data, "seepseg": {**ours, "balance": balance or None}}
    return {**data, "train": entry}


def _write(file: Path, text: str) -> None:
    partial = file.with_name(f".{file.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")
        os.replace(partial, file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{file}: cannot be written: {error.strerror}") from None
