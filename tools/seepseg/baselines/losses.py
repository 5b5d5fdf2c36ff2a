"""What a segmenter minimises: cross entropy, Dice, IoU or a mix, each with the class weights of the balance."""

from dataclasses import dataclass

import torch
from torch.nn import functional

LOSSES = ("ce", "dice", "iou", "mix")
IGNORE = -100
"""In a class map: neither object nor background, such as the border around an image."""


@dataclass(frozen=True, slots=True)
class SemanticLoss:
    """Of logits (n, channels, h, w) and class maps (n, h, w).

    The background is the last channel, or with one channel what is not the class. `weights` has one number a channel;
    `positive` weighs missed pixels where there is one channel.
    """

    kind: str = "mix"
    weights: tuple[float, ...] | None = None
    positive: float | None = None

    def __call__(self, logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """A mean: about as large whatever the size of image and batch."""
        logits = logits.float()
        valid = classes != IGNORE
        terms = []
        if self.kind in ("ce", "mix"):
            terms.append(self._cross_entropy(logits, classes, valid))
        if self.kind != "ce":
            terms.append(self._overlap(logits, classes, valid))
        return torch.stack(terms).sum()

    def _cross_entropy(self, logits: torch.Tensor, classes: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        if logits.shape[1] == 1:
            weight = None if self.positive is None else logits.new_tensor(self.positive)
            there = (classes == 0).to(logits.dtype)
            each = functional.binary_cross_entropy_with_logits(logits[:, 0], there, reduction="none", pos_weight=weight)
            return (each * valid).sum() / valid.sum().clamp(min=1)
        weights = None if self.weights is None else logits.new_tensor(self.weights)
        total = functional.cross_entropy(logits, classes, weights, ignore_index=IGNORE, reduction="sum")
        counted = valid if weights is None else weights[classes.clamp(min=0)] * valid
        return total / counted.sum().clamp(min=1)

    def _overlap(self, logits: torch.Tensor, classes: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """1 - soft Dice or IoU over the whole batch, the mean over the classes that its truth has. One pixel is added
        to both sides of the ratio, so that a batch without the class asks for none of it."""
        channels = logits.shape[1]
        if channels == 1:
            found, true = logits.sigmoid(), (classes == 0)[:, None]
        else:
            found = logits.softmax(1)
            true = torch.stack([classes == channel for channel in range(channels)], 1)
        found, sure = found * valid[:, None], true.to(found.dtype)
        shared, both = (found * sure).sum((0, 2, 3)), (found + sure).sum((0, 2, 3))
        ratio = (shared + 1) / (both - shared + 1) if self.kind == "iou" else (2 * shared + 1) / (both + 1)
        if channels == 1:
            return 1 - ratio[0]
        weights = logits.new_tensor(self.weights or (1.0,) * channels) * true.any(3).any(2).any(0)
        return ((1 - ratio) * weights).sum() / weights.sum().clamp(min=1e-6)
