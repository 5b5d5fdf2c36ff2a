"""Files of a simulation, without a time stamp in them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import __version__
from seepseg.errors import OutputError
from seepseg.simulate.waves import Field

RECORD = "simulation.json"
DTYPES = ("uint8", "uint16", "float32")
DARKEST_DB, BRIGHTEST_DB = -30.0, 0.0
SCALING = {
    "uint8": f"round((dB - {DARKEST_DB:g}) / {BRIGHTEST_DB - DARKEST_DB:g} * 255), clipped",
    "uint16": "round(10,000 * amplitude), amplitude = 10 ** (dB / 20), clipped",
    "float32": "dB",
}


def digitize(measured_db: Field, dtype: str) -> NDArray[Any]:
    """The echo as a product stores it, by the rule in SCALING."""
    if dtype == "float32":
        return measured_db
    if dtype == "uint8":
        steps = (measured_db - np.float32(DARKEST_DB)) * np.float32(255 / (BRIGHTEST_DB - DARKEST_DB))
    else:
        steps = np.exp(measured_db * np.float32(np.log(10) / 20)) * np.float32(10_000)
    stored = np.dtype(dtype)
    digital: NDArray[Any] = np.clip(np.rint(steps), 0, np.iinfo(stored).max).astype(stored)
    return digital


def write_tile(path: Path, pixels: NDArray[Any]) -> None:
    """One band as TIFF."""
    if not cv2.imwrite(str(path), pixels):
        raise OutputError(f"{path}: could not be written; is the disk full?")


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """What was simulated and by which versions."""
    versions = {"seepseg": __version__, "numpy": np.__version__, "opencv": cv2.__version__}
    about = "Simulated: no real sea, no real oil. Made by `seepseg simulate` for demonstrations, tests and benchmarks."
    text = json.dumps({"about": about, "versions": versions, **record}, indent=1)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
