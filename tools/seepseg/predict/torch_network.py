"""A .pt of Ultralytics as a function from pixels to raw output."""

from pathlib import Path
from platform import machine
from typing import Any
from zipfile import is_zipfile

import torch
from numpy.typing import NDArray

from seepseg import ultralytics_home
from seepseg.errors import UsageError
from seepseg.predict.network import (
    LEAST_STRIDE,
    Forward,
    Network,
    Outputs,
    Wish,
    refuse_channels,
    refuse_task,
    take_background,
)
from seepseg.predict.resize import Pixels


def load_network(weights: Path, wish: Wish) -> Network:
    """A file that the user named: loading it runs the code that is pickled in it."""
    where = find_device(wish)
    number, notes = find_number(where, wish)
    model, checkpoint = _load(weights)
    task = model.task
    refuse_task(weights, task)
    refuse_channels(weights, model.yaml.get("channels", 3))
    names = list(map(str, model.names.values() if isinstance(model.names, dict) else model.names))
    background = take_background(task, names)
    imgsz = checkpoint.get("train_args", {}).get("imgsz")
    return Network(
        names=tuple(names),
        task=task,
        background=background,
        stride=max(int(model.stride.max()), LEAST_STRIDE),
        trained_imgsz=imgsz if isinstance(imgsz, int) else None,
        device=str(where),
        forward=_forward(_ready(model, where, number), where, number, task),
        notes=notes,
    )


def find_device(wish: Wish) -> torch.device:
    """Where to compute: a GPU if there is one and none was named. Threads are set on the way, for the process."""
    if wish.threads is not None:
        torch.set_num_threads(wish.threads)
    name = wish.device
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(f"cuda:{name}" if name.isdigit() else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used here ({reason}); give cpu, or leave it out") from None
    return device


def find_number(device: torch.device, wish: Wish) -> tuple[torch.dtype, tuple[str, ...]]:
    """What to compute in, and what the user should know of it."""
    if not wish.fast:
        return torch.float32, ()
    if device.type == "cuda":
        return torch.float16, ("computed in 16-bit floats (fp16), as --fast asks",)
    able = torch.cpu.get_capabilities()
    if any(able.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16")):
        return torch.bfloat16, ("computed in 16-bit floats (bf16), as --fast asks",)
    return torch.float32, ("--fast changes nothing: this processor has no 16-bit floats; computed in 32 bits",)


def _load(weights: Path) -> tuple[Any, dict[str, Any]]:
    ultralytics_home.prepare()
    from ultralytics.nn.tasks import load_checkpoint

    try:
        model, checkpoint = load_checkpoint(weights)  # type: ignore[no-untyped-call]
    # Unpickling a damaged or foreign file can raise anything.
    except Exception as error:
        whole = is_zipfile(weights)
        reason = "it holds something else" if whole else "it is cut off, or no file that PyTorch wrote"
        raise UsageError(
            f"{weights}: not a model that Ultralytics can load: {reason}; copy it again, or give the best.pt of a "
            "training run"
        ) from error
    return model, checkpoint


def _ready(model: Any, device: torch.device, number: torch.dtype) -> Any:
    if hasattr(model, "end2end"):
        # The head that leaves NMS to us, as Ultralytics itself chooses where a model has both.
        model.end2end = False
    model = model.fuse(verbose=False).eval().to(device)
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    if in_channels_last(device):
        model.to(memory_format=torch.channels_last)
    return model.half() if number == torch.float16 else model.float()


def in_channels_last(device: torch.device) -> bool:
    """Where that is faster, and what Ultralytics does: in another order, convolutions round differently."""
    return device.type == "cpu" and machine().lower() in ("x86_64", "amd64")


def _forward(model: Any, device: torch.device, number: torch.dtype, task: str) -> Forward:
    parameters = torch.float16 if number == torch.float16 else torch.float32
    mixed = number == torch.bfloat16

    def forward(batch: Pixels) -> list[Outputs]:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            raw = model(to_planes(batch, device, parameters))
            if task == "segment":
                raw = raw[0] if isinstance(raw[0], tuple) else raw[:2]
            else:
                raw = raw[:1] if isinstance(raw, tuple) else (raw,)
            arrays: list[NDArray[Any]] = [part.float().cpu().numpy() for part in raw]
        return list(zip(*arrays, strict=True))

    return forward


def to_planes(batch: Pixels, device: torch.device, number: torch.dtype) -> torch.Tensor:
    """As planes_of, on the device."""
    return torch.from_numpy(batch).to(device).movedim(-1, -3).flip(-3).to(number).div_(255)
