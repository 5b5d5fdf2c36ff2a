"""Pictures in folders: which there are, which splits the folders stand for, and a stem for each of its own."""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seepseg.dataset.layout import IMAGE_SUFFIXES
from seepseg.errors import SourceError

PICTURE_SUFFIXES = IMAGE_SUFFIXES | {".gif", ".pbm", ".pgm", ".pnm", ".ppm"}
SPLIT_FOLDERS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_PASSED_OVER = (".", "__MACOSX", "lost+found")


class Picture(NamedTuple):
    """One file below a folder, its path taken apart once; strings, since there may be many."""

    path: str
    folder: str
    stem: str
    extension: str


def list_pictures(
    root: Path, *, without: Path | None = None, closed: Collection[Path] = ()
) -> tuple[list[Picture], list[str]]:
    """The pictures below a folder and the files that are none, both sorted; hidden ones are passed over.

    Links are followed. `without` and `closed` are folders inside that are not looked into. Pipes and devices are among
    the others, with a word on what they are, so that nothing waits for them. A folder that can't be read is an OSError.
    """
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder")
    shut = frozenset(os.path.realpath(folder) for folder in (root, without, *closed) if folder)
    pictures, others = [], []
    for entry in _walk(str(root), shut):
        path = os.path.relpath(entry.path, root).replace(os.sep, "/")
        stem, extension = os.path.splitext(entry.name)
        # A link that leads nowhere stays: reading it tells.
        if not entry.is_file() and os.path.exists(entry.path):
            others.append(f"{path} (no regular file)")
        elif extension.lower() in PICTURE_SUFFIXES:
            pictures.append(Picture(path, path[: -len(entry.name) - 1], stem, extension))
        else:
            others.append(path)
    return sorted(pictures), sorted(others)


def _walk(folder: str, closed: frozenset[str]) -> Iterator[os.DirEntry[str]]:
    """What lies below; `closed` are folders not to enter, as those above, where a link back would never end."""
    with os.scandir(folder) as found:
        entries = [entry for entry in found if not entry.name.startswith(_PASSED_OVER)]
    for entry in entries:
        if not entry.is_dir():
            yield entry
        elif (real := os.path.realpath(entry.path)) not in closed:
            yield from _walk(entry.path, closed | {real})


def own_stems(pictures: Sequence[Picture]) -> list[str]:
    """The stem of each file; where two are equal, with its folder before it."""
    counts = Counter(picture.stem.casefold() for picture in pictures)
    return [
        without_images(f"{picture.folder}/{picture.stem}") if counts[picture.stem.casefold()] > 1 else picture.stem
        for picture in pictures
    ]


def without_images(stem: str) -> str:
    """A path without its folders called `images`: of an image, Ultralytics takes the last of these for `labels`."""
    *folders, name = stem.split("/")
    return "/".join([*(folder for folder in folders if folder not in ("", "images")), name])


def own_splits(pictures: Sequence[Picture]) -> tuple[list[str | None], tuple[str, ...]]:
    """The split that each picture's top folder stands for, if all stand in such folders and there are two or more."""
    tops = [picture.folder.split("/")[0] for picture in pictures]
    splits = [SPLIT_FOLDERS.get(top.lower()) for top in tops]
    known = sorted({top for top, split in zip(tops, splits, strict=True) if split})
    if None not in splits and len(set(splits)) > 1:
        return splits, (f"splits as the folders have them: {', '.join(known)}",)
    if len(known) > 1:
        note = f"the folders {', '.join(known)} look like splits, but other images lie beside them: not used as splits"
        return [None] * len(splits), (note,)
    return [None] * len(splits), ()
