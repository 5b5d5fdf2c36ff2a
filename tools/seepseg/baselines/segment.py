"""What Mask R-CNN brings to the training: images with their instances, its losses, and the figures of a validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from seepseg import rle
from seepseg.baselines.loading import load_splits
from seepseg.baselines.mask_rcnn import MaskRcnn, Target
from seepseg.baselines.semantic import count_pixels, mean_of_classes
from seepseg.baselines.stages import stage_at
from seepseg.baselines.tiles import ClassMap, Key, Tiles, draw_matrix, place_classes
from seepseg.baselines.training import Job
from seepseg.dataset.truth import Truth
from seepseg.evaluate.samples import truth_of
from seepseg.predict.decode import decode_segment
from seepseg.predict.letterbox import Frame, frame_of
from seepseg.predict.resize import Pixels
from seepseg.predict.torch_network import to_planes
from seepseg.raster import read_pixels

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

SHOWN = 0.5
"""Score above which an object counts in the mIoU of a validation."""
Objects = list[tuple[int, NDArray[np.uint8]]]
"""Class and bitmap of each, on the network's input."""
Batch = tuple[torch.Tensor, torch.Tensor, list[Target]]
"""Pixels (n, h, w, 3) as bytes, class maps (n, h, w), and the instances of each."""


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """In the classes' cross entropy, by class; the background keeps 1."""

    classes: tuple[float, ...] | None = None

    def on(self, device: torch.device) -> torch.Tensor | None:
        """As the box head has them: the background first."""
        return None if self.classes is None else torch.tensor((1.0, *self.classes), device=device)


@dataclass(frozen=True, slots=True)
class InstanceTiles:
    """As `Tiles`, with each instance of the exact truth beside the class map."""

    tiles: Tiles

    def __len__(self) -> int:
        """Images, repeated ones as often as they are listed."""
        return len(self.tiles)

    def __getitem__(self, key: Key) -> tuple[Pixels, ClassMap, Objects]:
        """What augmentation moves out of sight is none."""
        tiles, (epoch, number) = self.tiles, key
        pixels, classes = tiles[key]
        sample = tiles.samples[number]
        height, width = read_pixels(sample.image).shape[:2] if sample.truth is None else _size(sample.truth)
        truth = truth_of(sample, width, height)
        frame = frame_of(width, height, tiles.imgsz)
        matrix = None
        if tiles.augment is not None:  # The first that the tile drew from the same seed.
            matrix = draw_matrix(frame, tiles.augment, np.random.default_rng([tiles.seed, epoch, number]))
        moved = [(one.class_id, _move(rle.decode(one.rle, width, height), frame, matrix)) for one in _objects(truth)]
        return pixels, classes, [(class_id, bitmap) for class_id, bitmap in moved if bitmap.any()]


def make_job(data: Path, settings: Mapping[str, Any], loss: ClassWeights, device: torch.device) -> Job:
    """Open both splits, each image with its instances."""
    splits, weights = load_splits(data, settings, InstanceTiles, stack), loss.on(device)

    def step(model: Any, batch: Batch) -> torch.Tensor:
        _hold(model, frozen=stage_at(splits.order.epoch, settings["stages"]).part == "head")
        return _losses(model, batch, weights)

    validate = partial(_validate, splits.val, splits.classes, weights)
    return Job(splits.batches, len(splits.train), step, validate, splits.images)


def stack(tiles: list[tuple[Pixels, ClassMap, Objects]]) -> Batch:
    """Boxes lie around masks, on the outer edges of their pixels."""
    pixels, maps, objects = zip(*tiles, strict=True)
    return (
        torch.from_numpy(np.stack(pixels)),
        torch.from_numpy(np.stack(maps)),
        [_target(*one) for one in zip(maps, objects, strict=True)],
    )


def _target(classes: ClassMap, objects: Objects) -> Target:
    boxes = [cv2.boundingRect(bitmap) for _, bitmap in objects]
    corners = [(x, y, x + width, y + height) for x, y, width, height in boxes]
    masks = np.stack([bitmap for _, bitmap in objects]) if objects else np.zeros((0, *classes.shape), np.uint8)
    return {
        "boxes": torch.tensor(corners, dtype=torch.float32).view(-1, 4),
        "labels": torch.tensor([class_id + 1 for class_id, _ in objects], dtype=torch.int64),
        "masks": torch.from_numpy(masks),
    }


def _losses(model: MaskRcnn, batch: Batch, weights: torch.Tensor | None) -> torch.Tensor:
    device = model.mean.device
    targets = [{key: value.to(device) for key, value in one.items()} for one in batch[2]]
    return model.losses(to_planes(batch[0].numpy(), device, torch.float32), targets, weights)


def _hold(model: MaskRcnn, *, frozen: bool) -> None:
    """Keep the body of the backbone as it is, its averages too, or let it learn. Its pyramid learns with the heads:
    weights from ImageNet have none."""
    body = model.backbone.body
    if body.training == frozen:
        body.train(not frozen)
    for one in body.parameters():
        one.requires_grad_(not frozen)


def _validate(loader: "DataLoader[Any]", classes: int, weights: torch.Tensor | None, model: Any) -> dict[str, float]:
    """The loss takes a sample of boxes: the same in every epoch."""
    device = model.mean.device
    total, images = 0.0, 0
    counts = torch.zeros(classes + 1, classes + 1, dtype=torch.long)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        for batch in loader:
            model.rpn.training = True  # Its layers stay as they are; it gives its losses.
            total += float(_losses(model, batch, weights)) * len(batch[0])
            model.rpn.training = False
            images += len(batch[0])
            rows, masks = model(to_planes(batch[0].numpy(), device, torch.float32))
            counts += _count(rows.float().cpu().numpy(), masks.float().cpu().numpy(), batch[1].numpy(), classes)
    return {"metrics/mIoU": mean_of_classes(counts), "val/mask_loss": total / max(images, 1)}


def _count(rows: NDArray[Any], masks: NDArray[Any], truth: NDArray[Any], classes: int) -> torch.Tensor:
    """Pixels by true and found class, where everything that is sure enough is painted, the surest on top."""
    height, width = truth.shape[1:]
    frame = frame_of(width, height, (height, width))
    found = np.stack([decode_segment(*one, frame, conf=SHOWN).class_map for one in zip(rows, masks, strict=True)])
    found[found == 0] = classes + 1
    return count_pixels(torch.from_numpy(found - 1).long(), torch.from_numpy(truth).long(), classes)


def _objects(truth: Truth) -> list[Any]:
    return [one for one in truth.objects if not one.crowd]


def _size(truth: Truth) -> tuple[int, int]:
    return truth.height, truth.width


def _move(bitmap: NDArray[np.uint8], frame: Frame, matrix: NDArray[np.float64] | None) -> NDArray[np.uint8]:
    if matrix is None:
        return np.asarray(place_classes(bitmap.astype(np.int16), frame) == 1, np.uint8)
    return np.asarray(cv2.warpAffine(bitmap, matrix, frame.imgsz[::-1], flags=cv2.INTER_NEAREST), np.uint8)
