"""What training minimises: class weights, a focal factor and the mask term, as changes to Ultralytics' own criteria."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from seepseg.errors import UsageError

if TYPE_CHECKING:
    import torch

MASKS = ("bce", "dice", "iou")


@dataclass(frozen=True, slots=True)
class Loss:
    """What differs from Ultralytics' loss; the default is Ultralytics' own.

    `class_weights` multiply a class's whole column of the class loss, or with `positives` only the term that asks for
    the class where it is. `focal` is the exponent of |target - probability|. `mask` is the term inside the true box.
    """

    class_weights: tuple[float, ...] | None = None
    positives: bool = False
    focal: float = 0.0
    mask: str = "bce"

    def __post_init__(self) -> None:
        """Refuse what could only be a mistake."""
        weights = self.class_weights or ()
        if not all(math.isfinite(weight) and weight > 0 for weight in weights):
            raise UsageError(f"class weights must be numbers above 0, not {', '.join(map(str, weights))}")
        if self.positives and self.class_weights is None:
            raise UsageError("weighting of positives needs class weights; name a rule for them, such as 'sqrt'")
        if not (self.focal == 0 or 1 <= self.focal < math.inf):
            raise UsageError(f"the focal exponent must be 0 (off) or at least 1, not {self.focal:g}")
        if self.mask not in MASKS:
            raise UsageError(f"the mask loss must be one of {', '.join(MASKS)}, not {self.mask!r}")

    @property
    def changes_criterion(self) -> bool:
        """Whether it needs more than the class weights that Ultralytics reads from its model."""
        return self.positives or self.focal > 0 or self.mask != "bce"


def column_weights(loss: Loss, data: Mapping[str, Any], task: str) -> tuple[float, ...] | None:
    """The vector for Ultralytics' `model.class_weights`, or None where the criterion itself takes the weights.

    Cross entropy has no negatives of its own: it charges a pixel to its true class, so `positives` changes nothing
    there, and the background that Ultralytics adds to polygon labels keeps weight 1.
    """
    weights, classes = loss.class_weights, int(data["nc"])
    if weights is None:
        return None
    if task == "semantic" and data.get("bg_class_idx") == classes - 1 == len(weights):
        weights = (*weights, 1.0)
    if len(weights) != classes:
        raise UsageError(f"{len(weights)} class weights were given, but the dataset has {classes} classes")
    if task == "semantic" and classes == 1 and not loss.positives:
        raise UsageError(
            "one class against the background has no other class to weigh it with; weigh its positives by name, such "
            "as --class-weights NAME=3 --positives"
        )
    return None if loss.positives and (task == "segment" or classes == 1) else weights


def check_task(loss: Loss, task: str) -> None:
    """Refuse what has no meaning for task `semantic`."""
    if task == "semantic" and loss.mask != "bce":
        raise UsageError(
            f"mask loss {loss.mask!r} is for task segment; task semantic adds Dice to cross entropy by itself, "
            "so leave it out"
        )
    if task == "semantic" and loss.focal:
        raise UsageError("the focal exponent is for task segment; leave it out for task semantic")


def change_criterion(criterion: Any, loss: Loss) -> None:
    """Put our terms into an Ultralytics criterion, in place; an end-to-end head's holds two.

    They are plain functions on the instance: a copy of the model keeps them, and Ultralytics drops the criterion
    before it writes a checkpoint, so that no checkpoint needs this package.
    """
    if hasattr(criterion, "one2many"):
        change_criterion(criterion.one2many, loss)
        change_criterion(criterion.one2one, loss)
    elif hasattr(criterion, "ce"):
        if loss.positives and criterion.nc == 1:
            criterion.ce = _weighted_bce(loss, criterion.device, "sum")
    else:
        if loss.positives or loss.focal:
            criterion.bce = class_term(loss, criterion.device)
        if loss.mask != "bce":
            criterion.single_mask_loss = partial(mask_term, loss.mask)


def class_term(
    loss: Loss, device: "torch.device | str" = "cpu"
) -> "Callable[[torch.Tensor, torch.Tensor], torch.Tensor]":
    """Loss of every class logit against its soft target; whole-column weights are left to the caller."""
    bce = _weighted_bce(loss, device, "none")

    def term(logits: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        plain: torch.Tensor = bce(logits, targets)
        return plain * (targets - logits.sigmoid()).abs() ** loss.focal if loss.focal else plain

    return term


def _weighted_bce(loss: Loss, device: "torch.device | str", reduction: str) -> "torch.nn.Module":
    import torch

    bce = torch.nn.BCEWithLogitsLoss(reduction=reduction)
    if loss.positives:
        # not persistent, since a semantic criterion is part of its model's state, which must fit a plain checkpoint
        bce.register_buffer("pos_weight", torch.tensor(loss.class_weights, device=device), persistent=False)
    return bce


def mask_term(
    kind: str,
    truth: "torch.Tensor",
    coefficients: "torch.Tensor",
    prototypes: "torch.Tensor",
    boxes: "torch.Tensor",
    areas: "torch.Tensor",
) -> "torch.Tensor":
    """One image's mask loss, in the place of Ultralytics' `single_mask_loss`: 1 − soft Dice or IoU inside each box.

    One pixel is added to both sides of the ratio, for masks that the prototypes' resolution leaves empty. An object
    costs between 0 and 1, where Ultralytics' mean cross entropy starts at 0.7: the box gain fits both.
    """
    import torch
    from ultralytics.utils.ops import crop_mask

    logits = torch.einsum("in,nhw->ihw", coefficients, prototypes).float()
    inside = crop_mask(torch.ones_like(truth), boxes)
    found, true = logits.sigmoid() * inside, truth * inside
    shared, both = (found * true).sum((1, 2)), (found + true).sum((1, 2))
    ratio = (2 * shared + 1) / (both + 1) if kind == "dice" else (shared + 1) / (both - shared + 1)
    return (1 - ratio).sum()
