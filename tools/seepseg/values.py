"""What passes between modules: frozen, in pixels, (0, 0) the outer corner of the first pixel."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bitmap = NDArray[np.uint8]
"""A mask of zeros and ones, (height, width)."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One closed ring: (n, 2) points, x and y."""

    points: NDArray[np.float64]
    inward: NDArray[np.int8] | None = None
    """Of a ring traced from a bitmap along pixel edges, (n, 3): which way is in along x and y, and whether the vertex
    is one of two on either side of a corner where pixels touch. None for a polygon that the source drew: it is
    written as it is."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One object. `rle` is the exact truth at native size (COCO's compressed counts); each outline is a part of it."""

    class_id: int
    rle: bytes
    bbox: tuple[int, int, int, int]
    """x, y, width, height of the bitmap."""
    area: int
    outlines: tuple[Outline, ...]
    crowd: bool = False
    source_id: int | str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Something left out or changed, and why: counted by reason, never silent."""

    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """The truth of one image."""

    width: int
    height: int
    instances: tuple[Instance, ...] = ()
    ignore: bytes | None = None
    """RLE of pixels that are neither object nor background (void, no data)."""
    skipped: tuple[Skip, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of an image, in its pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Item:
    """One image to convert: cheap to list, cheap to send to a worker."""

    image: Path
    stem: str
    """Name of the written image without its suffix; may hold subfolders ('a/b') where two are equal."""
    payload: Any = None
    """What the reader needs to find this image's labels."""
    split: str | None = None
    """The source's own split: train, val or test."""
    group: str | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset as found: what there is to read, and the function that reads one image of it.

    `read(item, width, height)` runs in worker processes, so it must be picklable (a module's function or a `partial`
    of one); width and height are the image's own, EXIF orientation applied.
    """

    kind: str
    root: Path
    names: tuple[str, ...]
    items: tuple[Item, ...]
    read: Callable[[Item, int, int], LabelledImage]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The reader's settings, for the record; JSON values alone, no absolute paths."""
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    """What the reader decided by rule and the user should see before anything is written."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One object that a model found. Its mask is a crop of the image, never a bitmap of its full size."""

    class_id: int
    score: float
    box: tuple[float, float, float, float]
    """Left, top, right and bottom, as the model has them, in pixels of the image."""
    mask: Bitmap
    """What lies at (x, y); it may reach beyond the box, and may be empty (0 × 0) where no pixel was found."""
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model found in one image, highest score first."""

    width: int
    height: int
    detections: tuple[Detection, ...] = ()


class Tally:
    """Skips by reason, with the first few places of each."""

    def __init__(self, *, examples: int = 5) -> None:
        self.counts: Counter[str] = Counter()
        self.places: dict[str, list[str]] = {}
        self._examples = examples

    def add(self, skips: Iterable[Skip]) -> None:
        """Count some more."""
        for skip in skips:
            self.counts[skip.reason] += 1
            places = self.places.setdefault(skip.reason, [])
            if len(places) < self._examples:
                places.append(skip.where)

    def as_json(self) -> list[dict[str, Any]]:
        """By reason, in alphabetical order."""
        return [
            {"reason": reason, "count": count, "examples": self.places[reason]}
            for reason, count in sorted(self.counts.items())
        ]
