"""Two U-Nets that are in no library, rebuilt from their published numbers of parameters."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn


class UNet(nn.Module):
    """Two convolutions a level, halved by pooling, doubled by transposed convolutions, joined by skips."""

    def __init__(self, channels: int, widths: Sequence[int], *, norm: bool, up: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(_double(wide, high, norm) for wide, high in pairwise((3, *widths)))
        levels = list(pairwise(widths[::-1]))
        self.up = nn.ModuleList(_enlarge(deep, flat, up) for deep, flat in levels)
        self.joined = nn.ModuleList(_double(2 * flat, flat, norm) for _, flat in levels)
        self.head = nn.Conv2d(widths[0], channels, 1)
        self.apply(_start)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of the images' own size, which must be a multiple of 2 to the number of levels below the first."""
        return self.decode(self.encode(images))

    def encode(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The map of each level, the largest first."""
        maps: list[torch.Tensor] = []
        x = images
        for level in self.down:
            x = level(nn.functional.max_pool2d(x, 2) if maps else x)
            maps.append(x)
        return maps

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits of what `encode` gives."""
        *skips, x = maps
        for up, join, skip in zip(self.up, self.joined, skips[::-1], strict=True):
            x = join(torch.cat([skip, up(x)], 1))
        logits: torch.Tensor = self.head(x)
        return logits


def dissertation(channels: int) -> UNet:
    """31,043,521 trainable parameters with one channel: batch norm, biases beside it, transposed convolutions of 2."""
    return UNet(channels, (64, 128, 256, 512, 1024), norm=True, up=2)


def pets(channels: int) -> UNet:
    """2,158,739 parameters with three channels: no norm, transposed convolutions of 3. Keras' example for the same
    pets, with separable convolutions, has about 2,059,000 and is not it."""
    return UNet(channels, (16, 32, 64, 128, 256), norm=False, up=3)


def _double(wide: int, high: int, norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for entering in (wide, high):
        layers.append(nn.Conv2d(entering, high, 3, padding=1))
        layers += [nn.BatchNorm2d(high)] if norm else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _enlarge(wide: int, high: int, size: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(wide, high, size, stride=2, padding=(size - 1) // 2, output_padding=size % 2)


def _start(module: Any) -> None:
    """As Keras' he_normal: without norm, PyTorch's own start would let signals die out."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]
