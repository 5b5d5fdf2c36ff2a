"""What a segmenter brings to the training: its batches, its loss, and the figures of a validation."""

from collections.abc import Callable, Mapping, Sized
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from seepseg.baselines.loading import load_splits
from seepseg.baselines.losses import IGNORE, SemanticLoss
from seepseg.baselines.tiles import Tiles
from seepseg.baselines.training import Job
from seepseg.predict.torch_network import to_planes
from seepseg.train.class_unions import mean_iou

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

Batch = tuple[torch.Tensor, torch.Tensor]
"""Pixels (n, h, w, 3) as bytes, and class maps (n, h, w)."""


def make_job(
    data: Path,
    settings: Mapping[str, Any],
    loss: SemanticLoss,
    device: torch.device,
    dress: Callable[[Tiles], Sized] = lambda tiles: tiles,
) -> Job:
    """Open both splits. `dress` may put more beside each tile."""
    splits = load_splits(data, settings, dress)

    def step(model: nn.Module, batch: Batch) -> torch.Tensor:
        return loss(*answer(model, batch, device))

    validate = partial(_validate, splits.val, splits.classes, loss, device)
    return Job(splits.batches, len(splits.train), step, validate, splits.images)


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
