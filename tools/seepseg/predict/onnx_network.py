"""An ONNX export as a function from pixels to raw output, run by ONNX Runtime."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import MissingExtra, UsageError
from seepseg.predict.network import Forward, Network, Outputs, Wish, by_image, network_of, planes_of, read_facts
from seepseg.predict.resize import Pixels

TYPES: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


def load_network(where: Path, graph: bytes, wish: Wish) -> Network:
    """Computes on the CPU, in the bits that the file holds."""
    if wish.device not in (None, "cpu"):
        raise UsageError(f"engine onnx computes on the CPU; leave out device {wish.device}, or take engine torch")
    session = _open(where, graph, wish.threads)
    metadata = {key: _literal(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    facts = read_facts(where, metadata)
    notes = ("--fast changes nothing: ONNX Runtime computes in the bits of the file",) if wish.fast else ()
    return network_of(facts, _forward(where, session, facts.task), "cpu", notes)


def _open(where: Path, graph: bytes, threads: int | None) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtra("onnxruntime", "onnx", "engine onnx") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    # Its own errors share no base but this one.
    except Exception as error:
        raise UsageError(
            f"{where}: not a model that ONNX Runtime can load ({type(error).__name__}); "
            "copy it again, or export it again"
        ) from error


def _literal(text: str) -> Any:
    """Ultralytics writes what Python prints."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _forward(where: Path, session: Any, task: str) -> Forward:
    inputs = session.get_inputs()
    number = TYPES.get(inputs[0].type)
    if len(inputs) != 1 or number is None:
        raise UsageError(f"{where}: does not take pixels as Ultralytics' exports do; export it with 'seepseg export'")
    name = inputs[0].name

    def forward(batch: Pixels) -> list[Outputs]:
        arrays: list[NDArray[Any]] = session.run(None, {name: planes_of(batch).astype(number, copy=False)})
        return by_image(where, task, arrays)

    return forward
