"""What a classifier brings to the training: images with the classes that they hold, its loss, and its figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from seepseg.baselines.loading import load_splits
from seepseg.baselines.semantic import answer
from seepseg.baselines.tiles import Key, Tiles
from seepseg.baselines.training import Job
from seepseg.dataset.layout import label_path, read_rows
from seepseg.evaluate.samples import Sample
from seepseg.measures.figures import mean_defined, weigh
from seepseg.measures.presence import rank_figures
from seepseg.predict.resize import Pixels

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

UNKNOWN = -1
"""In labels: the class may have left the image when that was turned and shifted, so nothing is learned of it."""
Labels = NDArray[np.float32]
"""Of each class 1 where the image holds it, 0 where not, or UNKNOWN."""


@dataclass(frozen=True, slots=True)
class PresenceLoss:
    """Binary cross entropy of logits and labels, both (n, classes): an image may hold several classes, or none.

    `weights` multiply a class's whole column, or with `positives` only what a missed class costs.
    """

    weights: tuple[float, ...] | None = None
    positives: bool = False

    def __call__(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean over what is known."""
        logits, there = logits.float(), labels.clamp(min=0).float()
        known = (labels != UNKNOWN).to(logits.dtype)
        weights = None if self.weights is None else logits.new_tensor(self.weights)
        missed, column = (weights, None) if self.positives else (None, weights)
        each = functional.binary_cross_entropy_with_logits(logits, there, reduction="none", pos_weight=missed)
        known = known if column is None else known * column
        return (each * known).sum() / known.sum().clamp(min=1e-6)


@dataclass(frozen=True, slots=True)
class LabelledTiles:
    """Tiles as a segmenter gets them, each with the classes that its image holds."""

    tiles: Tiles
    held: Sequence[frozenset[int]]
    """Of each image, by place in the list."""

    def __len__(self) -> int:
        """Images, repeated ones as often as they are listed."""
        return len(self.tiles)

    def __getitem__(self, key: Key) -> tuple[Pixels, Labels]:
        """Pixels and labels; what an augmented tile shows no more is unknown."""
        pixels, classes = self.tiles[key]
        labels = np.zeros(self.tiles.classes, np.float32)
        shown = np.unique(classes) if self.tiles.augment is not None else None
        for class_id in self.held[key[1]]:
            labels[class_id] = 1 if shown is None or class_id in shown else UNKNOWN
        return pixels, labels


def make_job(data: Path, settings: Mapping[str, Any], loss: PresenceLoss, device: torch.device) -> Job:
    """Open both splits, as a segmenter does."""
    splits = load_splits(data, settings, _label)

    def step(model: nn.Module, batch: Any) -> torch.Tensor:
        return loss(*answer(model, batch, device))

    validate = partial(_validate, splits.val, loss, device)
    return Job(splits.batches, len(splits.train), step, validate, splits.images)


def classes_in(sample: Sample) -> frozenset[int]:
    """What an image holds, as evaluation counts it: a class that it has an instance of."""
    if sample.truth is not None:
        return frozenset(one.class_id for one in sample.truth.objects)
    return frozenset(class_id for class_id, _ in read_rows(label_path(sample.image)))


def rank(scores: NDArray[Any], present: NDArray[np.bool_]) -> dict[str, float]:
    """Mean AUROC and average precision over the classes that have one; not a number where none has."""
    found = [rank_figures(one, there, weigh(None, len(one))) for one, there in zip(scores.T, present.T, strict=True)]
    auroc, average = (mean_defined(np.concatenate(figures)) for figures in zip(*found, strict=True))
    return {"metrics/AP": float(average), "metrics/AUROC": float(auroc)}


def _label(tiles: Tiles) -> LabelledTiles:
    return LabelledTiles(tiles, [classes_in(sample) for sample in tiles.samples])


def _validate(
    loader: "DataLoader[Any]", loss: PresenceLoss, device: torch.device, model: nn.Module
) -> dict[str, float]:
    total, images = 0.0, 0
    scores, present = [], []
    for batch in loader:
        logits, labels = answer(model, batch, device)
        total += float(loss(logits, labels)) * len(labels)
        images += len(labels)
        scores.append(logits.float().cpu().numpy())
        present.append(labels.cpu().numpy() > 0)
    found, there = np.concatenate(scores).astype(np.float64), np.concatenate(present)
    # At even odds: what the thresholds of predict will be is chosen after the training.
    right = float(np.mean((found > 0) == there))
    return {**rank(found, there), "metrics/accuracy": right, "val/cls_loss": total / max(images, 1)}
