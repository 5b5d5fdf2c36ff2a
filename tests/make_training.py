"""The smallest dataset that trains in seconds, and a training of it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from make import Bitmap
from make_dataset import write_dataset
from seepseg.train.plan import Request

QUICK: Mapping[str, Any] = {"imgsz": 32, "batch": 4, "epochs": 1, "plots": False, "workers": 0, "device": "cpu"}


def class_map(number: int) -> Bitmap:
    """A square of class 1, and of class 2 on every third tile."""
    tile = np.zeros((32, 32), np.uint8)
    tile[4 + number : 14 + number, 4:14] = 1
    if number % 3 == 0:
        tile[20:28, 18:28] = 2
    return tile


def tiny_dataset(root: Path, *, train: int = 8, val: int = 4) -> Path:
    """oil on every tile, ship on a third of them."""
    splits = {
        name: {f"{name}{number}.png": class_map(number) for number in range(count)}
        for name, count in (("train", train), ("val", val))
    }
    return write_dataset(root, splits, imgsz=32)


def tiny_request(folder: Path, **changes: Any) -> Request:
    """From random weights, one epoch, in the folder's own runs/."""
    settings = {**QUICK, **changes.pop("settings", {})}
    data = changes.pop("data", None) or tiny_dataset(folder / "data") / "data.yaml"
    return Request(**{"data": data, "settings": settings, "weights": "scratch", "project": folder / "runs", **changes})


def is_held(run: Path) -> bool:
    """Whether another process is kept from training there."""
    code = (
        "import sys; from pathlib import Path; from seepseg.train.lock import hold\nwith hold(Path(sys.argv[1])): pass"
    )
    tried = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=False)
    return "another process is training it" in tried.stderr
