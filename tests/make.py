"""Tiny data for tests, built in a folder of the test's own."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Bitmap = NDArray[np.uint8]


def ragged(rng: np.random.Generator, height: int, width: int, share: float = 0.25) -> Bitmap:
    """A mask of ragged blobs with holes that covers about this share of the image."""
    field = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), rng.uniform(1.5, 4))
    return (field > np.quantile(field, 1 - share)).astype(np.uint8)


def thin(rng: np.random.Generator, height: int, width: int) -> Bitmap:
    """A mask full of 1-px diagonals and dots."""
    bitmap = (rng.random((height, width)) < 0.01).astype(np.uint8)
    for _ in range(6):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        length, slope = int(rng.integers(10, 60)), int(rng.choice([-1, 1]))
        for step in range(length):
            if 0 <= x + step < width and 0 <= y + slope * step < height:
                bitmap[y + slope * step, x + step] = 1
    return bitmap


def grey_image(rng: np.random.Generator, height: int, width: int) -> Bitmap:
    """Speckle that no two calls share."""
    return rng.integers(0, 256, (height, width), dtype=np.uint8)


def write_image(path: Path, pixels: Bitmap) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def write_pairs(folder: Path, count: int, *, size: int = 48, classes: int = 2, seed: int = 0) -> tuple[Path, Path]:
    """Images and class-index masks of ragged objects, in two folders."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        mask = ragged(rng, size, size) * rng.integers(1, classes + 1, dtype=np.uint8)
        write_image(folder / "images" / f"tile{index:03d}.png", grey_image(rng, size, size))
        write_image(folder / "masks" / f"tile{index:03d}.png", mask)
    return folder / "images", folder / "masks"
