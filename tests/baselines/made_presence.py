"""Images of which some hold oil, some ships, some both and some nothing, told by their greys."""

from pathlib import Path

import numpy as np

from baselines.conftest import GREYS
from make import Bitmap
from make_dataset import write_dataset

NAMES = ("oil", "ship")


def held(number: int) -> tuple[int, ...]:
    """Classes of the image of this number."""
    return tuple(class_id for class_id in range(2) if number >> class_id & 1)


def presence_map(number: int, size: int = 32) -> Bitmap:
    half, tile = size // 2, np.zeros((size, size), np.uint8)
    for class_id in held(number):
        tile[class_id * half : (class_id + 1) * half, : half + number] = class_id + 1
    return tile


def presence_dataset(root: Path, *, count: int = 8, size: int = 32, splits: tuple[str, ...] = ("train", "val")) -> Path:
    """The splits are alike, but for a pixel: no image is twice there."""
    maps = {split: {f"{split}{n}.png": presence_map(n, size) for n in range(count)} for split in splits}
    pixels = {name: GREYS[tile] for some in maps.values() for name, tile in some.items()}
    for number, (name, image) in enumerate(pixels.items()):
        pixels[name] = image.copy()
        pixels[name][-1, -1] += number
    return write_dataset(root, maps, names=NAMES, pixels=pixels, imgsz=size) / "data.yaml"
