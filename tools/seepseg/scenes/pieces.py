"""What a tile shows of an object: a crop of a scene, kept as bits."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.crops import at_edge, clip, move, trim
from seepseg.predict.decode import is_on_data
from seepseg.values import Bitmap, Detection, Window

Box = tuple[int, int, int, int]
"""Left, top, right and bottom."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One detection, in pixels of the scene's grid."""

    class_id: int
    score: float
    x: int
    y: int
    width: int
    height: int
    bits: NDArray[np.uint8]
    """The mask, eight pixels a byte along each row."""
    tile: Window
    """Within which it counts."""
    cut: bool
    """It touches the scene's edge, or pixels without data."""

    @property
    def box(self) -> Box:
        """Of the mask."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    def crop(self, box: Box) -> Bitmap:
        """What lies in a box of the scene that reaches nowhere beyond this piece's own."""
        left, top, right, bottom = box
        rows = self.bits[top - self.y : bottom - self.y]
        return np.unpackbits(rows, axis=1, count=right - self.x)[:, left - self.x :]

    def mask(self) -> Bitmap:
        """All of it."""
        return self.crop(self.box)


def pieces_of(
    detections: Iterable[Detection],
    tile: Window,
    nodata: Bitmap | None,
    size: tuple[int, int],
    inside: Window | None = None,
    task: str = "segment",
) -> list[Piece]:
    """The detections of a tile in a scene of `size` (width, height), without the pixels that hold no data, or lie not
    `inside` a smaller window; what is left with none is left out, and what has no data for the most part."""
    beside = None if nodata is None else np.asarray(cv2.dilate(nodata, np.ones((3, 3), np.uint8)), np.uint8)
    inside = inside or tile
    found = []
    for one in detections:
        rows, columns = one.inside
        mask: Bitmap = one.mask if nodata is None else one.mask & (1 - nodata[rows, columns])
        if nodata is not None and not is_on_data(one.mask, mask, task):
            continue
        within = move((mask, one.x, one.y), tile.x - inside.x, tile.y - inside.y)
        kept, x, y = trimmed = move(trim(clip(within, inside.width, inside.height)), inside.x, inside.y)
        if kept.size:
            cut = at_edge(trimmed, *size) or (beside is not None and bool((mask & beside[rows, columns]).any()))
            bits, (height, width) = np.packbits(kept, axis=1), kept.shape
            found.append(Piece(one.class_id, one.score, x, y, width, height, bits, inside, cut))
    return found
