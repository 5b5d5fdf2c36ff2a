"""A receiving tile while objects are laid on it."""

import cv2
import numpy as np

from seepseg.raster import read_pixels
from seepseg.train.patches import Patch, part_of
from seepseg.train.seam import REACH, Field, Pixels, Seam, as_grey, in_colour, lay, level_change, to_even
from seepseg.train.stock import StockTile, closed_of
from seepseg.values import Bitmap

VISIBLE = 0.75
"""Share of its contrast that an object must keep: on the darkest sea it would be labelled and not seen."""
BRIGHT = 4.0
"""Deviations above the tile's median from which the mean of 3 x 3 pixels is a ship or the like."""


class Ground:
    """The pixels so far, and where they are taken."""

    def __init__(self, tile: StockTile, seam: Seam) -> None:
        pixels = read_pixels(tile.image)
        self.pixels: Pixels = in_colour(pixels) if seam.kind == "copy" else pixels
        self.pixels = self.pixels.copy()
        self._seam = seam
        self._closed = closed_of(tile, pixels, (slice(None), slice(None)))
        self._echoes = np.zeros_like(self._closed)
        if seam.kind == "speckle":
            self._echoes = _echoes(to_even(as_grey(pixels), seam.power), self._closed)

    def near(self) -> Bitmap:
        """1 where no pixel of another object may come: on an object, on no data or an echo, or within REACH of one."""
        size = 2 * REACH + 1
        round_ = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        return np.asarray(cv2.dilate(self._closed | self._echoes, round_), np.uint8)

    def lay(self, patch: Patch, x: int, y: int) -> Bitmap | None:
        """Lay a patch with its corner at (x, y) and give its mask, the tile's size; None, and nothing is done, where
        it could hardly be seen."""
        height, width = self.pixels.shape[:2]
        there, of_patch = part_of(patch, x, y, width, height)
        mask, content = np.ascontiguousarray(patch.mask[of_patch]), patch.content[of_patch]
        old = self.pixels[there]
        new = lay(old, content, mask, self._closed[there], self._seam)
        if self._seam.kind == "speckle" and not _is_seen(old, new, level_change(content, mask), mask, self._seam):
            return None
        old[...] = new
        whole = np.zeros((height, width), np.uint8)
        whole[there] = mask
        self._closed |= whole
        return whole


def _is_seen(old: Pixels, new: Pixels, wanted: Field, mask: Bitmap, seam: Seam) -> bool:
    had = to_even(as_grey(new), seam.power) - to_even(as_grey(old), seam.power)
    given, asked = float(had[mask > 0].mean()), float(wanted[mask > 0].mean())
    return given * asked >= VISIBLE * asked * asked


def _echoes(even: Field, closed: Bitmap) -> Bitmap:
    sea = even[::3, ::3][closed[::3, ::3] == 0]
    if not sea.size:
        return closed
    level = float(np.median(sea))
    deviation = 1.4826 * float(np.median(np.abs(sea - level))) + 1e-3
    return np.asarray(cv2.blur(even, (3, 3)) > level + BRIGHT * deviation, np.uint8)
