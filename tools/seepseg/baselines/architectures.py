"""Networks of the catalogue as modules: pixels from 0 to 1 in, logits of the same size out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from seepseg.baselines import unets
from seepseg.baselines.catalogue import Entry
from seepseg.errors import UsageError

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation that the encoders were trained with: red, green, blue."""
AS_IT_IS = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
LEAST_MOMENTUM = 0.1
"""Of batch norm. EfficientNet's own .01 is for trainings of many thousand steps: after a few hundred, its averages
would still be those of the start, and validation would see another network than training."""


class Normalised(nn.Module):
    """A network with what it expects of pixels, so that every engine and the page may hand it the same."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], spread: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(spread).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, channels, h, w) of images (n, 3, h, w)."""
        found = self.network((images - self.mean) / self.spread)
        logits: torch.Tensor = found["out"] if isinstance(found, dict) else found
        return logits


def build_network(entry: Entry, channels: int) -> Normalised:
    """With random weights, drawn from torch's generator as it stands."""
    if entry.library == "own":
        return Normalised(getattr(unets, entry.architecture)(channels), *AS_IT_IS)
    network = _from_smp(entry, channels) if entry.library == "smp" else _from_torchvision(entry, channels)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = max(module.momentum or 0.0, LEAST_MOMENTUM)
    return Normalised(network, *IMAGENET)


def load_encoder(model: Normalised, entry: Entry, state: dict[str, torch.Tensor]) -> None:
    """Pre-trained weights into the encoder; the layers that classified images stay out."""
    encoder: Any = model.network.encoder if entry.library == "smp" else model.network.backbone
    wanted = encoder.state_dict()
    try:
        if entry.library == "smp":
            encoder.load_state_dict(state)
        else:
            encoder.load_state_dict(
                {name: state[name] for name in wanted if not name.endswith("num_batches_tracked")}, strict=False
            )
    except (RuntimeError, KeyError) as error:
        raise UsageError(f"the weights are not those of {entry.encoder}: {str(error).splitlines()[0]}") from None


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Trainable ones, and all as Keras counts them: with the averages that batch norm keeps."""
    trainable = sum(one.numel() for one in model.parameters() if one.requires_grad)
    kept = sum(one.numel() for one in model.state_dict().values() if one.is_floating_point())
    return trainable, kept


def _from_smp(entry: Entry, channels: int) -> nn.Module:
    import segmentation_models_pytorch as smp

    network: nn.Module = getattr(smp, entry.architecture)(entry.encoder, encoder_weights=None, classes=channels)
    return network


def _from_torchvision(entry: Entry, channels: int) -> nn.Module:
    from torchvision.models import segmentation

    build = getattr(segmentation, entry.architecture)
    network: nn.Module = build(weights=None, weights_backbone=None, num_classes=channels)
    return network
