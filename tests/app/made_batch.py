"""A batch of made tiles and a model without a network."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from make import write_image
from outputs.stand_in import StandIn
from seepseg.app.batch import Batch, Wish
from seepseg.app.models import Choice, Loaded
from seepseg.outputs.listing import list_entries


def tiles(folder: Path, count: int) -> Path:
    """The first holds nothing; the others an object each, ever larger and surer, odd greys being oil."""
    for number in range(count):
        picture = np.zeros((16, 16), np.uint8)
        picture[2 : 4 + number, 3:9] = 200 + number if number else 0
        write_image(folder / f"tile{number}.png", picture)
    return folder


def loaded(model: Any) -> Loaded:
    return Loaded(Choice(Path("runs/made"), "made", "run"), model, threading.Lock(), None)


def batch_of(source: Path, out: Path, model: Any = None, **wish: Any) -> Batch:
    return Batch(loaded(model or StandIn()), Wish(tuple(list_entries(source)[0]), source, out, **wish))


def finish(batch: Batch, *, within: float = 10) -> Batch:
    end = time.monotonic() + within
    while batch.state == "running" and time.monotonic() < end:
        time.sleep(0.01)
    assert batch.state != "running"
    return batch


class Gate(StandIn):
    """Predicts nothing before it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.opened = threading.Event(), threading.Event()

    def predict(self, images: Any, **asked: Any) -> Any:
        self.asked.set()
        self.opened.wait(10)
        return super().predict(images, **asked)
