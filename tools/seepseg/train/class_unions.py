"""The mean IoU of a validation epoch, counted as evaluation counts it: the union of a class's masks, background too."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

THRESHOLDS = (0.05, 0.1, 0.15, 0.25, 0.35, 0.5)
"""Confidences to choose from, since the best one moves while a model learns."""

KEY = "metrics/mIoU"


def count_pixels(
    predicted: "dict[str, torch.Tensor]", truth: "dict[str, torch.Tensor]", classes: int
) -> "torch.Tensor":
    """Shared, joined and true pixels of one image, (3, thresholds, classes + 1); background is the last class."""
    import torch

    height, width = (truth if len(truth["masks"]) else predicted)["masks"].shape[1:]
    scores = torch.zeros(classes, height, width, device=predicted["conf"].device)
    true = torch.zeros(classes, height, width, dtype=torch.bool, device=scores.device)
    for index in set(predicted["cls"].int().tolist()):
        chosen = predicted["cls"] == index
        scores[index] = (predicted["masks"][chosen] * predicted["conf"][chosen, None, None]).amax(0)
    for index in set(truth["cls"].int().tolist()):
        true[index] = truth["masks"][truth["cls"] == index].bool().any(0)
    found = scores >= torch.tensor(THRESHOLDS, device=scores.device)[:, None, None, None]
    found = torch.cat([found, ~found.any(1, keepdim=True)], 1)
    true = torch.cat([true, ~true.any(0, keepdim=True)])
    shared, joined = (found & true).sum((2, 3)), (found | true).sum((2, 3))
    return torch.stack([shared, joined, true.sum((1, 2)).expand_as(shared)])


def mean_iou(counts: "torch.Tensor") -> float:
    """Mean over the classes that the truth has, at the threshold where it is highest."""
    shared, joined, true = counts.double()
    present = true[0] > 0
    return float((shared / joined.clamp(min=1))[:, present].mean(1).max())


def validator_class(validator: type[Any]) -> type[Any]:
    """A subclass of Ultralytics' segmentation validator that adds the figure to its metrics."""

    class Validator(validator):  # type: ignore[misc]
        """Counts class unions at the resolution of the prototypes, where Ultralytics matches its masks."""

        def init_metrics(self, model: Any) -> None:
            """Start an epoch at zero."""
            import torch

            super().init_metrics(model)
            self.class_unions = torch.zeros(3, len(THRESHOLDS), self.nc + 1, dtype=torch.long, device=self.device)

        def _process_batch(self, preds: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
            self.class_unions += count_pixels(preds, batch, self.nc)
            found: dict[str, Any] = super()._process_batch(preds, batch)
            return found

        def gather_stats(self) -> None:
            """Add what the other GPUs counted."""
            import torch

            super().gather_stats()
            if torch.distributed.is_available() and torch.distributed.is_initialized():
                torch.distributed.reduce(self.class_unions, dst=0)

        def get_stats(self) -> dict[str, Any]:
            """Ultralytics' figures and ours."""
            return {**super().get_stats(), KEY: mean_iou(self.class_unions)}

    return Validator
