"""An OpenVINO export as a function from pixels to raw output."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from seepseg.errors import MissingExtra, UsageError
from seepseg.predict.network import Forward, Network, Outputs, Wish, by_image, network_of, planes_of, read_facts
from seepseg.predict.resize import Pixels

LESS = {"BF16": "bf16", "FP16": "f16"}
"""What a processor may have: as OpenVINO lists it, and as it is asked for."""


def load_network(where: Path, graph: bytes, weights: bytes, metadata: bytes, wish: Wish) -> Network:
    """Computes on the CPU, in 32-bit floats unless asked for less: by itself OpenVINO takes what is fastest."""
    if wish.device not in (None, "cpu"):
        raise UsageError(f"engine openvino computes on the CPU; leave out device {wish.device}, or take engine torch")
    try:
        core = open_core()
    except ImportError:
        raise MissingExtra("openvino", "openvino", "engine openvino") from None
    facts = read_facts(where, _table(where, metadata))
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    less = next((name for name in LESS if name in able), None) if wish.fast else None
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": LESS[less] if less else "f32",
        "EXECUTION_MODE_HINT": "PERFORMANCE" if less else "ACCURACY",
    }
    if wish.threads is not None:
        settings["INFERENCE_NUM_THREADS"] = wish.threads
    try:
        compiled = core.compile_model(core.read_model(graph, weights), "CPU", settings)
    except RuntimeError as error:
        raise UsageError(
            f"{where}: not a model that OpenVINO can load ({type(error).__name__}); copy it again, or export it again"
        ) from error
    return network_of(facts, _forward(where, compiled, facts.task), "cpu", _notes(wish.fast, less))


@cache
def open_core() -> Any:
    """One for the whole process. Its plugin for the CPU gives signals a stack of their own and takes it back when it
    goes; of two that don't go in order, the later leaves signals without one, and Ctrl-C ends in a crash."""
    return import_openvino().Core()


def import_openvino() -> Any:
    """OpenVINO without its telemetry: it would tell Google of every import and export, and keep a number for the user
    in their home. Where the package for that is missing, it does neither."""
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _notes(fast: bool, less: str | None) -> tuple[str, ...]:
    if not fast:
        return ()
    if less is None:
        return ("--fast changes nothing: this processor has no 16-bit floats; computed in 32 bits",)
    return (f"computed in 16-bit floats ({less.lower()}), as --fast asks",)


def _table(where: Path, metadata: bytes) -> dict[str, Any]:
    """A bundle has it as JSON, which is YAML too: so a device needs no package for it."""
    try:
        table = json.loads(metadata)
    except ValueError:
        table = _yaml(metadata)
    if not isinstance(table, dict):
        raise UsageError(f"{where}: metadata.yaml beside it is damaged; copy the folder again, or export it again")
    return table


def _yaml(metadata: bytes) -> Any:
    """As Ultralytics writes it."""
    import yaml

    try:
        return yaml.safe_load(metadata)
    except yaml.YAMLError:
        return None


def _forward(where: Path, compiled: Any, task: str) -> Forward:
    request = compiled.create_infer_request()

    def forward(batch: Pixels) -> list[Outputs]:
        found = request.infer(planes_of(batch), share_inputs=True)
        return by_image(where, task, [found[output].copy() for output in compiled.outputs])

    return forward
