"""How an image lies in the network's square input, and back; numpy alone, so that every engine and the edge agree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seepseg.predict.resize import Pixels, Resize, resize_bilinear

BORDER = 114
"""The grey around the image that Ultralytics trains with."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An image of width × height, resized and set into the network's input at (left, top)."""

    width: int
    height: int
    imgsz: tuple[int, int]
    """Height and width of the network's input."""
    resized_width: int
    resized_height: int
    left: int
    top: int

    @property
    def scale(self) -> float:
        """Network pixels per image pixel, before the resized sides were rounded to whole pixels."""
        return min(self.imgsz[0] / self.height, self.imgsz[1] / self.width)


def frame_of(width: int, height: int, imgsz: int | tuple[int, int], *, square: bool = True, stride: int = 32) -> Frame:
    """Scaled to fit, enlarged too, in the middle; sides and borders are rounded as Ultralytics rounds them.

    `square` keeps all of `imgsz` (height, width); without it the borders shrink to what makes multiples of `stride`.
    """
    rows, columns = (imgsz, imgsz) if isinstance(imgsz, int) else imgsz
    scale = min(rows / height, columns / width)
    wide, high = max(round(width * scale), 1), max(round(height * scale), 1)
    spare_x, spare_y = columns - wide, rows - high
    if not square:
        spare_x, spare_y = spare_x % stride, spare_y % stride
    return Frame(
        width=width,
        height=height,
        imgsz=(high + spare_y, wide + spare_x),
        resized_width=wide,
        resized_height=high,
        left=round(spare_x / 2 - 0.1),
        top=round(spare_y / 2 - 0.1),
    )


def place(image: Pixels, frame: Frame, *, resize: Resize = resize_bilinear) -> Pixels:
    """The network's input as (h, w, 3) bytes in the image's order of channels; a grey image fills all three."""
    if image.dtype != np.uint8 or image.shape not in _shapes(frame):
        wanted = f"8-bit pixels of {frame.height} × {frame.width}, grey or with three channels"
        raise ValueError(f"{wanted}, are what the frame is for; these are {image.dtype} {image.shape}")
    pixels = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    if (frame.resized_width, frame.resized_height) != (frame.width, frame.height):
        pixels = resize(pixels, frame.resized_width, frame.resized_height)
    if pixels.shape == (*frame.imgsz, 3):
        return pixels
    canvas = np.full((*frame.imgsz, 3), BORDER, np.uint8)
    rows = slice(frame.top, frame.top + frame.resized_height)
    columns = slice(frame.left, frame.left + frame.resized_width)
    canvas[rows, columns] = pixels if pixels.ndim == 3 else pixels[..., None]
    return canvas


def boxes_to_image(boxes: NDArray[np.float32], frame: Frame) -> NDArray[np.float32]:
    """Boxes (n, 4) as left, top, right, bottom from network to image pixels, cut at the image's border."""
    border = np.array([frame.left, frame.top] * 2, np.float32)
    gain = np.array([frame.resized_width / frame.width, frame.resized_height / frame.height] * 2, np.float32)
    limits = np.array([frame.width, frame.height] * 2, np.float32)
    inside: NDArray[np.float32] = np.clip((boxes - border) / gain, np.float32(0), limits)
    return inside


def _shapes(frame: Frame) -> tuple[tuple[int, ...], ...]:
    size = (frame.height, frame.width)
    return size, (*size, 1), (*size, 3)
