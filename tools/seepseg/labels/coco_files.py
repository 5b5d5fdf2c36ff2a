"""Where a COCO dataset keeps its JSON files and images."""

import os
import re
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seepseg.errors import SourceError, UsageError
from seepseg.labels.pictures import PICTURE_SUFFIXES, SPLIT_FOLDERS, without_images

ROBOFLOW = "_annotations.coco.json"
_WORDS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One JSON of a source. `name` is its path within the source; `folders` may hold its images, likeliest first."""

    json: Path
    name: str
    split: str | None
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a source was recognised as."""

    root: Path
    kind: str
    parts: tuple[Part, ...]


def find_layout(source: Path, images: Path | None) -> Layout:
    """The JSON files of a source, told by how they lie."""
    if images is not None and not images.is_dir():
        raise UsageError(f"--images {images}: no such folder")
    if source.is_file():
        return Layout(source.parent, "one COCO JSON", (_part(source, source.parent, None, images),))
    if not source.is_dir():
        raise UsageError(f"{source}: no such file or folder")
    kind, files = _find_files(source)
    splits = [split_of(file) for file in files]
    if len(files) > 1 and None in splits:
        shown = ", ".join(str(file.relative_to(source)) for file in files[:10])
        raise SourceError(
            f"{source}: holds {len(files)} JSON files, not all named after a split ({shown}); give one of them"
        )
    if len(set(splits)) == 1:
        splits = [None] * len(files)
    return Layout(
        source, kind, tuple(_part(file, source, split, images) for file, split in zip(files, splits, strict=True))
    )


def _find_files(source: Path) -> tuple[str, list[Path]]:
    for folder in (source, *(inner for inner in source.iterdir() if inner.is_dir() and inner.name[0] != ".")):
        # glob passes over what it may not read; with "/." even what it may list and not enter is an error.
        os.scandir(f"{folder}/.").close()
    exported = sorted(file for file in source.glob(f"*/{ROBOFLOW}") if split_of(file))
    if exported:
        return "a Roboflow export", exported
    patterns = (ROBOFLOW, "annotations/instances_*.json", "annotations/*.json", "*.json")
    for kind, pattern in zip(("a Roboflow export", *["a COCO folder"] * 3), patterns, strict=True):
        if files := sorted(source.glob(pattern)):
            return kind, files
    deeper = sorted([*source.glob("*/*.json"), *source.glob("*/*/*.json")])
    holders = {file.parents[file.name == ROBOFLOW or file.parent.name == "annotations"] for file in deeper}
    hint = f"; try {sorted(holders)[0]}" if holders else ""
    raise SourceError(
        f"{source}: no COCO JSON here (looked for train|valid|test/{ROBOFLOW}, annotations/*.json and *.json){hint}"
    )


def json_bytes(source: Path, images: Path | None) -> int:
    """How much there is to read before the first image."""
    return sum(part.json.stat().st_size for part in find_layout(source, images).parts)


def split_of(file: Path) -> str | None:
    """The split that a JSON's name, or the folder of a Roboflow export, tells of."""
    name = file.parent.name if file.name == ROBOFLOW else file.stem
    found = {SPLIT_FOLDERS[word] for word in _WORDS.findall(name.lower()) if word in SPLIT_FOLDERS}
    return found.pop() if len(found) == 1 else None


def _part(file: Path, root: Path, own_split: str | None, images: Path | None) -> Part:
    """A JSON with the folders to look in: named as the JSON, as its split, or none of these."""
    name = file.stem.removeprefix("instances_")
    split = split_of(file)
    words = [name, *(word for word, meant in SPLIT_FOLDERS.items() if meant == split)]
    bases = [images] if images else [file.parent, file.parent / "images"]
    if not images and file.parent.name == "annotations":
        bases += [file.parent.parent / "images", file.parent.parent]
    folders = [folder for base in bases for folder in (*(base / word for word in words), base)]
    there = tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))
    return Part(file, file.relative_to(root).as_posix(), own_split, there)


def find_folder(part: Part, paths: Sequence[str]) -> tuple[Path | None, set[str]]:
    """The folder with most of the listed images, and which of them it holds; None where none holds any."""
    best: Path | None = None
    most: set[str] = set()
    for folder in part.folders:
        held = {path for path in paths if _is_file(f"{folder}/{path}")}
        if len(held) > len(most):
            best, most = folder, held
        if len(held) == len(paths):
            break
    return best, most


def _is_file(path: str) -> bool:
    """As os.path.isfile, but a folder that can't be read is an error and no missing file."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except PermissionError:
        raise
    except (OSError, ValueError):
        return False


def unlisted(listed: Sequence[Path]) -> list[Path]:
    """Image files beside the listed ones that are not listed."""
    known = set(map(str, listed))
    return [
        Path(entry.path)
        for folder in sorted({os.path.dirname(path) for path in known})
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
        if Path(entry.name).suffix.lower() in PICTURE_SUFFIXES and entry.path not in known
    ]


def name_stems(images: Sequence[Path], folders: Sequence[Path], root: Path) -> list[str]:
    """A stem for each image: its own; where two are equal with its folders before it, and its suffix if it must be."""
    longer = [[image.stem, *_longer(image, folder, root)] for image, folder in zip(images, folders, strict=True)]
    stems = [one[0] for one in longer]
    for step in (1, 2):
        counts = Counter(map(str.casefold, stems))
        stems = [one[step] if counts[stem.casefold()] > 1 else stem for stem, one in zip(stems, longer, strict=True)]
    return stems


def _longer(image: Path, folder: Path, root: Path) -> tuple[str, str]:
    within = image.relative_to(root if image.is_relative_to(root) else folder)
    stem = without_images(within.with_suffix("").as_posix())
    return stem, f"{stem}_{within.suffix[1:]}"
