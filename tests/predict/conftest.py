"""Untrained networks whose outputs vary enough to be worth decoding."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

IMGSZ = 64


@pytest.fixture(scope="session")
def weights(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A .pt by the name of its architecture, each made once."""
    made: dict[tuple[str, int], Path] = {}

    def make(architecture: str, classes: int = 3) -> Path:
        if (architecture, classes) not in made:
            file = tmp_path_factory.mktemp(architecture) / "some.pt"
            model = untrained(torch, architecture, classes)
            torch.save({"model": model, "train_args": {"imgsz": IMGSZ, "task": model.task}}, file)
            made[architecture, classes] = file
        return made[architecture, classes]

    return make


def untrained(torch: Any, architecture: str, classes: int) -> Any:
    from ultralytics.nn import tasks

    kinds = {
        "-seg": ("segment", tasks.SegmentationModel),
        "-sem": ("semantic", tasks.SemanticSegmentationModel),
    }
    task, kind = kinds.get(architecture[-4:], ("detect", tasks.DetectionModel))
    torch.manual_seed(0)
    model = kind(f"{architecture}.yaml", nc=classes, verbose=False)
    model.names = {index: f"class{index}" for index in range(classes)}
    model.task = task
    _calibrate(torch, model)
    if task != "semantic":
        _spread(torch, model)
    return model.eval()


def _calibrate(torch: Any, model: Any) -> None:
    """Normalise by one batch, so that signals reach the head."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(pictures(torch))
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum


def _spread(torch: Any, model: Any) -> None:
    """Last layers whose output varies: boxes of many sizes, scores of all heights, masks with both signs."""
    head = model.model[-1]
    distance = 2.0 if head.reg_max == 1 else 0.0
    for prefix in ("", "one2one_"):
        for name, mean, spread in (("cv2", distance, 1.0), ("cv3", -1.5, 1.0), ("cv4", 0.0, 1.0)):
            for branch in getattr(head, prefix + name, ()):
                branch[-1].register_forward_hook(partial(_rescale, torch, mean, spread))
    with torch.no_grad():
        model.eval()(pictures(torch))
    for module in model.modules():
        module._forward_hooks.clear()


def _rescale(torch: Any, mean: float, spread: float, layer: Any, inputs: Any, output: Any) -> None:
    gain = spread / output.std()
    layer.weight *= gain
    layer.bias.sub_(output.mean()).mul_(gain).add_(mean)


def pictures(torch: Any) -> Any:
    stack = torch.stack([torch.from_numpy(picture(IMGSZ, IMGSZ, seed)) for seed in range(2)])
    return stack.permute(0, 3, 1, 2) / 255


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Blobs in three channels."""
    field = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((height, width, 3)), (0, 0), 4)
    return np.clip(128 + 600 * field, 0, 255).astype(np.uint8).reshape(height, width, 3)
