"""Which engine runs a model: the one that was asked for, or the fastest of those that can."""

from importlib.util import find_spec
from math import ceil

from seepseg.errors import MissingExtra, UsageError
from seepseg.predict.model_files import ModelFiles
from seepseg.predict.network import LEAST_STRIDE

ENGINES = ("openvino", "onnx", "torchscript", "torch")
"""From fast to slow on a CPU: tiles in batches and 8 bits decide; of single images ONNX Runtime is as fast."""
PACKAGES = {"openvino": ("openvino", "openvino"), "onnx": ("onnxruntime", "onnx")}
"""What an engine needs beyond what is always installed, and the extra that brings it."""
TITLES = {"openvino": "OpenVINO", "onnx": "ONNX Runtime", "torchscript": "TorchScript", "torch": "torch"}
_GPU = ("torch", "torchscript")


def choose_engine(files: ModelFiles, asked: str, *, device: str | None, imgsz: int | None) -> tuple[str, str | None]:
    """The engine, and where there was a choice, why it is this one."""
    if asked == "auto":
        return _fastest(files, device, imgsz)
    if asked not in ENGINES:
        raise UsageError(f"engine {asked!r} is unknown; give auto, {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    if asked not in files.engines:
        raise UsageError(
            f"{files.path}: has no model for engine {asked}, only for {', '.join(files.engines)}; "
            + (
                "give the run folder or the .pt"
                if asked == "torch"
                else f"make one: seepseg export RUN --out DIR --formats {asked}"
            )
        )
    if not _installed(asked):
        raise MissingExtra(*PACKAGES[asked], f"engine {asked}")
    _check_size(files, asked, imgsz)
    return asked, None


def _fastest(files: ModelFiles, device: str | None, imgsz: int | None) -> tuple[str, str | None]:
    # An export for the CPU alone runs there, also where there is a GPU that nobody named.
    gpu = device != "cpu" if device is not None else bool(set(_GPU) & set(files.engines)) and _has_gpu()
    if imgsz is None and files.imgsz is not None:
        imgsz = ceil(files.imgsz / LEAST_STRIDE) * LEAST_STRIDE
    order = [engine for engine in (_GPU if gpu else ENGINES) if engine in files.engines]
    able = [engine for engine in order if _installed(engine)]
    fitting = [engine for engine in able if _fits(files, engine, imgsz)]
    if not able:
        raise _nothing_runs(files, order)
    if not fitting:
        _check_size(files, able[0], imgsz)
    engine = fitting[0]
    if len(files.engines) == 1:
        return engine, None
    return engine, _reason(files, engine, order, gpu)


def _reason(files: ModelFiles, engine: str, order: list[str], gpu: bool) -> str:
    for better in order[: order.index(engine)]:
        if not _installed(better):
            return f'{TITLES[better]} is not installed: pip install "seepseg[{PACKAGES[better][1]}]"'
        return f"{files.engines[better].path} takes images of {files.engines[better].imgsz} alone"
    return f"the fastest on a {'GPU' if gpu else 'CPU'} of those that the model has files for"


def _nothing_runs(files: ModelFiles, order: list[str]) -> UsageError | MissingExtra:
    if order:
        return MissingExtra(*PACKAGES[order[0]], f"{files.path}")
    return UsageError(
        f"{files.path}: has a model for {', '.join(files.engines)} alone, which computes on the CPU; "
        "give --device cpu, or the run folder or the .pt"
    )


def _check_size(files: ModelFiles, engine: str, imgsz: int | None) -> None:
    if not _fits(files, engine, imgsz):
        only = files.engines[engine].imgsz
        raise UsageError(
            f"{files.engines[engine].path}: takes images of {only} alone, not of {imgsz}; leave out imgsz, give the "
            f".pt, or export it with --imgsz {imgsz} or --dynamic"
        )


def _fits(files: ModelFiles, engine: str, imgsz: int | None) -> bool:
    return imgsz is None or files.engines[engine].imgsz in (None, imgsz)


def _installed(engine: str) -> bool:
    return engine not in PACKAGES or find_spec(PACKAGES[engine][0]) is not None


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
