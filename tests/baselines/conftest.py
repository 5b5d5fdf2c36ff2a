"""Tiles that a network learns in a few steps, one trained on them, and weights whose answer is worth comparing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from make import Bitmap
from make_dataset import write_dataset
from seepseg.baselines.catalogue import CATALOGUE
from seepseg.train.plan import Request

STILL = {"degrees": 0.0, "translate": 0.0, "scale": 0.0, "hsv_v": 0.0, "fliplr": 0.0, "flipud": 0.0}
QUICK = {"imgsz": 32, "batch": 4, "epochs": 3, "plots": False, "workers": 0, "device": "cpu"}
GREYS = np.array([90, 20, 230], np.uint8)
"""Of nothing, and of each class."""


SHOWN = ("unet-pets", "unet-efficientnet-b3", "deeplabv3-resnet50")
"""One of each library: what is shown of these in every run of the tests is shown of the others by -m exhaustive."""


def every_network(without: tuple[str, ...] = (), shown: tuple[str, ...] = SHOWN) -> list[Any]:
    """Parameters of a test that is made with each segmenter."""
    names = [name for name, entry in CATALOGUE.items() if entry.kind == "semantic" and name not in without]
    marks = {True: (), False: (pytest.mark.slow, pytest.mark.exhaustive)}
    return [pytest.param(name, marks=marks[name in shown]) for name in names]


def bright_map(number: int, size: int) -> Bitmap:
    """A rectangle of class 1, another of class 2."""
    unit, tile = size // 8, np.zeros((size, size), np.uint8)
    tile[unit : 3 * unit + number, unit : 4 * unit] = 1
    tile[5 * unit : 7 * unit, 2 * unit + number : 6 * unit] = 2
    return tile


def bright_dataset(root: Path, *, count: int = 8, size: int = 32, names: tuple[str, ...] = ("oil", "ship")) -> Path:
    """Each class has a grey of its own; train and val are alike."""
    keys = [(split, number) for split in ("train", "val") for number in range(count)]
    maps = {f"{split}{number}.png": bright_map(number % 8, size) for split, number in keys}
    if len(names) == 1:
        maps = {name: (tile == 1).astype(np.uint8) for name, tile in maps.items()}
    splits = {split: {name: maps[name] for name in maps if name.startswith(split)} for split in ("train", "val")}
    pixels = {name: GREYS[tile] for name, tile in maps.items()}
    return write_dataset(root, splits, names=names, pixels=pixels, imgsz=size) / "data.yaml"


def quick_request(folder: Path, **changes: Any) -> Request:
    settings = {**QUICK, **changes.pop("settings", {})}
    data = changes.pop("data", None) or bright_dataset(folder / "data")
    return Request(**{"data": data, "settings": settings, "weights": "scratch", "project": folder / "runs", **changes})


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """unet-pets, three epochs without a stop, with class weights and repeats."""
    from seepseg.baselines.run import train_baseline

    request = quick_request(tmp_path_factory.mktemp("trained"), name="a", balance={"weights": "ship=2", "repeat": 0.9})
    return train_baseline(request, "unet-pets", "mix")


@pytest.fixture(scope="session")
def weights(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Random weights of a network for two classes, the head spread so that every class wins somewhere."""
    from seepseg.baselines.weights import Facts, write_weights

    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            file = tmp_path_factory.mktemp(name) / "some.pt"
            write_weights(file, Facts(name, "semantic", ("oil", "ship"), 64), spread_network(torch, name).state_dict())
            made[name] = file
        return made[name]

    return make


def spread_network(torch: Any, name: str) -> Any:
    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.catalogue import find_entry

    torch.manual_seed(0)
    model = build_network(find_entry(name), 3)
    head = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)][-1]
    images = torch.from_numpy(np.stack([noise(64, 64, seed) for seed in range(2)])).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        logits = model.eval()(images)
        gain = 2 / logits.std((0, 2, 3)).clamp(min=1e-6)
        head.bias.copy_((head.bias - logits.mean((0, 2, 3))) * gain)
        head.weight.mul_(gain[:, None, None, None])
    return model


def noise(height: int, width: int, seed: int = 0) -> Bitmap:
    """Blobs in three channels."""
    import cv2

    field = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((height, width, 3)), (0, 0), 4)
    return np.clip(128 + 600 * field, 0, 255).astype(np.uint8)
