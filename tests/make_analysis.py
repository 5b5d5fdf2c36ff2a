"""Analyses whose answer is known: a stand-in for the network says what the pixels are."""

import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from make_geotiff import write_geotiff
from outputs.stand_in import StandIn
from seepseg.app.analysis import Analysis, analyse
from seepseg.app.handed_in import sha_of
from seepseg.app.models import Choice, Loaded

BRIGHT, MIDDLE, DIM = 221, 161, 100
"""Grey values that the stand-in takes for objects of the first class, the second being of even values."""


def loaded(model: StandIn) -> Loaded:
    return Loaded(Choice(Path("runs/made"), "made", "run"), cast(Any, model), threading.Lock(), None)


def blocks(side: int = 48) -> NDArray[np.uint8]:
    """Three objects on nothing: sure, less sure, and of the second class."""
    pixels = np.zeros((side, side), np.uint8)
    pixels[4:10, 4:30] = BRIGHT
    pixels[20:23, 10:14] = MIDDLE
    pixels[30:44, 30:40] = DIM
    return pixels


def write_scene(path: Path, pixels: NDArray[Any] | None = None) -> Path:
    """Georeferenced, and larger than a tile of the stand-in."""
    if pixels is None:
        pixels = np.zeros((100, 150), np.uint8)
        pixels[40:46, 10:140] = BRIGHT
        pixels[60:90, 70:74] = MIDDLE
        pixels[10:20, 100:120] = DIM
    return write_geotiff(path, pixels)


def look(model: StandIn, path: Path, name: str = "") -> Analysis:
    return analyse(loaded(model), path, sha_of(path), name=name)
