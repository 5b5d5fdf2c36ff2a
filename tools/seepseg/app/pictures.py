"""Pictures of an analysis at the size that they are shown in: the photo, and what was found over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.app.analysis import as_objects
from seepseg.painting import VEIL, Colours, borders, fit_photo
from seepseg.palette import colour_of
from seepseg.scenes.map_paint import show
from seepseg.values import Prediction

Style = Literal["original", "overlay", "mask", "outlines"]
LONGEST, LEAST = 1024, 640
"""Pixels of the long side; a small image is enlarged by a whole number, so that outlines are thin beside its pixels."""
_LOSSLESS = 512
"""Photos up to this long side go as PNG."""
_QUALITY = 90
_BACKGROUND = (17, 20, 24)
Numbers = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Size:
    """Of a picture that is shown."""

    width: int
    height: int


def size_shown(width: int, height: int, longest: int = LONGEST) -> Size:
    """As large as it is shown, its shape kept."""
    long = max(width, height)
    if long > longest:
        return Size(max(1, round(width * longest / long)), max(1, round(height * longest / long)))
    times = max(1, min(longest // long, -(-LEAST // long)))
    return Size(width * times, height * times)


def numbers_shown(prediction: Prediction, size: Size) -> Numbers:
    """0 none, else the number of the object from 1, the surest on top; a thin one still shows."""
    numbers = np.zeros((size.height, size.width), np.uint16)
    objects = as_objects(prediction)
    whole = (prediction.width, prediction.height)
    for number, one in reversed(list(enumerate(objects, 1))):
        if one.mask.any():
            mask, x, y = show(one, whole, (size.width, size.height))
            numbers[y : y + mask.shape[0], x : x + mask.shape[1]][mask > 0] = number
    return numbers


def photo_file(pixels: NDArray[np.uint8], longest: int = LONGEST) -> tuple[bytes, str]:
    """Small enough to be sent at once, and its MIME type; small images keep every value."""
    high, wide = pixels.shape[:2]
    if max(high, wide) <= _LOSSLESS:
        return _png(pixels), "image/png"
    size = size_shown(wide, high, longest)
    photo = fit_photo(pixels, min(size.width, wide), min(size.height, high))[..., ::-1]
    return cv2.imencode(".jpg", photo, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1].tobytes(), "image/jpeg"


def numbers_file(numbers: Numbers) -> bytes:
    """A PNG in which red counts to 255 and green the 256s, as a browser can read it."""
    low, high = (numbers & 255).astype(np.uint8), (numbers >> 8).astype(np.uint8)
    return _png(np.dstack([np.zeros_like(low), high, low]), quick=False)


def draw(
    pixels: NDArray[np.uint8],
    prediction: Prediction,
    style: Style = "overlay",
    *,
    opacity: float = VEIL,
    longest: int = LONGEST,
) -> bytes:
    """One picture as PNG. `pixels` may be a smaller view of the image that was predicted."""
    size = size_shown(prediction.width, prediction.height, longest)
    photo = np.ascontiguousarray(fit_photo(pixels, size.width, size.height))
    if style == "original":
        return _png(photo[..., ::-1])
    numbers = numbers_shown(prediction, size)
    return _png(paint(photo, numbers, [one.class_id for one in prediction.detections], style, opacity)[..., ::-1])


def paint(photo: Colours, numbers: Numbers, class_ids: Sequence[int], style: Style, opacity: float = VEIL) -> Colours:
    """Objects over a photo, or alone on dark; the edge of each is in its full colour."""
    table = np.array([_BACKGROUND, *map(colour_of, class_ids)], np.uint8)
    inside = numbers > 0
    if style == "mask":
        return table[numbers]
    painted = photo.copy()
    if style == "overlay":
        mixed = (1 - opacity) * photo[inside] + opacity * table[numbers[inside]]
        painted[inside] = mixed.round().astype(np.uint8)
    edge = inside & borders(numbers.astype(np.int32))
    painted[edge] = table[numbers[edge]]
    return painted


def _png(pixels: NDArray[Any], *, quick: bool = True) -> bytes:
    how = (cv2.IMWRITE_PNG_COMPRESSION, 1) if quick else ()
    return cv2.imencode(".png", np.ascontiguousarray(pixels), how)[1].tobytes()
