"""Run a bundle with numpy and one engine, torch, onnxruntime or openvino, and nothing else.

from seepseg.edge.runtime import load_bundle
model = load_bundle("bundle")
answer = model.answer(image)
"""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.edge.agreement import check_agreement
from seepseg.edge.answer import Answer
from seepseg.edge.bundle import MANIFEST, THRESHOLDS, Bundle, is_bundle
from seepseg.edge.nodata import cut_to_data
from seepseg.errors import UsageError
from seepseg.measures.calibration import LEAST
from seepseg.measures.threshold_file import parse_thresholds
from seepseg.measures.thresholds import DEFAULT, Thresholds
from seepseg.outputs.verdict import judge
from seepseg.predict.decode import (
    IOU,
    MARGIN,
    MAX_DET,
    check_outputs,
    decode_presence,
    decode_segment,
    decode_semantic,
)
from seepseg.predict.letterbox import Frame, frame_of, place
from seepseg.predict.model_files import ModelFiles, of_bundle
from seepseg.predict.model_input import fit_thresholds
from seepseg.predict.network import CLASSIFY, Network, Outputs, Wish
from seepseg.predict.resize import Pixels
from seepseg.scaling import Rule, show
from seepseg.values import Bitmap, Prediction

PACKAGES = {"torchscript": "torch", "onnx": "onnxruntime", "openvino": "openvino"}
"""What each engine needs beside numpy; the first of them that is there runs a bundle."""
_SETTINGS = {"iou": (IOU, 0, 1), "margin": (MARGIN, 0, 100), "max_det": (MAX_DET, 1, 30_000)}
"""What it means that an older bundle says nothing of them, and the least and the most that can be."""


@dataclass(frozen=True, slots=True)
class EdgeModel:
    """The model of a bundle, ready to predict as the command line does."""

    names: tuple[str, ...]
    task: str
    imgsz: int
    engine: str
    notes: tuple[str, ...]
    """What was decided by rule and the user should see."""
    thresholds: Thresholds | None
    limits: tuple[float, ...]
    """The confidence that a detection of each class has to be above."""
    rule: Rule | None
    """How values that are not 8-bit become so."""
    iou: float
    margin: float
    max_det: int
    network: Network

    def predict(self, image: NDArray[Any]) -> Prediction:
        """8-bit pixels, grey or in OpenCV's order of channels, or values that the bundle's rule makes 8 bits of."""
        return self.answer(image).prediction

    def answer(self, image: NDArray[Any], nodata: Bitmap | None = None) -> Answer:
        """The same, and whether the image holds anything at all. What lies where `nodata` is 1 is no object, as
        'seepseg predict' has it of files."""
        found = cut_to_data(self._detect(show(image, self.rule), nodata), nodata, self.task)
        kept = tuple(one for one in found.detections if one.score > self.limits[one.class_id])
        return Answer(replace(found, detections=kept), judge(found, self.thresholds, self.names))

    def run(self, pixels: Pixels) -> tuple[Frame, Outputs]:
        """What the network itself gives, before anything is chosen of it."""
        frame = frame_of(pixels.shape[1], pixels.shape[0], self.imgsz)
        placed = place(pixels, frame)[None]
        if self.network.frames > 1:  # An image alone stands for all of its sequence.
            placed = np.repeat(placed[:, None], self.network.frames, 1)
        (outputs,) = self.network.forward(placed)
        return frame, outputs

    def _detect(self, pixels: Pixels, nodata: Bitmap | None) -> Prediction:
        """Down to the confidences that presence is told by, far below those that make an object; with masks where they
        show that something is none of the image's."""
        frame, outputs = self.run(pixels)
        check_outputs(outputs, self.task, len(self.names), self.network.background)
        conf = min(*self.limits, LEAST)
        if self.task == "semantic":
            found = decode_semantic(outputs[0], frame, conf=conf, background=self.network.background)
        elif self.task == CLASSIFY:
            found = decode_presence(outputs[0], frame)
        else:
            found = decode_segment(
                outputs[0],
                outputs[1],
                frame,
                conf=conf,
                iou=self.iou,
                max_det=self.max_det,
                margin=self.margin,
                masks_above=self.limits if nodata is None else 0.0,
            )
        return replace(found, names=self.names)


def load_bundle(
    path: Path | str,
    *,
    engine: str | None = None,
    threads: int | None = None,
    device: str | None = None,
    fast: bool = False,
) -> EdgeModel:
    """A folder or a .zip of one; every file of it is checked. Without an engine, it is the first of torchscript, onnx
    and openvino that the bundle has a model for and whose package is installed. `threads` holds for the whole process
    with torchscript; `fast` takes the model of fewer bits where the bundle has one, and lets the engine compute in
    fewer than 32 where it can."""
    path = Path(path)
    if not is_bundle(path):
        raise UsageError(f"{path}: no bundle; give a folder that 'seepseg export' made, or a .zip of one")
    files = of_bundle(path)
    bundle = files.bundle
    assert bundle is not None
    name = _choose_engine(files, engine)
    file = files.engines[name]
    try:
        network = file.load(Wish(device, threads, fast))
    except ModuleNotFoundError as error:
        raise UsageError(f"{path}: engine {name} needs the package {error.name} too; install it with pip") from None
    check_agreement(bundle, file.path, network)
    thresholds = _read_thresholds(bundle)
    notes = () if thresholds else (f"no thresholds are stored in the bundle, so that {DEFAULT:g} is used throughout",)
    chosen = {key: _number(bundle, key) for key in _SETTINGS}
    return EdgeModel(
        names=bundle.names,
        task=bundle.task,
        imgsz=bundle.imgsz,
        engine=name,
        notes=(*network.notes, *notes),
        thresholds=thresholds,
        limits=tuple(one.value for one in thresholds.confidence) if thresholds else (DEFAULT,) * len(bundle.names),
        rule=files.input.rule,
        iou=chosen["iou"],
        margin=chosen["margin"],
        max_det=int(chosen["max_det"]),
        network=network,
    )


def _choose_engine(files: ModelFiles, asked: str | None) -> str:
    there = [name for name in PACKAGES if name in files.engines]
    if asked is not None and asked not in there:
        raise UsageError(f"{files.path}: has no model for engine {asked!r}; give {' or '.join(there)}")
    wanted = [asked] if asked else there
    for name in wanted:
        if find_spec(PACKAGES[name]) is not None:
            return name
    packages = " or ".join(PACKAGES[name] for name in wanted)
    raise UsageError(f"{files.path}: needs the package {packages}, which is not installed; install it with pip")


def _read_thresholds(bundle: Bundle) -> Thresholds | None:
    if THRESHOLDS not in bundle.facts["files"]:
        return None
    where = bundle.path / THRESHOLDS
    return fit_thresholds(parse_thresholds(bundle.read(THRESHOLDS), where), bundle.names, where)


def _number(bundle: Bundle, key: str) -> float:
    usual, least, most = _SETTINGS[key]
    value = bundle.facts.get(key)
    if value is None:
        return usual
    if type(value) not in ((int,) if isinstance(usual, int) else (int, float)) or not least <= value <= most:
        raise UsageError(f"{bundle.path / MANIFEST}: {key!r} is {value!r}, no number that can be; export it again")
    return float(value)
