"""An image with what was found in it, each object with its class and confidence."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seepseg.lettering import draw_tags
from seepseg.painting import Colours, fit_photo, overlay
from seepseg.palette import colour_of
from seepseg.values import Detection, Prediction

LEAST_SIDE, MOST_TIMES = 640, 4
"""Small images are enlarged towards this long side, so that letters don't cover them."""
LABELLED = 20
"""More labels than these would hide what they speak of; the surest objects have one."""
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE)
"""Of OpenCV's ways the fastest, and half as large as its usual one: speckle has nothing to foretell."""


def draw_overlay(pixels: NDArray[np.uint8], prediction: Prediction, names: Sequence[str]) -> Colours:
    """Red, green, blue; of small images an enlargement by a whole number."""
    times = min(max(LEAST_SIDE // max(prediction.width, prediction.height), 1), MOST_TIMES)
    painted = overlay(fit_photo(pixels, prediction.width, prediction.height), prediction.class_map)
    painted = painted.repeat(times, axis=0).repeat(times, axis=1) if times > 1 else painted
    if not prediction.detections:
        return painted
    picture = Image.fromarray(painted)
    shown = prediction.detections[:LABELLED]
    draw_tags(picture, [(_name(one, names), colour_of(one.class_id), _outer(one, times)) for one in shown])
    return np.asarray(picture)


def encode_png(picture: NDArray[Any]) -> bytes:
    """Of masks as they are, in 16 bits where 8 are not enough; of colours in OpenCV's order."""
    kind = np.uint8 if picture.max(initial=0) < 256 and picture.dtype != np.uint16 else np.uint16
    return cv2.imencode(".png", picture.astype(kind, copy=False), _PNG)[1].tobytes()


def _name(one: Detection, names: Sequence[str]) -> str:
    return f"{names[one.class_id]} {one.score:.2f}".replace("0.", ".", 1)


def _outer(one: Detection, times: int) -> tuple[int, int, int, int]:
    high, wide = one.mask.shape
    return one.x * times, one.y * times, (one.x + wide) * times, (one.y + high) * times
