"""Something to evaluate without a network: predictions made from the truth, and a dataset to make them of."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from make import Bitmap, ragged
from make_dataset import write_dataset
from seepseg import rle
from seepseg.dataset.layout import read_dataset
from seepseg.dataset.truth import Truth
from seepseg.evaluate.predictions import Told
from seepseg.evaluate.run import Request, evaluate_subject
from seepseg.evaluate.samples import Sample, truth_of
from seepseg.evaluate.subject import Subject
from seepseg.measures.threshold_file import read_thresholds
from seepseg.measures.thresholds import Thresholds
from seepseg.raster import read_pixels
from seepseg.values import Detection, Prediction

NAMES = ("oil", "ship")
Say = Callable[[Sample, Truth], list[Detection]]


def class_maps(count: int, *, seed: int, size: int = 40) -> list[Bitmap]:
    """Ragged oil, a ship on every second tile, nothing on the last."""
    rng = np.random.default_rng(seed)
    maps = [ragged(rng, size, size, 0.2) for _ in range(count)]
    for tile in maps[::2]:
        tile[2:9, 2:9] = 2
    maps[-1][:] = 0
    return maps


def scenes_dataset(root: Path, *, splits: Sequence[str] = ("val", "test"), **settings: Any) -> Path:
    """Six tiles a split, two of a scene."""
    tiles = {
        split: {f"{split}{number}.png": tile for number, tile in enumerate(class_maps(6, seed=seed))}
        for seed, split in enumerate(splits)
    }
    groups = {name: f"scene {name[:-5]} {int(name[-5]) // 2}" for images in tiles.values() for name in images}
    return write_dataset(root, tiles, **{"names": NAMES, "imgsz": 64, "groups": groups, **settings})


def find(class_id: int, score: float, bitmap: Bitmap) -> Detection:
    """A detection of exactly these pixels."""
    x, y, wide, high = cv2.boundingRect(bitmap)
    box = (float(x), float(y), float(x + wide), float(y + high))
    return Detection(class_id, score, box, bitmap[y : y + high, x : x + wide], x, y)


def exact(sample: Sample, truth: Truth) -> list[Detection]:
    """Each true object, each with a confidence of its own."""
    return [
        find(one.class_id, 0.95 - 0.01 * number, rle.decode(one.rle, truth.width, truth.height))
        for number, one in enumerate(truth.objects)
    ]


def blind(sample: Sample, truth: Truth) -> list[Detection]:
    return []


def sloppy(sample: Sample, truth: Truth) -> list[Detection]:
    """Some objects missed, some moved, some of the other class, and alarms of low confidence."""
    rng = np.random.default_rng(sum(sample.name.encode()))
    found = []
    for one in truth.objects:
        bitmap = np.roll(rle.decode(one.rle, truth.width, truth.height), tuple(rng.integers(-1, 2, 2)), (0, 1))
        if rng.random() < 0.8:
            found.append(find(int(rng.random() < 0.1) ^ one.class_id, float(rng.uniform(0.2, 0.9)), bitmap))
    for _ in range(3):
        alarm = np.zeros((truth.height, truth.width), np.uint8)
        y, x = rng.integers(0, 30, 2)
        alarm[y : y + 6, x : x + 6] = 1
        found.append(find(int(rng.integers(2)), float(rng.uniform(0.01, 0.5)), alarm))
    return sorted(found, key=lambda one: -one.score)


def make_subject(say: Say, *, run: Path | None = None) -> Subject:
    def tell(samples: Sequence[Sample]) -> Told:
        for sample in samples:
            height, width = read_pixels(sample.image).shape[:2]
            truth = truth_of(sample, width, height)
            yield sample, truth, Prediction(width, height, tuple(say(sample, truth)))

    def stored() -> Thresholds | None:
        file = run and run / "thresholds.json"
        return read_thresholds(file) if file and file.is_file() else None

    return Subject("segment", run or Path("made"), tell, run=run, stored=stored)


def evaluate_made(
    folder: Path, data: Path, say: Say, *, split: str = "test", run: Path | None = None, **asked: Any
) -> dict[str, Any]:
    """What metrics.json says of made predictions."""
    folder.mkdir()
    request = Request(data, **{"replicates": 40, "report": False, **asked})
    return evaluate_subject(make_subject(say, run=run), read_dataset(data), split, folder, request)
