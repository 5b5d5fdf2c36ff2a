"""Open a model, and predict with it: pixels in, Prediction out, the same call for every engine."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from math import ceil
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from seepseg.baselines.earlier import fill_up
from seepseg.edge.agreement import check_agreement
from seepseg.edge.bundle import THRESHOLDS
from seepseg.errors import UsageError
from seepseg.measures.threshold_file import parse_thresholds, read_thresholds
from seepseg.measures.thresholds import Thresholds
from seepseg.predict.decode import (
    IOU,
    MARGIN,
    MAX_DET,
    Conf,
    check_outputs,
    decode_presence,
    decode_segment,
    decode_semantic,
)
from seepseg.predict.engine_choice import choose_engine
from seepseg.predict.letterbox import Frame, frame_of, place
from seepseg.predict.model_files import ModelFile, ModelFiles, find_files
from seepseg.predict.model_input import fit_thresholds
from seepseg.predict.network import CLASSIFY, Network, Outputs, Wish
from seepseg.predict.resize import Pixels
from seepseg.values import Prediction

BATCH = 16
"""Images that go through the network at once, if not said otherwise."""
_DEFAULT_IMGSZ = 640


class Model:
    """A network that is ready to predict."""

    def __init__(
        self,
        files: ModelFiles,
        engine: str,
        network: Network,
        imgsz: int,
        choice: str | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self._files = files
        self._file: ModelFile = files.engines[engine]
        self.path = self._file.path
        """The file that is run; of a bundle in a .zip, the .zip."""
        self.engine = engine
        self.names = network.names
        self.task = network.task
        self.background = network.background
        """The channel of a semantic model that means nothing is there, if it has one."""
        self.frames = network.frames
        """That the network sees of each image: itself, and before it those of its sequence."""
        self.stride = network.stride
        self.imgsz = imgsz
        self.declared_imgsz = files.imgsz
        """What run or bundle say: the size that `thresholds` were chosen at."""
        self.device = network.device
        self.input = files.input
        self.choice = choice
        """Why it is this engine, where there were several."""
        self.notes = (*files.notes, *network.notes, *notes, *([f"engine: {engine} ({choice})"] if choice else []))
        """What was decided by rule and the user should see."""
        self._network = network
        self._seconds = dict.fromkeys(("preprocess", "inference", "postprocess"), 0.0)
        self._images = 0

    @cached_property
    def sha256(self) -> str:
        """Of the file that is run; for OpenVINO of the .xml and the .bin, one after the other."""
        return self._file.sha256()

    @property
    def weights_sha256(self) -> str:
        """Of the .pt that the file was made of, where its bundle says it; else of the file itself."""
        bundle = self._files.bundle
        source = bundle.facts.get("weights") if bundle is not None and self.engine in bundle.formats else None
        return str(source["sha256"]) if isinstance(source, dict) and "sha256" in source else self.sha256

    @property
    def size_bytes(self) -> int:
        """Of the same files."""
        return self._file.size_bytes()

    @cached_property
    def thresholds(self) -> Thresholds | None:
        """Chosen for this model on validation images, in the order of `names`; None where there are none."""
        chosen = _stored_thresholds(self._files)
        return None if chosen is None else fit_thresholds(chosen[0], self.names, chosen[1])

    @property
    def speed_ms(self) -> dict[str, float]:
        """Means per image over all that was predicted so far."""
        return {step: 1000 * seconds / max(self._images, 1) for step, seconds in self._seconds.items()}

    def predict(
        self,
        images: Sequence[Pixels],
        *,
        conf: Conf = 0.25,
        iou: float = IOU,
        max_det: int = MAX_DET,
        margin: float = MARGIN,
        masks_above: Conf = 0.0,
        batch: int = BATCH,
        before: Sequence[Sequence[Pixels]] | None = None,
    ) -> list[Prediction]:
        """One prediction an image; images are 8-bit, grey or in OpenCV's order of channels, of any sizes.

        `conf` is one threshold, or one for each class; detections of lower scores than `masks_above` come without
        their masks, which saves time where only their scores matter. A semantic model takes no notice of `iou`,
        `max_det`, `margin` and `masks_above`: its detections are the pixels that they cover. A classifier has no
        detections, whatever `conf` is: its scores are in `presence`.

        A network for sequences takes, of each image, the frames `before` it, of its size and the earliest first; where
        they are too few, the first is repeated, and an image alone stands for them all.
        """
        found = []
        for start in range(0, len(images), batch):
            some = slice(start, start + batch)
            for frame, outputs in self.run(images[some], None if before is None else before[some]):
                began = perf_counter()
                check_outputs(outputs, self.task, len(self.names), self.background)
                if self.task == "semantic":
                    one = decode_semantic(outputs[0], frame, conf=conf, background=self.background)
                elif self.task == CLASSIFY:
                    one = decode_presence(outputs[0], frame)
                else:
                    one = decode_segment(
                        outputs[0],
                        outputs[1],
                        frame,
                        conf=conf,
                        iou=iou,
                        max_det=max_det,
                        margin=margin,
                        masks_above=masks_above,
                    )
                self._seconds["postprocess"] += perf_counter() - began
                found.append(replace(one, names=self.names))
        return found

    def run(
        self, images: Sequence[Pixels], before: Sequence[Sequence[Pixels]] | None = None
    ) -> Iterator[tuple[Frame, Outputs]]:
        """What the network itself gives for each image, before anything is chosen of it."""
        began = perf_counter()
        frames = [frame_of(image.shape[1], image.shape[0], self.imgsz) for image in images]
        if self.frames == 1:
            shown = [place(image, frame, resize=_resize) for image, frame in zip(images, frames, strict=True)]
        else:
            earlier = before or [()] * len(images)
            series = (fill_up(some, image, self.frames) for some, image in zip(earlier, images, strict=True))
            shown = [
                np.stack([place(image, frame, resize=_resize) for image in some])
                for some, frame in zip(series, frames, strict=True)
            ]
        pixels = np.stack(shown)
        placed = perf_counter()
        outputs = self._network.forward(pixels)
        self._seconds["preprocess"] += placed - began
        self._seconds["inference"] += perf_counter() - placed
        self._images += len(images)
        return zip(frames, outputs, strict=True)


def open_model(
    path: Path,
    *,
    engine: str = "auto",
    device: str | None = None,
    imgsz: int | None = None,
    threads: int | None = None,
    fast: bool = False,
) -> Model:
    """The model of a run folder, a .pt, a bundle (a folder or a .zip), or an export of Ultralytics.

    `engine` is auto, openvino, onnx, torchscript or torch. Without `device` it is the GPU where there is one; without
    `imgsz` it is what the model says. `threads` holds for the whole process with torch and TorchScript. `fast` lets
    the engine compute in fewer than 32 bits where it can. A .pt and a TorchScript file are programs: give none that
    you don't trust.
    """
    files = find_files(path, fast=fast)
    name, reason = choose_engine(files, engine, device=device, imgsz=imgsz)
    file = files.engines[name]
    network = file.load(Wish(device, threads, fast))
    if files.bundle is not None:
        check_agreement(files.bundle, file.path, network)
    size, notes = _choose_imgsz(files, file, network, imgsz)
    return Model(files, name, network, size, reason, notes)


def _choose_imgsz(files: ModelFiles, file: ModelFile, network: Network, asked: int | None) -> tuple[int, list[str]]:
    fixed, stride = network.fixed_imgsz, network.stride
    if asked is not None and (asked < 1 or asked % stride):
        above = max(ceil(asked / stride), 1) * stride
        raise UsageError(f"imgsz {asked} is not a multiple of {stride}, as the network needs; give {above}")
    if fixed is not None:
        if asked not in (None, fixed):
            raise UsageError(f"{file.path}: takes images of {fixed} alone, not of {asked}; leave out imgsz")
        return fixed, []
    if asked is not None:
        return asked, []
    declared = files.imgsz or network.trained_imgsz
    if declared is None:
        note = f"{file.path} does not say the image size it was trained at; {_DEFAULT_IMGSZ} is used"
        return _DEFAULT_IMGSZ, [note]
    return ceil(declared / stride) * stride, []


def _stored_thresholds(files: ModelFiles) -> tuple[Thresholds, Path] | None:
    """And where they were read: beside the weights, or else in the bundle."""
    if files.thresholds is not None:
        return read_thresholds(files.thresholds), files.thresholds
    bundle = files.bundle
    if bundle is None or THRESHOLDS not in bundle.facts["files"]:
        return None
    where = bundle.path / THRESHOLDS
    return parse_thresholds(bundle.read(THRESHOLDS), where), where


def _resize(image: Pixels, width: int, height: int) -> Pixels:
    """As resize_bilinear, which gives the same pixels, but faster."""
    resized: Pixels = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return resized
