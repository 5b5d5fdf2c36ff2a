"""Networks of the catalogue as modules: pixels from 0 to 1 in, logits out, of the same size or of the whole image."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from seepseg.baselines import convlstm, unets
from seepseg.baselines.catalogue import Entry
from seepseg.baselines.classifiers import build_classifier
from seepseg.errors import UsageError

if TYPE_CHECKING:
    from seepseg.baselines.mask_rcnn import MaskRcnn

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
        """Logits (n, channels, h, w) of images (n, 3, h, w), or (n, channels) of a classifier."""
        found = self.network((images - self.mean) / self.spread)
        logits: torch.Tensor = found["out"] if isinstance(found, dict) else found
        return logits


def build_network(entry: Entry, channels: int) -> "Normalised | MaskRcnn":
    """With random weights, drawn from torch's generator as it stands."""
    if entry.kind == "segment":
        from seepseg.baselines.mask_rcnn import build_mask_rcnn

        return build_mask_rcnn(entry, channels, *IMAGENET)
    if entry.kind == "classify":
        return Normalised(build_classifier(entry, channels), *IMAGENET)
    if entry.library == "own":
        source = unets if hasattr(unets, entry.architecture) else convlstm
        return Normalised(getattr(source, entry.architecture)(channels), *AS_IT_IS)
    network = _from_smp(entry, channels) if entry.library == "smp" else _from_torchvision(entry, channels)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = max(module.momentum or 0.0, LEAST_MOMENTUM)
    return Normalised(network, *IMAGENET)


def load_encoder(model: "Normalised | MaskRcnn", entry: Entry, state: dict[str, torch.Tensor]) -> None:
    """Pre-trained weights into the encoder; the layers that classified images stay out."""
    if entry.kind == "classify":
        _load_body(model, entry, state)
        return
    encoder: Any = _encoder_of(model, entry)
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


def _load_body(model: nn.Module, entry: Entry, state: dict[str, torch.Tensor]) -> None:
    """All but the last layer of a classifier, which names other classes."""
    network: Any = model.network
    last = tuple(f"{name}." for name, module in network.named_modules() if module is network.get_classifier())
    try:
        found = network.load_state_dict({key: one for key, one in state.items() if not key.startswith(last)}, False)
    except RuntimeError as error:
        raise UsageError(f"the weights are not those of {entry.encoder}: {str(error).splitlines()[0]}") from None
    wrong = [key for key in (*found.missing_keys, *found.unexpected_keys) if not key.startswith(last)]
    if wrong:
        raise UsageError(f"the weights are not those of {entry.encoder}: {wrong[0]} is in one of them alone")


def _encoder_of(model: Any, entry: Entry) -> Any:
    if entry.kind == "segment":
        return model.backbone.body
    return model.network.encoder if entry.library == "smp" else model.network.backbone


def _from_smp(entry: Entry, channels: int) -> nn.Module:
    import segmentation_models_pytorch as smp

    network: nn.Module = getattr(smp, entry.architecture)(entry.encoder, encoder_weights=None, classes=channels)
    return network


def _from_torchvision(entry: Entry, channels: int) -> nn.Module:
    from torchvision.models import segmentation

    build = getattr(segmentation, entry.architecture)
    network: nn.Module = build(weights=None, weights_backbone=None, num_classes=channels)
    return network
