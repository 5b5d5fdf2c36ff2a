"""Mask R-CNN of torchvision: pixels from 0 to 1 in, a row and a mask for each object out."""

from collections import OrderedDict
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import fastrcnn_loss, maskrcnn_loss

from seepseg.baselines.catalogue import Entry
from seepseg.measures.calibration import LEAST

ANCHORS = ((8,), (16,), (32,), (64,), (128,))
"""Sides in px, from the finest level on: a quarter of torchvision's, which are made for photos of 800 px."""
RATIOS = (0.5, 1.0, 2.0)
SAMPLED = 128
"""Boxes of an image that the heads learn from: torchvision's 512 are for photos."""
PROPOSED = 500
LIGHT = 64
"""Channels of the mask head beside the light backbone, and a quarter of those of its box head."""
MOST = 100
"""Objects an image, as torchvision has it: each costs a run of the mask head, also one that hardly is one."""

Target = dict[str, torch.Tensor]
"""Of one image: boxes (n, 4), labels (n) from 1, masks (n, h, w) of zeros and ones."""


class MaskRcnn(nn.Module):
    """The parts of torchvision's network without its resizing, and without masks as large as the image."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, parts: Any, mean: tuple[float, ...], spread: tuple[float, ...]) -> None:
        super().__init__()
        self.backbone, self.rpn, self.heads = parts.backbone, parts.rpn, parts.roi_heads
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(spread).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows (n, objects, 6) of left, top, right, bottom, score and class, the surest first, and masks (n, objects,
        28, 28) of probabilities, each laid over its box. Where an image has fewer than others, scores are 0."""
        pixels = (images - self.mean) / self.spread
        sizes = [(pixels.shape[2], pixels.shape[3]) for _ in range(pixels.shape[0])]
        features = self.backbone(pixels)
        proposals, _ = self.rpn(ImageList(pixels, sizes), features, None)
        found, _ = self.heads(features, proposals, sizes, None)
        most = 0
        for one in found:
            most = max(most, one["boxes"].shape[0])
        rows, masks = [], []
        for one in found:
            boxes, scores, labels = one["boxes"], one["scores"], one["labels"]
            row = torch.cat([boxes, scores[:, None], (labels - 1)[:, None].to(boxes.dtype)], 1)
            missing = most - boxes.shape[0]
            rows.append(functional.pad(row, [0, 0, 0, missing]))
            masks.append(functional.pad(one["masks"][:, 0], [0, 0, 0, 0, 0, missing]))
        return torch.stack(rows), torch.stack(masks)

    @torch.jit.unused
    def losses(self, images: torch.Tensor, targets: list[Target], weights: torch.Tensor | None) -> torch.Tensor:
        """The sum of the five losses; `weights` are those of background and classes in the classes' cross entropy,
        which torchvision's own training has no place for."""
        pixels = (images - self.mean) / self.spread
        sizes = [(pixels.shape[2], pixels.shape[3])] * len(pixels)
        features: OrderedDict[str, torch.Tensor] = self.backbone(pixels)
        proposals, found = self.rpn(ImageList(pixels, sizes), features, targets)
        proposals, matched, labels, moves = self.heads.select_training_samples(proposals, targets)
        pooled = self.heads.box_roi_pool(features, proposals, sizes)
        logits, deltas = self.heads.box_predictor(self.heads.box_head(pooled))
        _, box = fastrcnn_loss(logits, deltas, labels, moves)
        classes = functional.cross_entropy(logits, torch.cat(labels), weights)
        good = [torch.where(one > 0)[0] for one in labels]
        boxes = [one[some] for one, some in zip(proposals, good, strict=True)]
        chosen = [one[some] for one, some in zip(matched, good, strict=True)]
        drawn = self.heads.mask_predictor(self.heads.mask_head(self.heads.mask_roi_pool(features, boxes, sizes)))
        wanted, kinds = [one["masks"] for one in targets], [one["labels"] for one in targets]
        mask = maskrcnn_loss(drawn, boxes, wanted, kinds, chosen)
        return torch.stack([found["loss_objectness"], found["loss_rpn_box_reg"], classes, box, mask]).sum()


def build_mask_rcnn(entry: Entry, classes: int, mean: tuple[float, ...], spread: tuple[float, ...]) -> MaskRcnn:
    """With random weights; every layer is trained."""
    asked = {
        "box_score_thresh": LEAST,
        "box_detections_per_img": MOST,
        "box_batch_size_per_image": SAMPLED,
        "rpn_post_nms_top_n_train": PROPOSED,
        "rpn_post_nms_top_n_test": PROPOSED,
    }
    if entry.encoder == "resnet50":
        build: Any = getattr(detection, entry.architecture)
        parts = build(weights=None, weights_backbone=None, num_classes=classes + 1, **asked)
        parts.rpn.anchor_generator = _anchors()
    else:
        parts = _light(str(entry.encoder), classes + 1, asked)
    return MaskRcnn(parts, mean, spread)


def _light(encoder: str, channels: int, asked: dict[str, Any]) -> nn.Module:
    body: Any = resnet_fpn_backbone(backbone_name=encoder, weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5)
    network: nn.Module = detection.MaskRCNN(
        body,
        rpn_anchor_generator=_anchors(),
        box_head=TwoMLPHead(body.out_channels * 7 * 7, 4 * LIGHT),
        box_predictor=FastRCNNPredictor(4 * LIGHT, channels),
        mask_head=MaskRCNNHeads(body.out_channels, (LIGHT, LIGHT), 1),
        mask_predictor=MaskRCNNPredictor(LIGHT, LIGHT, channels),
        **asked,
    )
    return network


def _anchors() -> AnchorGenerator:
    return AnchorGenerator(ANCHORS, (RATIOS,) * len(ANCHORS))
