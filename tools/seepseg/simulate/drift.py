"""Sequences of frames: slicks that drift, shear and fade over a sea of their own, under speckle new in every frame.

OUT/train_images_<size>/SEQUENCE.FRAME.tif and masks of the same names beside it, as SEEP has its tiles.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.dataset.staging import staged
from seepseg.progress import track
from seepseg.simulate.sea import Sea, draw_sea, sea_db, speckle
from seepseg.simulate.seeps import Slick, draw_slick
from seepseg.simulate.waves import Field
from seepseg.simulate.write import RECORD, SCALING, digitize, write_record, write_tile
from seepseg.values import Window
from seepseg.workers import in_order

NAME = "slick"
KINDS = (0, 1, 3, 5)
"""Of seep that drift as a whole: filaments, forks, plumes and crescents."""
MOST_SLICKS = 2
SPEED = (0.5, 2.0)
"""Of a slick, px a frame; the sea's own pattern moves another way, as fast at most."""
SHEAR = 0.03
"""A frame, at most: how much further what lies a px to the side drifts."""
FADED = (0.5, 0.9)
"""What is left of a film's damping in the last frame."""
WEAKEST_DB = 1.0
"""Less than this is no slick that anyone could outline."""
DRAWS = 50
"""How often a slick is drawn before an empty sequence is taken."""


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """What decides every byte, beside the versions."""

    count: int = 20
    """Sequences."""
    size: int = 128
    seed: int = 0
    looks: int = 1
    frames: int = 8


@dataclass(frozen=True, slots=True)
class Drifter:
    """A slick on its way; places are seen from the middle of the frames' time, so that it stays in sight."""

    slick: Slick
    at: tuple[float, float]
    velocity: tuple[float, float]
    """Px a frame, x and y."""
    shear: float
    faded: float


def write_drift(out: Path, settings: DriftSettings, *, workers: int = 1, overwrite: bool = False) -> dict[str, Any]:
    """A folder of frames; gives the record that is written with them."""
    with staged(out, overwrite=overwrite, proof=RECORD) as folder:
        for kind in ("images", "masks"):
            (folder / f"train_{kind}_{settings.size}").mkdir()
        one = partial(write_sequence, folder=folder, settings=settings)
        with closing(in_order(one, range(settings.count), workers)) as sequences:
            records = list(track(sequences, settings.count, "simulating", unit="sequence"))
        record = {
            "settings": asdict(settings),
            "scaling": SCALING["uint8"],
            "mask": f"0 none, 1 {NAME}",
            "names": [NAME],
            "instances": {NAME: sum(sum(one["slicks"]) for one in records)},
            "sequences": {name_sequence(index): one for index, one in enumerate(records)},
        }
        write_record(folder, record)
    return record


def write_sequence(index: int, folder: Path, settings: DriftSettings) -> dict[str, Any]:
    """The frames of one sequence; gives what the record says of it."""
    size, seed = settings.size, settings.seed
    rng = np.random.default_rng([seed, 2, index])
    sea = draw_sea(rng, settings.looks, size)
    drifters = draw_drifters(rng, sea, settings)
    current = rng.uniform(-SPEED[1], SPEED[1], 2)
    counts = []
    for number in range(settings.frames):
        damping_db, truth = lay_out(drifters, number, settings)
        shift = np.rint(current * number).astype(int)
        window = Window(int(shift[0]), int(shift[1]), size, size)
        measured = echo_db(sea, window, damping_db, (seed, 3, index, number + 1))
        name = f"{name_sequence(index)}.{number:06d}.tif"
        write_tile(folder / f"train_images_{size}" / name, digitize(measured, "uint8"))
        write_tile(folder / f"train_masks_{size}" / name, truth)
        counts.append(cv2.connectedComponents(truth, connectivity=8)[0] - 1)
    return {"slicks": counts, **sea.describe()}


def name_sequence(index: int) -> str:
    """The first half of its frames' names."""
    return f"{index + 1:06d}"


def draw_drifters(rng: np.random.Generator, sea: Sea, settings: DriftSettings) -> list[Drifter]:
    """One or more; all drift much the same way."""
    found: list[Drifter] = []
    wanted = int(rng.integers(1, MOST_SLICKS + 1))
    for _ in range(DRAWS):
        slick = draw_slick(rng, int(rng.choice(KINDS)), sea.drift, 1)
        if slick.mask.any() and max(slick.mask.shape) < settings.size:
            heading, speed = sea.drift + rng.normal(0, 0.3), rng.uniform(*SPEED)
            x, y = rng.uniform(0.3, 0.7, 2) * settings.size
            velocity = (float(speed * np.cos(heading)), float(speed * np.sin(heading)))
            shear, faded = float(rng.uniform(-SHEAR, SHEAR)), float(rng.uniform(*FADED))
            found.append(Drifter(slick, (float(x), float(y)), velocity, shear, faded))
        if len(found) == wanted:
            break
    return found


def lay_out(drifters: Sequence[Drifter], number: int, settings: DriftSettings) -> tuple[Field, NDArray[np.uint8]]:
    """Damping in dB and truth of one frame; where slicks meet, what damps most counts."""
    size = settings.size
    damping_db = np.zeros((size, size), np.float32)
    truth = np.zeros((size, size), np.uint8)
    for one in drifters:
        passed = number / max(settings.frames - 1, 1)
        matrix = _motion(one, number - (settings.frames - 1) / 2)
        film = cv2.warpAffine(one.slick.damping_db, matrix, (size, size), flags=cv2.INTER_LINEAR)
        mask = cv2.warpAffine(one.slick.mask.astype(np.float32), matrix, (size, size), flags=cv2.INTER_LINEAR)
        film = film * np.float32(1 - (1 - one.faded) * passed)
        truth[(mask >= 0.5) & (film >= WEAKEST_DB)] = 1
        damping_db = np.maximum(damping_db, film)
    return damping_db, truth


def echo_db(sea: Sea, window: Window, damping_db: Field, seed: Sequence[int]) -> Field:
    """What the sensor measures: the speckle lies still, whichever part of the sea is in sight."""
    level = sea_db(sea, window) - damping_db * np.float32(sea.contrast)
    power = np.exp(level * np.float32(np.log(10) / 10)) + np.float32(10 ** (sea.floor_db / 10))
    power *= speckle(seed, Window(0, 0, window.width, window.height), sea.looks)
    measured: Field = np.log(np.maximum(power, np.float32(1e-6))) * np.float32(10 / np.log(10))
    return measured


def _motion(one: Drifter, time: float) -> NDArray[np.float64]:
    """From pixels of the slick's crop to those of the frame, 2 × 3: sheared along its way, about its middle."""
    height, width = one.slick.mask.shape
    ahead = np.array(one.velocity) / max(np.hypot(*one.velocity), 1e-9)
    side = np.array([-ahead[1], ahead[0]])
    linear = np.eye(2) + one.shear * time * np.outer(ahead, side)
    target = np.array(one.at) + np.array(one.velocity) * time
    offset = target - linear @ (np.array([width, height]) / 2 - 0.5) - 0.5
    return np.column_stack([linear, offset])
