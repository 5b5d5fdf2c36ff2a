"""Networks that say of a whole image which classes it holds: pixels in, a logit for each class out."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from seepseg.baselines.catalogue import Entry

ANY_SIZE: Mapping[str, Mapping[str, Any]] = {"swin_tiny_patch4_window7_224": {"strict_img_size": False}}
"""What lets a network that was made for one image size take others; every timm that has it calls it so."""
BESIDE = 5
"""Side of the small kernel that runs beside a large one, without which the large one is hard to train."""


def build_classifier(entry: Entry, classes: int) -> nn.Module:
    """With random weights, drawn from torch's generator as it stands."""
    if entry.library == "own":
        return large(classes)
    import timm

    network: nn.Module = timm.create_model(
        entry.architecture, pretrained=False, num_classes=classes, **ANY_SIZE.get(entry.architecture, {})
    )
    return network


def large(classes: int) -> nn.Module:
    """RepLKNet's idea at a small size: depthwise kernels of 31×31 on the two finer maps, 13×13 on the coarser."""
    return LargeKernels(classes, widths=(48, 96, 192, 384), kernels=(31, 31, 13, 13), depths=(1, 1, 2, 1))


class LargeKernels(nn.Module):
    """Four maps, each half as fine as the one before it, the first at a quarter of the image."""

    def __init__(self, classes: int, widths: Sequence[int], kernels: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        first = widths[0]
        self.stem = nn.Sequential(_convolve(3, first, 3, stride=2), _convolve(first, first, 3, stride=2))
        steps = [_convolve(wide, high, 3, stride=2) for wide, high in pairwise(widths)]
        stages = [
            nn.Sequential(*(LargeKernelBlock(width, kernel) for _ in range(depth)))
            for width, kernel, depth in zip(widths, kernels, depths, strict=True)
        ]
        self.stages = nn.Sequential(stages[0], *(one for pair in zip(steps, stages[1:], strict=True) for one in pair))
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes)."""
        logits: torch.Tensor = self.head(self.stages(self.stem(images)).mean((2, 3)))
        return logits


class LargeKernelBlock(nn.Module):
    """Far-reaching depthwise convolution between two pointwise ones, then a pointwise pair; each with a way around."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.enter = _convolve(width, width, 1)
        self.far = _depthwise(width, kernel)
        self.near = _depthwise(width, BESIDE)
        self.leave = nn.Sequential(nn.GELU(), nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))
        self.mix = nn.Sequential(_convolve(width, 4 * width, 1), nn.Conv2d(4 * width, width, 1), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As large as what comes in."""
        entered = self.enter(x)
        x = x + self.leave(self.far(entered) + self.near(entered))
        mixed: torch.Tensor = x + self.mix(x)
        return mixed


def _convolve(wide: int, high: int, side: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(wide, high, side, stride, side // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(high), nn.GELU())


def _depthwise(width: int, side: int) -> nn.Sequential:
    layer = nn.Conv2d(width, width, side, padding=side // 2, groups=width, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(width))
