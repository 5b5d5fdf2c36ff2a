"""How an object comes to lie on another tile so that its border does not show.

On grey images (SAR) no pixel is copied. Speckle multiplies the echo and belongs to the scene, so what travels is how
far the object lowers the echo, smoothed until the donor's speckle is gone; the receiver's own speckle runs on through
the border. On the scale where speckle spreads equally at every level, which is dB whatever the rendering, this is an
addition: `measure_power` finds that scale. On colour images, where speckle is little, pixels are copied through a
feathered mask after the mean of their surroundings has been matched.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.values import Bitmap

Field = NDArray[np.float32]
Pixels = NDArray[np.uint8]

REACH = 8
"""Px around an object that change with it: what an edge fades over, and where a platform stands."""
NEAR = 2
"""Px next to an object that it may still damp: no part of its surroundings' mean."""
EDGE = 0.6
"""Px by which the sensor blurs an edge, as the deviation of a Gaussian."""
ALONG, BESIDE = 3.0, 2.0
"""Deviation in px of what smooths the damping within an object and beside it."""
LEAST = 1e-4
"""Weight below which a smoothed field says nothing."""
ECHO = 5.0
"""Deviations above the surroundings from which a pixel is an echo (ship, platform) and travels as it is."""
BLOCK = 8
LEAST_RANGE = 1.25
"""Ratio of bright to dark that the tiles must span for the scale to be told; else dB is taken."""


@dataclass(frozen=True, slots=True)
class Seam:
    """How a dataset's pixels are joined; decided once, by what its images are."""

    kind: str
    """speckle (grey images) or copy (colour)."""
    power: float = 0.0
    """Local deviation grows as local mean to this power: 0 for dB, 1 for linear amplitude or intensity."""


def choose_seam(images: Iterable[Pixels]) -> Seam:
    """By what these images are: grey ones are taken for SAR."""
    sample = list(images)
    if sum(is_grey(pixels) for pixels in sample) * 2 <= len(sample):
        return Seam("copy")
    return Seam("speckle", measure_power([as_grey(pixels) for pixels in sample]))


def is_grey(pixels: Pixels) -> bool:
    """Whether colour, if the file has any, says nothing."""
    if pixels.ndim == 2:
        return True
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    return bool(np.mean(spread > 3) < 0.01)


def as_grey(pixels: Pixels) -> Pixels:
    """One channel."""
    return pixels if pixels.ndim == 2 else np.asarray(pixels.mean(axis=2) + 0.5, np.uint8)


def measure_power(images: Iterable[Pixels]) -> float:
    """The slope of log deviation over log mean, from the calmest blocks at each level; between 0 and 1."""
    blocks = np.concatenate([_blocks(pixels) for pixels in images])
    blocks = blocks[(blocks.min(axis=1) > 0) & (blocks.max(axis=1) < 255)]
    mean, spread = blocks.mean(axis=1), blocks.std(axis=1)
    used = (mean > 4) & (spread > 0.5)
    if np.count_nonzero(used) < 200:
        return 0.0
    mean, spread = np.log(mean[used]), np.log(spread[used])
    bins = np.array_split(np.argsort(mean), 16)
    levels = np.array([mean[some].mean() for some in bins])
    if levels[-1] - levels[0] < np.log(LEAST_RANGE):
        return 0.0
    calmest = np.array([np.quantile(spread[some], 0.25) for some in bins])
    return float(np.clip(np.polyfit(levels, calmest, 1)[0], 0, 1).round(2))


def to_even(pixels: Pixels, power: float) -> Field:
    """Pixel values on the scale where speckle spreads equally everywhere."""
    raised, rest = np.arange(1, 257, dtype=np.float32), 1 - power
    table = np.log(raised) if rest < 0.01 else (raised**rest - 1) / np.float32(rest)
    return np.asarray(table, np.float32)[pixels]


def from_even(values: Field, power: float) -> Pixels:
    """Pixel values again, rounded."""
    rest = 1 - power
    raised = np.exp(values) if rest < 0.01 else np.maximum(values * rest + 1, 0) ** (1 / rest)
    return np.asarray(np.clip(np.rint(raised - 1), 0, 255), np.uint8)


