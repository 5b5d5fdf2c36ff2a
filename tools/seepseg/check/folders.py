"""Splits, folders and files of a dataset as such, before any is opened."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from seepseg.check.findings import Ledger
from seepseg.dataset.layout import IMAGE_SUFFIXES, Dataset, label_path, read_yaml


def judge_folders(dataset: Dataset, ledger: Ledger) -> dict[str, tuple[Path, ...]]:
    """Say what is wrong with them, and return the splits to look into, none of them twice."""
    path = read_yaml(dataset.yaml).get("path")
    if path and not Path(str(path)).is_absolute():
        ledger.add("yaml-path", f"{dataset.yaml}: path: {path}")
    splits: dict[str, tuple[Path, ...]] = {}
    for split in ("train", "val", *(name for name in dataset.splits if name not in ("train", "val"))):
        if split not in dataset.splits:
            ledger.add("split-missing", split)
            continue
        images = dataset.splits[split]
        twin = next((name for name, others in splits.items() if images and others == images), None)
        if twin:
            ledger.add("split-same", f"{split} is {twin}")
            continue
        if not images:
            ledger.add("split-empty", split)
        # A list may name an image many times, to train on it more often.
        splits[split] = tuple(dict.fromkeys(images))
    _judge_files(splits, ledger)
    return splits


def _judge_files(splits: Mapping[str, Sequence[Path]], ledger: Ledger) -> None:
    images = [image for images in splits.values() for image in images]
    owner: dict[Path, Path] = {}
    for image in images:
        label = label_path(image)
        if owner.setdefault(label, image) != image and owner[label].parent == image.parent:
            ledger.add("image-twice-named", f"{owner[label]} and {image.name}")
    for folder in sorted({image.parent for image in images}):
        for file in sorted(folder.iterdir()):
            stray = file.is_file() and file.suffix.lower() not in IMAGE_SUFFIXES | {".npy", ".txt", ".cache"}
            if stray and not file.name.startswith("."):
                ledger.add("file-stray", str(file))
    for folder in sorted({label.parent for label in owner}):
        _judge_label_folder(folder, owner, ledger)


def _judge_label_folder(folder: Path, owner: Mapping[Path, Path], ledger: Ledger) -> None:
    if not folder.is_dir():
        return
    newest = 0.0
    for file in sorted(folder.glob("*.txt")):
        newest = max(newest, file.stat().st_mtime)
        if file not in owner and file.name != "classes.txt":
            ledger.add("label-orphan", str(file))
    cache = folder.with_suffix(".cache")
    if cache.exists() and cache.stat().st_mtime < newest:
        ledger.add("cache-stale", str(cache))
