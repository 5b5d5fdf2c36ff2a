"""Pictures in folders: which there are, which splits the folders stand for, and a stem for each of its own."""

import os
from collections import Counter
from collections.abc import Sequence
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


class Picture(NamedTuple):
    """One file below a folder, its path taken apart once; strings, since there may be many."""

    path: str
    folder: str
    stem: str
    extension: str


def list_pictures(root: Path, *, without: Path | None = None) -> tuple[list[Picture], list[str]]:
    """The pictures below a folder and the files that are none, both sorted; hidden ones are passed over.

    `without` is a folder inside that is not looked into.
    """
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder")
    left_out = without.resolve() if without else None
    pictures, others = [], []
    for place, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        if left_out:
            folders[:] = [name for name in folders if Path(place, name).resolve() != left_out]
        folder = os.path.relpath(place, root).replace(os.sep, "/")
        folder = "" if folder == "." else folder
        for name in sorted(files):
            stem, extension = os.path.splitext(name)
            path = f"{folder}/{name}" if folder else name
            if extension.lower() in PICTURE_SUFFIXES and not name.startswith("."):
                pictures.append(Picture(path, folder, stem, extension))
            elif not name.startswith("."):
                others.append(path)
    return sorted(pictures), sorted(others)


def own_stems(pictures: Sequence[Picture]) -> list[str]:
    """The stem of each file; where two are equal, with its folder before it."""
    counts = Counter(picture.stem for picture in pictures)
    return [
        f"{picture.folder}/{picture.stem}" if counts[picture.stem] > 1 and picture.folder else picture.stem
        for picture in pictures
    ]


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
