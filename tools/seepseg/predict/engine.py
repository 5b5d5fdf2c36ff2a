"""Open a model, and predict with it: pixels in, Prediction out, the same call for every engine."""

import json
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seepseg.errors import UsageError
from seepseg.predict.decode import Conf, decode_segment, decode_semantic
from seepseg.predict.letterbox import Frame, frame_of, place
from seepseg.predict.resize import Pixels
from seepseg.values import Prediction

if TYPE_CHECKING:
    from seepseg.predict.torch_network import Network, Outputs

BATCH = 16
"""Images that go through the network at once, if not said otherwise."""
_DEFAULT_IMGSZ = 640


class Model:
    """A network that is ready to predict."""

    engine = "torch"

    def __init__(self, path: Path, network: "Network", imgsz: int, notes: Sequence[str] = ()) -> None:
        self.path = path
        self.names = network.names
        self.task = network.task
        self.imgsz = imgsz
        self.device = network.device
        self.notes = tuple(notes)
        """What was decided by rule and the user should see."""
        self._network = network
        self._seconds = dict.fromkeys(("preprocess", "inference", "postprocess"), 0.0)
        self._images = 0

    @property
    def speed_ms(self) -> dict[str, float]:
        """Means per image over all that was predicted so far."""
        return {step: 1000 * seconds / max(self._images, 1) for step, seconds in self._seconds.items()}

    def predict(
        self,
        images: Sequence[Pixels],
        *,
        conf: Conf = 0.25,
        iou: float = 0.7,
        max_det: int = 300,
        margin: float = 0.0,
        batch: int = BATCH,
    ) -> list[Prediction]:
        """One prediction an image; images are 8-bit, grey or in OpenCV's order of channels, of any sizes.

        `conf` is one threshold, or one for each class. A semantic model takes no notice of `iou`, `max_det` and
        `margin`: its detections don't overlap.
        """
        found = []
        for start in range(0, len(images), batch):
            for frame, outputs in self._run(images[start : start + batch]):
                began = perf_counter()
                if self.task == "semantic":
                    one = decode_semantic(outputs[0], frame, conf=conf, background=self._network.background)
                else:
                    one = decode_segment(
                        outputs[0], outputs[1], frame, conf=conf, iou=iou, max_det=max_det, margin=margin
                    )
                self._seconds["postprocess"] += perf_counter() - began
                found.append(one)
        return found

    def _run(self, images: Sequence[Pixels]) -> Iterator[tuple[Frame, "Outputs"]]:
        began = perf_counter()
        frames = [frame_of(image.shape[1], image.shape[0], self.imgsz) for image in images]
        pixels = np.stack([place(image, frame, resize=_resize) for image, frame in zip(images, frames, strict=True)])
        placed = perf_counter()
        outputs = self._network.forward(pixels)
        self._seconds["preprocess"] += placed - began
        self._seconds["inference"] += perf_counter() - placed
        self._images += len(images)
        return zip(frames, outputs, strict=True)


def open_model(
    path: Path, *, device: str | None = None, imgsz: int | None = None, threads: int | None = None, half: bool = False
) -> Model:
    """The model of a run folder (its best.pt) or of a .pt. Without `device` it is the GPU where there is one; without
    `imgsz` it is what the run says. `threads` holds for the whole process; `half` computes in 16 bits, on a GPU."""
    weights, notes = _find_weights(path)
    import torch

    from seepseg.predict.torch_network import load_network

    if threads is not None:
        torch.set_num_threads(threads)
    network = load_network(weights, device=device, half=half)
    if imgsz is None:
        imgsz = _declared_imgsz(weights) or network.trained_imgsz
        if imgsz is None:
            imgsz = _DEFAULT_IMGSZ
            notes.append(f"{weights} does not say the image size it was trained at; {imgsz} is used")
        imgsz = ceil(imgsz / network.stride) * network.stride
    elif imgsz < 1 or imgsz % network.stride:
        above = max(ceil(imgsz / network.stride), 1) * network.stride
        raise UsageError(f"imgsz {imgsz} is not a multiple of {network.stride}, as the network needs; give {above}")
    return Model(weights, network, imgsz, notes)


def _find_weights(path: Path) -> tuple[Path, list[str]]:
    if path.is_dir():
        best, last = path / "weights" / "best.pt", path / "weights" / "last.pt"
        if best.is_file():
            return best, []
        if last.is_file():
            return last, [f"{best} is missing; {last.name} is used, which is not the best of the run"]
        raise UsageError(f"{path}: no weights/best.pt in it; give a run folder that training wrote, or a .pt")
    if not path.is_file():
        raise UsageError(f"{path}: no such file; give a run folder or a .pt")
    if path.suffix != ".pt":
        raise UsageError(f"{path}: not a .pt; give a run folder or the .pt that training wrote")
    return path, []


def _declared_imgsz(weights: Path) -> int | None:
    """What input.json says, in the run folder or beside the weights."""
    for folder in (weights.parent.parent, weights.parent):
        file = folder / "input.json"
        if not file.is_file():
            continue
        try:
            imgsz = json.loads(file.read_text(encoding="utf-8"))["imgsz"]
        except (OSError, ValueError, KeyError, TypeError):
            imgsz = None
        if type(imgsz) is not int or imgsz < 1:
            raise UsageError(f'{file}: does not say the image size as "imgsz": 640; mend it, or give imgsz yourself')
        return imgsz
    return None


def _resize(image: Pixels, width: int, height: int) -> Pixels:
    """As resize_bilinear, which gives the same pixels, but faster."""
    resized: Pixels = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return resized
