"""Ultralytics' exporter at work on a copy of the weights, so that nothing lands beside the user's own."""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import yaml

from seepseg import ultralytics_home
from seepseg.baselines.weights import is_baseline
from seepseg.edge.bundle import MODELS
from seepseg.errors import MissingExtra, UsageError
from seepseg.predict.openvino_network import import_openvino

NEEDED = {"onnx": ("onnx", "onnxruntime"), "openvino": ("openvino",)}
"""Packages that write a format and run it."""


def check_formats(formats: Sequence[str]) -> list[str]:
    """Those to write, TorchScript first."""
    for name in formats:
        if name not in MODELS:
            raise UsageError(f"format {name!r} is unknown; give some of {', '.join(MODELS)}")
        for package in NEEDED.get(name, ()):
            if find_spec(package) is None:
                raise MissingExtra(package, name, f"export to {name}")
    return [name for name in MODELS if name in {"torchscript", *formats}]


def export_model(weights: Path, name: str, folder: Path, *, imgsz: int, dynamic: bool) -> None:
    """Write the files of one format into the folder, in 32-bit floats."""
    if is_baseline(weights):
        from seepseg.baselines.export import export_baseline

        export_baseline(weights, name, folder, imgsz=imgsz, dynamic=dynamic)
    else:
        _export_yolo(weights, name, folder, imgsz, dynamic)
    if name == "torchscript":
        _leave_out_sources(folder / MODELS[name][0])


def _export_yolo(weights: Path, name: str, folder: Path, imgsz: int, dynamic: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="seepseg-export-") as scratch:
        copy = Path(scratch, "model.pt")
        shutil.copyfile(weights, copy)
        made = Path(_run_exporter(weights, copy, name, imgsz, dynamic))
        first = folder / MODELS[name][0]
        if made.is_dir():
            first.parent.mkdir()
            for file in MODELS[name]:
                shutil.move(made / Path(file).name, folder / file)
            _as_json(folder / MODELS[name][-1])
        else:
            shutil.move(made, first)


def _run_exporter(weights: Path, copy: Path, name: str, imgsz: int, dynamic: bool) -> str:
    ultralytics_home.prepare()
    from ultralytics.models.yolo.model import YOLO

    if name == "openvino":
        import_openvino()
    settings: dict[str, Any] = {"format": name, "imgsz": imgsz, "dynamic": dynamic, "batch": 1, "device": "cpu"}
    if name == "onnx":
        settings["simplify"] = False  # A package more, for nothing that ONNX Runtime does not do itself.
    with _quiet():
        try:
            model = YOLO(copy)
            model.add_callback("on_export_start", _prepare)
            return str(model.export(**settings))
        # Exporters fail in as many ways as there are layers.
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"{weights}: Ultralytics could not export it to {name}: {reason[:300]}") from error


def _as_json(metadata: Path) -> None:
    """Which is YAML too, and a device reads it without a package for that."""
    table = yaml.safe_load(metadata.read_text(encoding="utf-8"))
    metadata.write_text(json.dumps(table, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def _leave_out_sources(model: Path) -> None:
    """What TorchScript keeps for its error messages: the folders of this machine, line by line."""
    rewritten = model.with_name(f".{model.name}.part")
    with ZipFile(model) as before, ZipFile(rewritten, "w") as after:
        for entry in before.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                after.writestr(entry, before.read(entry))
    rewritten.replace(model)


def _prepare(exporter: Any) -> None:
    """A semantic head would write the class of each pixel into ONNX and OpenVINO, and logits at full size into
    TorchScript; ours are those of the .pt, so that one decoder serves all. And the folders of this machine stay here.
    """
    from ultralytics.nn.modules import SemanticSegment

    exporter.metadata["description"] = f"Ultralytics {exporter.pretty_name} model"
    for module in exporter.model.modules():
        if isinstance(module, SemanticSegment):
            module.export = False


@contextmanager
def _quiet() -> Iterator[None]:
    """Progress for people and warnings that trace and export are deprecated don't matter here."""
    from ultralytics.utils import LOGGER

    level = LOGGER.level
    LOGGER.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        LOGGER.setLevel(level)
