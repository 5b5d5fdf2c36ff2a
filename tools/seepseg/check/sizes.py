"""Object sizes against the image size of a training: what it cannot learn, and which one could."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.check.findings import Ledger
from seepseg.check.objects import Extent

THIN = 2.0
"""Pixels across: of a 1 px line at this width nothing is left in masks of a quarter of the resolution."""
CELL = 4.0
"""Pixels across that one cell of those masks covers: from here on an object keeps its shape."""
TINY = 8.0
"""Pixels along: one cell of the finest detection grid."""
SHARE = 0.95
LARGEST = 4096


@dataclass(frozen=True, slots=True)
class ClassSize:
    """How the objects of one class fare at an image size."""

    name: str
    objects: int
    thin: int
    tiny: int
    enough: int | None
    """The smallest image size at which 95 % of the objects keep their shape; None above 4096."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name,
            "objects": self.objects,
            "thin": self.thin,
            "tiny": self.tiny,
            "imgsz_enough": self.enough,
        }


class Sizes:
    """Eight bytes an object, by class."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._widths = [array("f") for _ in names]
        self._lengths = [array("f") for _ in names]

    def add(self, extents: Iterable[Extent]) -> None:
        """The objects of one image."""
        for extent in extents:
            self._widths[extent.class_id].append(extent.width)
            self._lengths[extent.class_id].append(extent.length)

    def at(self, imgsz: int) -> list[ClassSize]:
        """Every class at this image size."""
        rows = []
        for name, widths, lengths in zip(self._names, self._widths, self._lengths, strict=True):
            wide, long = np.array(widths), np.array(lengths)
            thin, tiny = int((wide * imgsz < THIN).sum()), int((long * imgsz < TINY).sum())
            rows.append(ClassSize(name, len(wide), thin, tiny, _enough(wide, long)))
        return rows


def judge_sizes(rows: Iterable[ClassSize], ledger: Ledger) -> None:
    """Say which classes hold objects that are too thin or too tiny."""
    for row in rows:
        way = f"imgsz {row.enough} shows {SHARE:.0%} of them" if row.enough else f"no imgsz up to {LARGEST} shows them"
        if row.thin:
            ledger.add("object-thin", f"{row.name}: {row.thin:,} of {row.objects:,}; {way}", count=row.thin)
        if row.tiny:
            ledger.add("object-tiny", f"{row.name}: {row.tiny:,} of {row.objects:,}; {way}", count=row.tiny)


def _enough(widths: NDArray[np.float32], lengths: NDArray[np.float32]) -> int | None:
    if not len(widths):
        return None
    needed = np.maximum(CELL / widths, TINY / lengths)
    imgsz = 32 * ceil(round(float(np.quantile(needed, SHARE, method="higher")), 3) / 32)
    return imgsz if imgsz <= LARGEST else None
