"""Pictures of an analysis at the size that they are shown in: the photo, and which pixel is of which object."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.app.analysis import as_objects
from seepseg.painting import fit_photo
from seepseg.scenes.map_paint import show
from seepseg.values import Prediction

LONGEST, LEAST = 1024, 640
"""Pixels of the long side; a small image is enlarged by a whole number, so that outlines are thin beside its pixels."""
_LOSSLESS = 512
"""Photos up to this long side go as PNG."""
_QUALITY = 90
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


def _png(pixels: NDArray[Any], *, quick: bool = True) -> bytes:
    how = (cv2.IMWRITE_PNG_COMPRESSION, 1) if quick else ()
    return cv2.imencode(".png", np.ascontiguousarray(pixels), how)[1].tobytes()