def lift(pixels: Pixels, mask: Bitmap, closed: Bitmap, seam: Seam) -> Field:
    """What of a donor travels, over a crop of it: two changes of level, within the object and beside it (speckle), or
    three colours less the mean of their surroundings (copy). `closed` are pixels of other objects or of none."""
    if seam.kind == "copy":
        colours = in_colour(pixels).astype(np.float32)
        return np.asarray(colours - colours[_rim(mask, closed)].mean(axis=0), np.float32)
    return _damping(to_even(as_grey(pixels), seam.power), mask, closed)


def lay(pixels: Pixels, content: Field, mask: Bitmap, closed: Bitmap, seam: Seam) -> Pixels:
    """A crop of the receiver with the object on it; `closed` pixels beside it stay as they were. Edges are made here,
    after all turning and scaling: they are the sensor's, not the object's."""
    if seam.kind == "speckle":
        change = level_change(content, mask)
        change[(closed > 0) & (mask == 0)] = 0
        change = change if pixels.ndim == 2 else change[..., None]
        changed = from_even(to_even(pixels, seam.power) + change, seam.power)
        return np.where(change != 0, changed, pixels)
    level = pixels[_rim(mask, closed)].mean(axis=0, dtype=np.float32)
    alpha = _feather(mask)
    alpha[(closed > 0) & (mask == 0)] = 0
    mixed = pixels + alpha[..., None] * (content + level - pixels)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def level_change(content: Field, mask: Bitmap) -> Field:
    """What a speckle seam adds on the even scale."""
    alpha = _feather(mask)
    return np.asarray(alpha * content[..., 0] + (1 - alpha) * content[..., 1], np.float32)


def in_colour(pixels: Pixels) -> Pixels:
    """Three channels."""
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def distance_from(mask: Bitmap) -> Field:
    """Of each pixel from the nearest of an object, in px."""
    return np.asarray(cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)


def _damping(even: Field, mask: Bitmap, closed: Bitmap) -> Field:
    """Within, the damping whose product with the blurred mask comes closest to what was seen, so that thin things
    keep their depth; beside, what is left, fading away from the edge; echoes as they are."""
    surroundings = even[_rim(mask, closed)]
    middle = np.float32(np.median(surroundings))
    loud = middle + np.float32(ECHO * (1.4826 * np.median(np.abs(surroundings - middle)) + 1e-3))
    seen = even - surroundings[surroundings <= loud].mean()
    echo = (even > loud) & (closed == 0)
    alpha = _feather(mask)
    mine = np.where(echo, 0, mask).astype(np.float32)
    within = _smooth(seen * alpha * mine, ALONG) / np.maximum(_smooth(alpha * alpha * mine, ALONG), LEAST)
    sea = ((mask == 0) & (closed == 0) & ~echo).astype(np.float32)
    beside = _smooth((seen - alpha * within) * sea, BESIDE) / np.maximum(_smooth(sea, BESIDE), LEAST)
    fade = np.clip(1 - distance_from(mask) / REACH, 0, 1)
    beside *= np.where(closed == 0, fade * fade * (3 - 2 * fade), 0)
    within, beside = (np.where(echo, seen, part) for part in (within, beside))
    return np.stack([within, beside], axis=2).astype(np.float32)


def _smooth(values: Field, deviation: float) -> Field:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), deviation), np.float32)


def _feather(mask: Bitmap) -> Field:
    """An object cut off by the tile's edge goes on beyond it."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), EDGE, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft, np.float32)


def _rim(mask: Bitmap, closed: Bitmap) -> NDArray[np.bool_]:
    """The surroundings of an object; all that is open of the crop, then all of it, where there are next to none."""
    away = distance_from(mask)
    open_ = (closed == 0) & (mask == 0)
    rim: NDArray[np.bool_] = open_ & (away > NEAR) & (away <= REACH)
    for wider in (open_, np.ones_like(open_)):
        if np.count_nonzero(rim) < 12:
            rim = wider
    return rim


def _blocks(pixels: Pixels) -> Field:
    height, width = (side // BLOCK * BLOCK for side in pixels.shape)
    cut = pixels[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return cut.swapaxes(1, 2).reshape(-1, BLOCK * BLOCK).astype(np.float32)
