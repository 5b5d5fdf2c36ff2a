"""Images to hold two models against each other on."""

from pathlib import Path

import cv2
import numpy as np
import yaml

from seepseg.dataset.layout import read_dataset
from seepseg.errors import SeepsegError
from seepseg.predict.engine import Model
from seepseg.predict.resize import Pixels
from seepseg.raster import read_pixels
from seepseg.train.record import RECORD, read_record

SPLITS = ("test", "val")
SHAPES = ((1.0, 1.0), (0.6, 1.4), (2.0, 0.5), (0.1, 0.1))
"""Of random images, as shares of imgsz: square, lying, standing, tiny."""


def find_samples(run: Path, model: Model, count: int) -> tuple[list[Pixels], str]:
    """Of the data that the run was trained with, if they are still there, else random ones; what they are."""
    found = _of_dataset(run, count)
    if found is not None:
        return found
    shapes = [SHAPES[index % len(SHAPES)] for index in range(count)]
    sides = [(max(int(high * model.imgsz), 1), max(int(wide * model.imgsz), 1)) for high, wide in shapes]
    return [
        _random(height, width, seed) for seed, (height, width) in enumerate(sides)
    ], f"{count} random images{_why(run)}"


def _why(run: Path) -> str:
    data = _data_of(run)
    return "" if data is None else f", as those of {data} cannot be read from here"


def _of_dataset(run: Path, count: int) -> tuple[list[Pixels], str] | None:
    data = _data_of(run)
    if data is None or not data.is_file():
        return None
    try:
        splits = read_dataset(data).splits
        split = next(name for name in SPLITS if splits.get(name))
        images = splits[split]
        chosen = [images[index * len(images) // count] for index in range(min(count, len(images)))]
        return [read_pixels(image) for image in chosen], f"{len(chosen)} {split} images of {data.parent.name}"
    except (SeepsegError, OSError, StopIteration):
        return None


def _data_of(run: Path) -> Path | None:
    try:
        if (run / RECORD).is_file():
            return Path(read_record(run)["dataset"]["data"])
        return Path(yaml.safe_load((run / "args.yaml").read_text(encoding="utf-8"))["data"])
    except (SeepsegError, OSError, yaml.YAMLError, KeyError, TypeError):
        return None


def _random(height: int, width: int, seed: int) -> Pixels:
    """Blobs, brighter and darker."""
    field = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((height, width, 3)), (0, 0), 4)
    return np.clip(128 + 600 * field, 0, 255).astype(np.uint8).reshape(height, width, 3)
