"""A U-Net that remembers: frames one after another, a ConvLSTM where they are smallest, the mask of the last frame."""

from collections.abc import Sequence

import torch
from torch import nn

from seepseg.baselines.unets import UNet

WIDTHS = (12, 24, 48, 96)


class ConvLstm(nn.Module):
    """An LSTM whose gates are convolutions over what comes in and what is remembered (Shi et al., 2015)."""

    def __init__(self, width: int, size: int = 3) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * width, 4 * width, size, padding=size // 2)
        nn.init.zeros_(self.gates.bias)  # type: ignore[arg-type]
        with torch.no_grad():  # Nothing is forgotten before it is known what to forget.
            self.gates.bias[width : 2 * width] = 1.0  # type: ignore[index]

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """What is held after the last of (n, frames, width, h, w)."""
        held = memory = torch.zeros_like(frames[:, 0])
        for number in range(frames.shape[1]):
            enter, forget, show, new = self.gates(torch.cat([frames[:, number], held], 1)).chunk(4, 1)
            memory = forget.sigmoid() * memory + enter.sigmoid() * new.tanh()
            held = show.sigmoid() * memory.tanh()
        return held


class ConvLstmUNet(nn.Module):
    """The skips are those of the last frame; what the ConvLSTM holds is added to its deepest map."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.unet = UNet(channels, widths, norm=True, up=2)
        self.memory = ConvLstm(widths[-1])

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (n, channels, h, w) of the last of (n, frames, 3, h, w)."""
        count = frames.shape[1]
        maps = [level.reshape(-1, count, *level.shape[1:]) for level in self.unet.encode(frames.flatten(0, 1))]
        *skips, deepest = (level[:, -1] for level in maps)
        return self.unet.decode([*skips, deepest + self.memory(maps[-1])])


def remembering(channels: int) -> ConvLstmUNet:
    """For sequences."""
    return ConvLstmUNet(channels, WIDTHS)


def forgetful(channels: int) -> UNet:
    """The same U-Net without its memory, for what a memory is worth."""
    return UNet(channels, WIDTHS, norm=True, up=2)
