"""Both splits of a dataset as batches: images are read when their turn comes, in an order that seed and epoch give."""

import os
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

from seepseg.baselines.tiles import Order, Tiles
from seepseg.dataset.layout import read_dataset
from seepseg.evaluate.samples import Sample, read_samples
from seepseg.train.machine import core_count

Collate = Callable[[list[Any]], Any]


@dataclass(frozen=True, slots=True)
class Splits:
    """What a training reads: the training split in an order of its own each epoch, the validation split as it lies."""

    classes: int
    order: Order
    train: "DataLoader[Any]"
    val: "DataLoader[Any]"

    @property
    def images(self) -> int:
        """An epoch, repeated ones as often as they are listed."""
        return self.order.count

    def batches(self, epoch: int) -> Iterator[Any]:
        """Of an epoch; the same epoch gives the same ones."""
        self.order.epoch = epoch
        return iter(self.train)


def load_splits(
    data: Path,
    settings: Mapping[str, Any],
    dress: Callable[[Tiles], Sized] = lambda tiles: tiles,
    collate: Collate | None = None,
) -> Splits:
    """`dress` may put more beside each tile; `collate` makes a batch of what it then gives."""
    classes, imgsz, seed = len(read_dataset(data).names), settings["imgsz"], settings["seed"]
    listed, val = list_samples(data)
    order = Order(len(listed), seed)
    keys = [(0, number) for number in range(len(val))]
    train = _load(dress(Tiles(listed, classes, imgsz, seed, settings)), order, settings, collate, drop=True)
    check = _load(dress(Tiles(val, classes, imgsz)), keys, settings, collate, drop=False)
    return Splits(classes, order, train, check)


def list_samples(data: Path) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Of train and val. `data` may list images of train several times, as --repeat has it."""
    dataset = read_dataset(data)
    by_place = {os.path.normpath(sample.image): sample for sample in read_samples(dataset, "train")[0]}
    listed = tuple(by_place[os.path.normpath(image)] for image in dataset.splits["train"])
    return listed, tuple(read_samples(dataset, "val")[0])


def _load(
    tiles: Sized, keys: Any, settings: Mapping[str, Any], collate: Collate | None, *, drop: bool
) -> "DataLoader[Any]":
    """With `drop`, a last batch of one image is left out: batch norm has nothing to compare it with."""
    batch = int(settings["batch"])
    workers = min(int(settings["workers"]), core_count())
    if workers:
        # Ends its threads here: a forked worker that ends the copies of them crashes or waits for ever.
        _one_thread()
    return DataLoader(
        tiles,  # type: ignore[arg-type]
        batch_size=batch,
        sampler=keys,
        num_workers=workers,
        drop_last=drop and batch > 1 and len(tiles) > 1 and len(tiles) % batch == 1,
        persistent_workers=workers > 0,
        worker_init_fn=_one_thread if workers else None,
        collate_fn=collate or _stack,
        # Of its own: loaders with workers draw a seed once, and what dropout draws must not depend on when that was.
        generator=torch.Generator(),
    )


def _stack(tiles: list[tuple[Any, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    pixels, truth = zip(*tiles, strict=True)
    return torch.from_numpy(np.stack(pixels)), torch.from_numpy(np.stack(truth))


def _one_thread(_: int = 0) -> None:
    cv2.setNumThreads(1)
