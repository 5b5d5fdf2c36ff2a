"""A baseline as TorchScript, ONNX or OpenVINO, telling of itself what Ultralytics' exports tell, so that the same
engines run it."""

import json
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from seepseg.baselines.catalogue import FRAMES, TASKS
from seepseg.baselines.weights import Facts
from seepseg.edge.bundle import MODELS
from seepseg.errors import MissingExtra, UsageError
from seepseg.predict.baseline_network import load_model
from seepseg.predict.network import LEAST_STRIDE, SEVERAL
from seepseg.predict.openvino_network import import_openvino

OPSET = 17
INPUT, OUTPUT, MASKS = "images", "output0", "output1"


def export_baseline(weights: Path, name: str, folder: Path, *, imgsz: int, dynamic: bool) -> None:
    """Write the files of one format into the folder, in 32-bit floats."""
    facts, model = load_model(weights)
    told = _metadata(facts, imgsz, dynamic)
    example = torch.zeros(1, *([FRAMES] if facts.kind == "sequence" else []), 3, imgsz, imgsz)
    write = {"torchscript": _write_torchscript, "onnx": _write_onnx, "openvino": _write_openvino}[name]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that trace and export are deprecated
            write(model, example, folder, told)
    # Exporters fail in as many ways as there are layers.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{weights}: {facts.network} could not be exported to {name}: {reason[:300]}") from error


def _metadata(facts: Facts, imgsz: int, dynamic: bool) -> dict[str, Any]:
    names = [*facts.names, *(["background"] if facts.background is not None else [])]
    return {
        "description": f"seepseg baseline {facts.network}",
        "task": TASKS[facts.kind],  # type: ignore[index]
        "stride": LEAST_STRIDE,
        "batch": 1,
        "imgsz": [imgsz, imgsz],
        "names": dict(enumerate(names)),
        "args": {"batch": 1, "dynamic": dynamic, "nms": False},
        "channels": 3,
        **({SEVERAL: True} if facts.kind == "classify" else {}),
        **({"frames": FRAMES} if facts.kind == "sequence" else {}),
    }


def _write_torchscript(model: torch.nn.Module, example: torch.Tensor, folder: Path, told: dict[str, Any]) -> None:
    with torch.inference_mode(False), torch.no_grad():
        traced: Any = (
            torch.jit.script(model)  # How many objects there are decides what is computed: no trace holds that.
            if told["task"] == "segment"
            else torch.jit.trace(model, example, strict=False)  # type: ignore[no-untyped-call]
        )
    traced.save(str(folder / MODELS["torchscript"][0]), _extra_files={"config.txt": json.dumps(told)})


def _write_onnx(model: torch.nn.Module, example: torch.Tensor, folder: Path, told: dict[str, Any]) -> None:
    import onnx

    file = folder / MODELS["onnx"][0]
    sides = {0: "batch", 2: "height", 3: "width"}
    inputs = {0: "batch", 3: "height", 4: "width"} if "frames" in told else sides
    answers = {0: "batch"} if SEVERAL in told else sides
    axes: dict[str, dict[int, str]] | None = {INPUT: inputs, OUTPUT: answers} if told["args"]["dynamic"] else None
    outputs = [OUTPUT]
    if told["task"] == "segment":
        if told["args"]["dynamic"]:
            raise UsageError("its boxes start from places that ONNX holds for one size; export it without --dynamic")
        outputs = [OUTPUT, MASKS]
        axes = {name: {1: "objects"} for name in outputs}
    torch.onnx.export(
        model,
        (example,),
        str(file),
        opset_version=OPSET,
        input_names=[INPUT],
        output_names=outputs,
        dynamic_axes=axes,
        dynamo=False,
    )
    graph = onnx.load(str(file))
    for key, value in told.items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.save(graph, str(file))


def _write_openvino(model: torch.nn.Module, example: torch.Tensor, folder: Path, told: dict[str, Any]) -> None:
    openvino = import_openvino()
    graph, _, metadata = (folder / name for name in MODELS["openvino"])
    graph.parent.mkdir()
    shape = [-1, *example.shape[1:-2], -1, -1] if told["args"]["dynamic"] else list(example.shape)
    if told["task"] == "segment":
        made = _by_onnx(openvino, model, example, told)
    else:
        made = openvino.convert_model(model, input=[shape], example_input=example)
    openvino.save_model(made, str(graph), compress_to_fp16=False)
    metadata.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _by_onnx(openvino: Any, model: torch.nn.Module, example: torch.Tensor, told: dict[str, Any]) -> Any:
    """What OpenVINO reads of Mask R-CNN: not its program, but the graph."""
    if find_spec("onnx") is None:
        raise MissingExtra("onnx", "onnx", "this network, which goes to OpenVINO by way of ONNX,")
    with tempfile.TemporaryDirectory(prefix="seepseg-export-") as scratch:
        _write_onnx(model, example, Path(scratch), told)
        return openvino.convert_model(Path(scratch) / MODELS["onnx"][0])
