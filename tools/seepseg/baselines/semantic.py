"""What a segmenter brings to the training: its batches, its loss, and the figures of a validation."""

import os
from collections.abc import Callable, Iterator, Mapping, Sized
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from seepseg.baselines.losses import IGNORE, SemanticLoss
from seepseg.baselines.tiles import Order, Tiles
from seepseg.baselines.training import Job
from seepseg.dataset.layout import read_dataset
from seepseg.evaluate.samples import Sample, read_samples
from seepseg.predict.torch_network import to_planes
from seepseg.train.class_unions import mean_iou
from seepseg.train.machine import core_count

Batch = tuple[torch.Tensor, torch.Tensor]
"""Pixels (n, h, w, 3) as bytes, and class maps (n, h, w)."""


def make_job(
    data: Path,
    settings: Mapping[str, Any],
    loss: SemanticLoss,
    device: torch.device,
    dress: Callable[[Tiles], Sized] = lambda tiles: tiles,
) -> Job:
    """Open both splits; images are read when their turn comes. `dress` may put more beside each."""
    classes, imgsz, seed = len(read_dataset(data).names), settings["imgsz"], settings["seed"]
    listed, val = list_samples(data)
    order = Order(len(listed), seed)
    train = load_batches(dress(Tiles(listed, classes, imgsz, seed, settings)), order, settings, drop=True)
    keys = [(0, number) for number in range(len(val))]
    check = load_batches(dress(Tiles(val, classes, imgsz)), keys, settings, drop=False)

    def batches(epoch: int) -> Iterator[Batch]:
        order.epoch = epoch
        return iter(train)

    def step(model: nn.Module, batch: Batch) -> torch.Tensor:
        return loss(*answer(model, batch, device))

    return Job(batches, len(train), step, partial(_validate, check, classes, loss, device), len(listed))


def list_samples(data: Path) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Of train and val. `data` may list images of train several times, as --repeat has it."""
    dataset = read_dataset(data)
    by_place = {os.path.normpath(sample.image): sample for sample in read_samples(dataset, "train")[0]}
    listed = tuple(by_place[os.path.normpath(image)] for image in dataset.splits["train"])
    return listed, tuple(read_samples(dataset, "val")[0])


def load_batches(
    tiles: Sized,
    keys: Any,
    settings: Mapping[str, Any],
    *,
    drop: bool,
    collate: Callable[[list[Any]], Any] | None = None,
) -> "DataLoader[Any]":
    """Of what gives pixels and truth by key. With `drop`, a last batch of one image is left out: batch norm has nothing
    to compare it with."""
    batch = int(settings["batch"])
    workers = min(int(settings["workers"]), core_count())
    return DataLoader(
        tiles,  # type: ignore[arg-type]
        batch_size=batch,
        sampler=keys,
        num_workers=workers,
        drop_last=drop and batch > 1 and len(tiles) > 1 and len(tiles) % batch == 1,
        persistent_workers=workers > 0,
        worker_init_fn=_one_thread if workers else None,
        collate_fn=collate or _stack,
    )


def answer(model: nn.Module, batch: Batch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and truth of a batch."""
    pixels, classes = batch
    return model(to_planes(pixels.numpy(), device, torch.float32)), classes.to(device, torch.long)


def _validate(
    loader: "DataLoader[Any]", classes: int, loss: SemanticLoss, device: torch.device, model: nn.Module
) -> dict[str, float]:
    total, images = 0.0, 0
    counts = torch.zeros(classes + 1, classes + 1, dtype=torch.long, device=device)
    for batch in loader:
        logits, truth = answer(model, batch, device)
        total += float(loss(logits, truth)) * len(truth)
        images += len(truth)
        counts += count_classes(logits, truth, classes)
    return {"metrics/mIoU": mean_of_classes(counts), "val/mask_loss": total / max(images, 1)}


def count_classes(logits: torch.Tensor, truth: torch.Tensor, classes: int) -> torch.Tensor:
    """Pixels by true and predicted class, the background last; ignored ones don't count."""
    found = torch.where(logits[:, 0] > 0, 0, 1) if logits.shape[1] == 1 else logits.argmax(1)
    return count_pixels(found, truth, classes)


def count_pixels(found: torch.Tensor, truth: torch.Tensor, classes: int) -> torch.Tensor:
    """The same of a class map that is chosen already."""
    valid = truth != IGNORE
    pairs = truth[valid] * (classes + 1) + found[valid]
    return torch.bincount(pairs, minlength=(classes + 1) ** 2).view(classes + 1, classes + 1)


def mean_of_classes(counts: torch.Tensor) -> float:
    """The mean IoU of such counts."""
    hits, true, found = counts.diagonal(), counts.sum(1), counts.sum(0)
    return mean_iou(torch.stack([hits, true + found - hits, true])[:, None])


def _stack(tiles: list[tuple[Any, Any]]) -> Batch:
    pixels, maps = zip(*tiles, strict=True)
    return torch.from_numpy(np.stack(pixels)), torch.from_numpy(np.stack(maps))


def _one_thread(_: int) -> None:
    cv2.setNumThreads(1)
