"""What a network for sequences brings to the training: each image with the frames before it, the truth of the last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seepseg.baselines import semantic
from seepseg.baselines.catalogue import FRAMES
from seepseg.baselines.earlier import fill_up, find_earlier, read_earlier
from seepseg.baselines.losses import SemanticLoss
from seepseg.baselines.tiles import ClassMap, Key, Tiles, augment, paint_classes, place_classes, resize
from seepseg.baselines.training import Job
from seepseg.evaluate.samples import truth_of
from seepseg.predict.letterbox import frame_of, place
from seepseg.predict.resize import Pixels
from seepseg.raster import read_pixels


@dataclass(frozen=True, slots=True)
class SequenceTiles:
    """As `Tiles`; the same key gives the same frames."""

    tiles: Tiles
    frames: int
    earlier: Mapping[Path, Sequence[Path]] = field(default_factory=dict)
    """Of each image."""

    def __len__(self) -> int:
        """Images, repeated ones as often as they are listed."""
        return len(self.tiles)

    def __getitem__(self, key: Key) -> tuple[Pixels, ClassMap]:
        """(frames, imgsz, imgsz, 3) in OpenCV's order, the earliest first, moved and lit alike; and the class map of
        the last."""
        epoch, number = key
        tiles = self.tiles
        sample = tiles.samples[number]
        last = read_pixels(sample.image)
        height, width = last.shape[:2]
        classes = paint_classes(truth_of(sample, width, height), tiles.classes)
        frame = frame_of(width, height, tiles.imgsz)
        shown = fill_up(read_earlier(self.earlier.get(sample.image, ()), sample.image, last), last, self.frames)
        if tiles.augment is None:
            return np.stack([place(image, frame, resize=resize) for image in shown]), place_classes(classes, frame)
        # A generator each, in the same state: what is drawn for one is drawn for all.
        seed = [tiles.seed, epoch, number]
        moved = [augment(image, classes, frame, tiles.augment, np.random.default_rng(seed)) for image in shown]
        return np.stack([pixels for pixels, _ in moved]), moved[-1][1]


def make_job(data: Path, settings: Mapping[str, Any], loss: SemanticLoss, device: torch.device) -> Job:
    """Open both splits, as for single images."""
    return semantic.make_job(data, settings, loss, device, dress=in_sequence)


def in_sequence(tiles: Tiles) -> SequenceTiles:
    """The tiles with what lies before each in the folder of its split."""
    return SequenceTiles(tiles, FRAMES, find_earlier((sample.image for sample in tiles.samples), FRAMES - 1))
