"""Models of fewer bits: 16-bit floats, or 8-bit integers whose ranges come from images of the training.

The head decodes boxes, scores and prototypes into outputs of very different ranges: what does that stays in floats.
"""

import logging
import re
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seepseg.edge.bundle import FEWER, MODELS, files_of
from seepseg.errors import MissingExtra, UsageError
from seepseg.predict.openvino_network import import_openvino

Planes = NDArray[np.float32]
Reader = Callable[[Path], Planes]
"""From an image to what the network takes of it."""
NEEDED = {"onnx": ("onnx", "onnxruntime"), "openvino": ("openvino", "nncf")}
_LAYER = re.compile(r"(?:^|[/.])model\.(\d+)[/.](.*)")
_INNER = re.compile(r"(?:one2one_)?cv\d\.\d[/.](?:cv\d\.\d\.)?[01]\b|proto[/.](?:cv1|upsample|cv2)\b")
"""Of a head, the layers before the last of each branch."""


def check_packages(formats: Sequence[str], precision: str) -> list[str]:
    """The formats that can hold such a model, whose packages are here."""
    some = [name for name in formats if name in FEWER]
    if not some:
        raise UsageError(
            f"--precision {precision} needs --formats onnx or openvino: TorchScript computes in 16 bits where --fast "
            "asks for it, from the same file, and has no 8-bit integers here"
        )
    for name in some:
        for package in NEEDED[name] if precision == "int8" else NEEDED[name][:1]:
            if find_spec(package) is None:
                raise MissingExtra(package, "int8", f"--precision {precision} with {name}")
    return some


def write_fewer(folder: Path, name: str, precision: str, images: Sequence[Path], read: Reader) -> None:
    """Beside the model in 32 bits that the folder holds."""
    source, target = folder / MODELS[name][0], folder / files_of(name, precision)[0]
    with _quiet():
        if name == "onnx":
            _halve_onnx(source, target) if precision == "fp16" else _quantize_onnx(source, target, images, read)
            return
        target.parent.mkdir()
        _write_openvino(source, target, images if precision == "int8" else None, read)
        shutil.copyfile(folder / MODELS[name][-1], folder / files_of(name, precision)[-1])


def stays_float(name: str, last: int) -> bool:
    """Whether a node belongs to the end of the head, by the module that it was traced from; `last` is the number of the
    head among the layers."""
    found = _LAYER.search(name)
    return found is not None and int(found[1]) == last and not _INNER.match(found[2])


def last_layer(names: Iterable[str]) -> int:
    """The number of the head; -1 for a network whose layers are not numbered as Ultralytics does."""
    return max((int(found[1]) for name in names if (found := _LAYER.search(name))), default=-1)


class _Feed:
    """Images as ONNX Runtime asks for them."""

    def __init__(self, name: str, images: Iterator[Planes]) -> None:
        self._name, self._images = name, images

    def get_next(self) -> dict[str, Planes] | None:
        planes = next(self._images, None)
        return None if planes is None else {self._name: planes}


def _quantize_onnx(source: Path, target: Path, images: Sequence[Path], read: Reader) -> None:
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    graph = onnx.load(source).graph
    names = [node.name for node in graph.node]
    last = last_layer(names)
    quantize_static(
        source,
        target,
        _Feed(graph.input[0].name, map(read, images)),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        nodes_to_exclude=[name for name in names if stays_float(name, last)],
    )


def _halve_onnx(source: Path, target: Path) -> None:
    """Inputs and outputs stay in 32 bits."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def _write_openvino(source: Path, target: Path, images: Sequence[Path] | None, read: Reader) -> None:
    """Without images in 16-bit floats."""
    openvino = import_openvino()
    model = openvino.Core().read_model(source)
    if images is not None:
        import nncf

        nncf.set_log_level(logging.ERROR)
        names = [
            node.get_friendly_name() for node in model.get_ops() if node.get_type_name() not in ("Constant", "Result")
        ]
        last = last_layer(names)
        kept = [name for name in names if stays_float(name, last)]
        model = nncf.quantize(
            model,
            nncf.Dataset(list(images), read),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(images),
            ignored_scope=nncf.IgnoredScope(names=kept) if kept else None,
        )
    openvino.save_model(model, target, compress_to_fp16=images is None)
    del model


@contextmanager
def _quiet() -> Iterator[None]:
    """The packages' progress bars, and advice on the root logger, don't matter here."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger().setLevel(level)
