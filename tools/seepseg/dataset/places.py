"""Where the images of a dataset stand, whichever list or folder of data.yaml led to them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seepseg.dataset.layout import SPLITS, Dataset


@dataclass(frozen=True, slots=True)
class Place:
    """An image, and how the files beside it know it."""

    image: Path
    root: Path
    """The folder that holds images/, and with it manifest and annotations where there are some."""
    home: str | None
    """The split whose folder it lies in; a fold may use it for another. None where folders are not called so."""
    name: str
    """Its path below that folder."""

    @property
    def record(self) -> str:
        """What the manifest calls it."""
        return f"images/{self.home}/{self.name}" if self.home else f"images/{self.name}"


def find_places(dataset: Dataset) -> dict[str, list[Place]]:
    """The images of each split, one place each however often a list names it."""
    roots: dict[str, Path] = {}
    splits: dict[str, list[Place]] = {}
    for split, images in dataset.splits.items():
        distinct = {os.path.normpath(image): image for image in images}
        splits[split] = [_place(path, image, roots) for path, image in distinct.items()]
    return splits


def home_of(dataset: Dataset) -> Path:
    """The folder of the whole dataset: the root, or for a fold the folder that its lists lead to."""
    roots = {place.root for places in find_places(dataset).values() for place in places}
    return roots.pop() if len(roots) == 1 else dataset.root


def count_shared(places: Mapping[str, Sequence[Place]], split: str, other: str) -> int:
    """Images that one split has in common with another: all of them where data.yaml names a folder twice, as it does
    for a dataset converted without val images."""
    theirs = {os.path.normpath(place.image) for place in places.get(other, ())}
    return sum(os.path.normpath(place.image) in theirs for place in places[split])


def _place(path: str, image: Path, roots: dict[str, Path]) -> Place:
    """Pathlib would take most of the time here, so these are strings."""
    head, images, rest = f"{os.sep}{path}".rpartition(f"{os.sep}images{os.sep}")
    if not images:
        return Place(image, image.parent, None, image.name)
    root = head[1:] or (os.sep if os.path.isabs(path) else ".")
    home, slash, name = rest.partition(os.sep)
    known = home if slash and home in SPLITS else None
    return Place(image, roots.setdefault(root, Path(root)), known, name if known else rest)
