"""A frame as the film shows it: each slick in its class's colour with its number, and the time below."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image

from seepseg.crops import crop_of, overlap
from seepseg.lettering import draw_caption, draw_tags
from seepseg.painting import Colours, fit_photo, overlay
from seepseg.palette import colour_of
from seepseg.video.frames import Frame
from seepseg.video.timeline import Slick


def annotate(frame: Frame, slicks: Sequence[Slick], names: Sequence[str], class_of: Callable[[int], int]) -> Colours:
    """Red, green, blue, of the frame's size. A filled mask is an outline alone: nothing was found there."""
    height, width = frame.pixels.shape[:2]
    photo = np.array(fit_photo(frame.pixels, width, height))
    for slick in sorted(slicks, key=lambda slick: -slick.detection.mask.size):
        if slick.detection.mask.size:
            _paint(photo, slick, class_of(slick.identity))
    picture = Image.fromarray(photo)
    tags = [
        (_name(slick, names[class_id]), colour_of(class_id), slick.detection.box)
        for slick in slicks
        for class_id in [class_of(slick.identity)]
    ]
    draw_tags(picture, tags, [draw_caption(picture, frame.caption)])
    return np.asarray(picture)


def _name(slick: Slick, name: str) -> str:
    return f"#{slick.identity} {name}" + (", filled" if slick.state == "filled" else "")


def _paint(photo: Colours, slick: Slick, class_id: int) -> None:
    """Within a margin of one pixel, where the edge of the colour is told."""
    one = slick.detection
    top, left = max(one.y - 1, 0), max(one.x - 1, 0)
    view = photo[top : one.y + one.mask.shape[0] + 1, left : one.x + one.mask.shape[1] + 1]
    mask = np.zeros(view.shape[:2], np.uint8)
    there, here = overlap((mask, left, top), crop_of(one))
    there[:] = here
    if slick.state == "filled":
        view[(mask > 0) & (cv2.erode(mask, np.ones((3, 3), np.uint8)) == 0)] = colour_of(class_id)
    else:
        view[...] = overlay(view, mask.astype(np.int32) * (class_id + 1))
