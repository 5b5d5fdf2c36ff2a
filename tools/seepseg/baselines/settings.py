"""What a baseline can be told by key=value: Ultralytics' own words where it has the same thing, checked as its own."""

from collections.abc import Mapping
from difflib import get_close_matches
from math import ceil
from typing import Any

from seepseg.errors import UsageError, listing
from seepseg.predict.network import LEAST_STRIDE

DEFAULTS: Mapping[str, Any] = {
    "epochs": 100,
    "patience": 30,
    "batch": 16,
    "imgsz": None,
    "lr0": 0.0005,
    "lrf": 0.01,
    "weight_decay": 0.0005,
    "warmup_epochs": 1.0,
    "device": None,
    "workers": 8,
    "seed": 0,
    "deterministic": True,
    "amp": True,
    "plots": True,
    "hsv_v": 0.2,
    "degrees": 20.0,
    "translate": 0.1,
    "scale": 0.25,
    "fliplr": 0.5,
    "flipud": 0.5,
}
"""AdamW with a cosine, and augmentation as the presets have it; mosaics and the like are YOLO's."""
OF_KIND: Mapping[str, Mapping[str, Any]] = {"segment": {"epochs": 42, "batch": 4, "lr0": 0.0002}}
"""What is other for a kind of network."""
IMPLIED: Mapping[str, Any] = {"optimizer": "AdamW", "cos_lr": True}
"""Settings that may be given, as long as they say what is done anyway."""


def keep_known(preset: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Of a preset made for YOLO, what a baseline can use, and the keys that mean nothing to it."""
    known = {key: value for key, value in preset.items() if key in DEFAULTS}
    return known, tuple(key for key, value in preset.items() if key not in DEFAULTS and IMPLIED.get(key) != value)


def complete(given: Mapping[str, Any], kind: str = "semantic") -> dict[str, Any]:
    """All settings; every fault of those given in one error. Ultralytics' own checks have passed before."""
    problems = [f"{key}={value}: {fault}" for key, value in given.items() if (fault := _fault(key, value))]
    if problems:
        raise UsageError(listing(problems))
    usual = {**DEFAULTS, **OF_KIND.get(kind, {})}
    return {**usual, **{key: value for key, value in given.items() if key in DEFAULTS and value is not None}}


def round_up(imgsz: int) -> int:
    """To what the networks halve without a remainder."""
    return ceil(imgsz / LEAST_STRIDE) * LEAST_STRIDE


def _fault(key: str, value: Any) -> str | None:
    if key in IMPLIED:
        implied = IMPLIED[key]
        return None if value == implied else f"a baseline is trained with {key}={implied}; leave it out"
    if key not in DEFAULTS:
        close = get_close_matches(key, DEFAULTS, n=2)
        guess = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(DEFAULTS)}"
        return f"a baseline has no such setting; {guess}"
    if key == "batch" and (value < 1 or value != int(value)):
        return "a baseline takes a whole number of images, 1 or more"
    if key == "epochs" and value < 1:
        return "train for 1 epoch or more"
    if key == "device" and "," in str(value):
        return "a baseline trains on one device"
    return None
