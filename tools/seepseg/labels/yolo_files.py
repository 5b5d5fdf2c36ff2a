"""Where a YOLO folder keeps its images, labels, names and splits."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seepseg.dataset import layout
from seepseg.errors import DatasetError, SourceError, UsageError
from seepseg.labels.pictures import SPLIT_FOLDERS, Picture, list_pictures, own_stems
from seepseg.values import Skip

STRAY_PICTURE = "picture outside the image folders"
STRAY_FILE = "file that is neither image nor label"
ORPHAN = "label file without an image"
UNLABELLED = "image without a label file: taken as background"
_NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt")
_NO_LABELS = frozenset({*_NAME_FILES, "train.txt", "val.txt", "valid.txt", "test.txt", "readme.txt", "license.txt"})


@dataclass(frozen=True, slots=True)
class Found:
    """One image, its label file and its split; paths relative to the folder."""

    image: str
    stem: str
    labels: str | None
    split: str | None


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies in a YOLO folder."""

    found: tuple[Found, ...]
    skipped: tuple[Skip, ...]
    notes: tuple[str, ...]
    names: tuple[str, ...] | None
    names_from: str | None
    painted: bool
    """Its data.yaml is ours: every polygon stands for the pixels it paints."""


def find_folder(root: Path) -> Folder:
    """Images with their labels: under `images` and `labels`, or side by side; splits by data.yaml, else by folder."""
    if root.is_file() and root.suffix.lower() in (".yaml", ".yml"):
        file: Path | None = root
        root = root.parent
    else:
        file = next(
            (root / name for name in ("data.yaml", "dataset.yaml", "data.yml") if (root / name).is_file()), None
        )
    pictures, others = list_pictures(root)
    used, skipped = _below_images(pictures)
    texts = {name.casefold(): name for name in others if name.lower().endswith(".txt")}
    labels = [_labels_of(picture, texts) for picture in used]
    taken = {name for name in labels if name}
    if not taken:
        raise SourceError(f"{root}: no image here has a label file, under labels/ or beside it")
    for name in others:
        if name in taken or name.endswith((".cache", ".npy")):
            continue
        is_label = name.lower().endswith(".txt") and os.path.basename(name).lower() not in _NO_LABELS
        if is_label:
            skipped.append(Skip(ORPHAN, name))
        elif not name.lower().endswith((".yaml", ".yml", ".txt", ".names", ".labels", ".md", ".json", ".jsonl")):
            skipped.append(Skip(STRAY_FILE, name))
    names, names_from, ours = _names(root, file)
    splits, notes = _splits(root, file, used)
    stems = own_stems(used)
    found = tuple(
        Found(picture.path, stem, label, split)
        for picture, stem, label, split in zip(used, stems, labels, splits, strict=True)
    )
    skipped += [Skip(UNLABELLED, one.image) for one in found if one.labels is None]
    return Folder(found, tuple(skipped), notes, names, names_from, ours)


def _below_images(pictures: Sequence[Picture]) -> tuple[list[Picture], list[Skip]]:
    """Where there is an `images` folder, pictures elsewhere are sketches and plots."""
    inside = [picture for picture in pictures if "images" in picture.folder.split("/")]
    if not inside:
        return list(pictures), []
    known = {picture.path for picture in inside}
    return inside, [Skip(STRAY_PICTURE, picture.path) for picture in pictures if picture.path not in known]


def _labels_of(picture: Picture, texts: dict[str, str]) -> str | None:
    parts = picture.folder.split("/") if picture.folder else []
    places = [parts]
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        # Some keep labels/ flat beside images/train, images/val.
        places = [[*parts[:last], "labels", *parts[last + 1 :]], [*parts[:last], "labels"], parts]
    for place in places:
        if name := texts.get("/".join([*place, picture.stem]).casefold() + ".txt"):
            return name
    return None


def _names(root: Path, file: Path | None) -> tuple[tuple[str, ...] | None, str | None, bool]:
    if file is not None:
        dataset, problems = layout.resolve(file)
        if dataset.names and not any("names" in problem or "nc is" in problem for problem in problems):
            return dataset.names, file.name, bool(dataset.settings)
    for name in _NAME_FILES:
        for place in (root / name, root / "labels" / name):
            if place.is_file():
                lines = [line.strip() for line in place.read_text(encoding="utf-8-sig").splitlines()]
                return tuple(line for line in lines if line), place.relative_to(root).as_posix(), False
    return None, None, False


def _splits(root: Path, file: Path | None, pictures: Sequence[Picture]) -> tuple[list[str | None], tuple[str, ...]]:
    nowhere: list[str | None] = [None] * len(pictures)
    if file is not None:
        by_path = _listed_splits(root, file)
        if by_path is None:
            return nowhere, (f"{file.name} names the same images in two splits: split anew",)
        splits = [by_path.get(picture.path) for picture in pictures]
        named = len(pictures) - splits.count(None)
        if named == len(pictures) and len(set(splits)) > 1:
            return splits, (f"splits as in {file.name}",)
        if 0 < named < len(pictures):
            return nowhere, (f"{file.name} names {named:,} of {len(pictures):,} images: its splits are not used",)
    folders = [_split_of(picture.folder) for picture in pictures]
    if None in folders or len(set(folders)) < 2:
        return nowhere, ()
    return folders, ("splits as the folders have them",)


def _split_of(folder: str) -> str | None:
    return next((SPLIT_FOLDERS[part] for part in folder.lower().split("/") if part in SPLIT_FOLDERS), None)


def _listed_splits(root: Path, file: Path) -> dict[str, str] | None:
    """The split of each image by data.yaml; None where one is in two."""
    try:
        dataset, _ = layout.resolve(file)
    except DatasetError as error:
        raise SourceError(str(error)) from None
    found: dict[str, str] = {}
    for split, images in dataset.splits.items():
        for image in images:
            path = Path(os.path.relpath(image, root)).as_posix()
            if found.setdefault(path, split) != split:
                return None
    return found


def decide_names(folder: Folder, given: Sequence[str] | None, ids: Sequence[int]) -> tuple[str, ...]:
    """The user's names, else the folder's own; none at all is an error that says which ids need one."""
    names = tuple(given) if given else folder.names
    if names:
        return names
    seen = f"ids {min(ids)} to {max(ids)}" if ids else "no ids"
    raise UsageError(
        f"no data.yaml, classes.txt or obj.names tells the classes (labels hold {seen}); add --names a,b,c"
    )
