"""Images to try models on: those of the dataset that a run was trained with, else random ones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from seepseg.dataset.layout import Dataset, read_dataset
from seepseg.errors import SeepsegError, UsageError
from seepseg.predict.letterbox import frame_of, place
from seepseg.predict.network import planes_of
from seepseg.predict.resize import Pixels
from seepseg.raster import read_pixels
from seepseg.train.record import RECORD, read_record
from seepseg.wording import count

SPLITS = ("test", "val")
SHAPES = ((1.0, 1.0), (0.6, 1.4), (2.0, 0.5), (0.1, 0.1))
"""Of random images, as shares of imgsz: square, lying, standing, tiny."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Images, read one by one."""

    what: str
    """As a sentence has it."""
    readers: Sequence[Callable[[], Pixels]]

    def __iter__(self) -> Iterator[Pixels]:
        """Anew at each call."""
        return (read() for read in self.readers)


def find_samples(data: Path | None, imgsz: int, most: int) -> Samples:
    """Of the test split or else of val, if they are still there, else random ones."""
    dataset = open_data(data)
    for split in SPLITS:
        images = [] if dataset is None else spread(dataset.splits.get(split, ()), most)
        if dataset is not None and images and all(image.is_file() for image in images):
            what = f"{count(len(images), f'{split} image')} of {dataset.yaml.parent.name}"
            return Samples(what, [partial(read_pixels, image) for image in images])
    why = f", as those of {data} cannot be read from here" if data else ""
    sides = [_sides(SHAPES[seed % len(SHAPES)], imgsz) for seed in range(most)]
    return Samples(
        f"{count(most, 'random image')}{why}", [partial(_random, *side, seed) for seed, side in enumerate(sides)]
    )


def find_training(data: Path | None, most: int) -> tuple[list[Path], str]:
    """Of the train split alone: what is fitted to images must not be judged by them; and what they are."""
    if data is None:
        raise UsageError("8 bits are fitted to images of the training, and nothing says which: give --data DATA.yaml")
    dataset = read_dataset(data)
    images = spread(dataset.splits.get("train", ()), most)
    missing = next((image for image in images if not image.is_file()), None)
    if not images or missing:
        what = f"{missing} is missing" if missing else "it has no train images"
        raise UsageError(f"{data}: {what}, to which 8 bits are fitted; give another --data")
    return images, f"{count(len(images), 'train image')} of {dataset.yaml.parent.name}"


def open_data(data: Path | None) -> Dataset | None:
    """None where there is none to be read."""
    try:
        return None if data is None else read_dataset(data)
    except SeepsegError:
        return None


def data_of(run: Path) -> Path | None:
    """The data.yaml that a run was trained on, as its record or Ultralytics' says."""
    try:
        if (run / RECORD).is_file():
            return Path(read_record(run)["dataset"]["data"])
        return Path(yaml.safe_load((run / "args.yaml").read_text(encoding="utf-8"))["data"])
    except (SeepsegError, OSError, yaml.YAMLError, KeyError, TypeError):
        return None


def spread(images: Sequence[Any], most: int) -> list[Any]:
    """As many of them, evenly over all."""
    return [images[at * len(images) // most] for at in range(most)] if len(images) > most else list(images)


def read_planes(imgsz: int, image: Path) -> Any:
    """An image as the network takes it."""
    pixels = read_pixels(image)
    return planes_of(place(pixels, frame_of(pixels.shape[1], pixels.shape[0], imgsz))[None])


def _sides(shape: tuple[float, float], imgsz: int) -> tuple[int, int]:
    return max(int(shape[0] * imgsz), 1), max(int(shape[1] * imgsz), 1)


def _random(height: int, width: int, seed: int) -> Pixels:
    """Blobs, brighter and darker."""
    field = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((height, width, 3)), (0, 0), 4)
    return np.clip(128 + 600 * field, 0, 255).astype(np.uint8).reshape(height, width, 3)
