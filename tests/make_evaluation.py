"""An evaluation as `eval` leaves it, of made images: what a report and a comparison read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from make import Bitmap, ragged
from make_detections import bar
from seepseg import rle
from seepseg.dataset.truth import TrueObject, Truth
from seepseg.evaluate.findings import Findings, write_findings
from seepseg.evaluate.fitting import fit_after
from seepseg.evaluate.in_force import for_masks, give
from seepseg.evaluate.observation import observe
from seepseg.evaluate.samples import Sample
from seepseg.measures.levels import make_grid
from seepseg.values import Detection, Prediction

SIZE = 64


@dataclass(frozen=True, slots=True)
class Made:
    """One image: its truth, and what a model of a given skill says of it."""

    name: str
    group: str | None
    truth: Truth
    prediction: Prediction


def make_images(
    count: int,
    classes: int,
    *,
    seed: int = 0,
    skill: float = 0.7,
    groups: int | None = None,
    size: int = SIZE,
    answers: int | None = None,
) -> list[Made]:
    """Every third image holds nothing. The truth follows from `seed` alone, the predictions from `answers` too."""
    truth_rng, rng = np.random.default_rng(seed), np.random.default_rng((seed, answers or 0, 1))
    images = []
    for number in range(count):
        objects = [] if number % 3 == 2 else _objects(truth_rng, classes, size)
        truth = Truth(size, size, None, [TrueObject(class_id, rle.encode(one), None) for class_id, one in objects])
        group = f"scene {number % groups}" if groups else None
        images.append(Made(f"tile{number:03d}.png", group, truth, _predict(rng, objects, classes, size, skill)))
    return images


def write_evaluation(
    folder: Path,
    images: Sequence[Made],
    names: Sequence[str],
    *,
    task: str = "segment",
    split: str = "test",
    conf: float | None = None,
    replicates: int = 40,
    data: str = "d" * 64,
    made: Mapping[str, Any] | None = None,
) -> Callable[[str], tuple[Bitmap, Truth, Prediction]]:
    """The files that come before the report; and the function that shows an image again. Thresholds are cross-fitted
    unless a confidence is given."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = make_grid([] if conf is None else [conf])
    seen = [
        observe(
            Sample(one.name, Path(one.name), one.group, one.truth),
            one.truth,
            one.prediction,
            len(names),
            grid,
            instances=task not in ("masks", "classify"),
        )
        for one in images
    ]
    places = task != "classify"
    groups = [str(one.group) for one in images] if images[0].group else None
    if task == "masks":
        used = for_masks(len(names), float(grid[0]))
    elif conf is not None:
        used = give(conf, names)
    else:
        used, _ = fit_after(seen, names, split, groups=groups, rule=None, data=data, grid=grid, seed=0, places=places)
    write_findings(
        folder,
        Findings(tuple(names), groups, seen, grid, used, places),
        head={
            "model": "runs/a",
            "task": task,
            "data": "datasets/a/data.yaml",
            "split": split,
            "names": list(names),
            "imgsz": size_of(images),
        },
        tail={
            "speed_ms": {"preprocess": 0.1, "inference": 9.0, "postprocess": 1.2},
            "notes": [],
            "made": {
                "seepseg": "0.1.0",
                "weights_sha256": "a" * 64,
                "data_sha256": data,
                "seed": 0,
                "replicates": replicates,
                "command": "seepseg eval runs/a data.yaml",
                **(made or {}),
            },
        },
        replicates=replicates,
        seed=0,
    )
    by_name = {one.name: one for one in images}
    limit = 0.25 if conf is None else conf

    def review(name: str) -> tuple[Bitmap, Truth, Prediction]:
        one = by_name[name]
        kept = tuple(each for each in one.prediction.detections if each.score > limit)
        return photo(one.truth), one.truth, Prediction(one.prediction.width, one.prediction.height, kept)

    return review


def photo(truth: Truth) -> Bitmap:
    """Speckle, darker where there is something."""
    rng = np.random.default_rng(truth.width + len(truth.objects))
    field = rng.gamma(4, 30, (truth.height, truth.width))
    for one in truth.objects:
        field[rle.decode(one.rle, truth.width, truth.height) > 0] *= 0.45
    return field.clip(0, 255).astype(np.uint8)


def size_of(images: Sequence[Made]) -> int:
    return images[0].truth.width


def _objects(rng: np.random.Generator, classes: int, size: int) -> list[tuple[int, Bitmap]]:
    """Threads and blobs, each class rarer than the one before."""
    shares = 0.6 ** np.arange(classes)
    found = []
    for _ in range(int(rng.integers(1, 4))):
        side = size // 3
        place = rng.integers(0, size - side, 2)
        blob = ragged(rng, side, side, 0.35) if rng.random() < 0.5 else _thread(rng, side)
        whole = np.zeros((size, size), np.uint8)
        whole[place[0] : place[0] + side, place[1] : place[1] + side] = blob
        found.append((int(rng.choice(classes, p=shares / shares.sum())), whole))
    return found


def _thread(rng: np.random.Generator, side: int) -> Bitmap:
    bitmap = bar(side, side // 2, 1, int(rng.integers(1, 5)), side - 2)
    for column in range(side):
        bitmap[:, column] = np.roll(bitmap[:, column], int(3 * np.sin(column / 4)))
    return bitmap


def _predict(
    rng: np.random.Generator, objects: Sequence[tuple[int, Bitmap]], classes: int, size: int, skill: float
) -> Prediction:
    found = []
    for class_id, bitmap in objects:
        if rng.random() < skill + 0.1:
            told = class_id if rng.random() < 0.5 + skill / 2 else int(rng.integers(classes))
            shift = rng.integers(-2, 3, 2) if rng.random() > skill else (0, 1)
            found.append((told, float(rng.beta(5, 2)), np.roll(bitmap, tuple(shift), (0, 1))))
    for _ in range(int(rng.poisson(1.2 - skill))):
        found.append((int(rng.integers(classes)), float(rng.beta(1.5, 3)), _objects(rng, 1, size)[0][1]))
    kept = [one for one in found if one[2].any()]
    return Prediction(size, size, tuple(_detect(*one) for one in sorted(kept, key=lambda one: -one[1])))


def _detect(class_id: int, score: float, bitmap: NDArray[np.uint8]) -> Detection:
    ys, xs = np.nonzero(bitmap)
    y, x = int(ys.min()), int(xs.min())
    crop = bitmap[y : ys.max() + 1, x : xs.max() + 1]
    return Detection(class_id, score, (float(x), float(y), float(xs.max() + 1), float(ys.max() + 1)), crop, x, y)
