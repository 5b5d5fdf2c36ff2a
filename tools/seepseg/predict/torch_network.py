"""A .pt of Ultralytics as a function from pixels to raw output."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from platform import machine
from typing import Any

import torch
from numpy.typing import NDArray

from seepseg import ultralytics_home
from seepseg.errors import UsageError
from seepseg.predict.resize import Pixels
from seepseg.predict.sampling import Floats

Outputs = tuple[Floats, ...]
"""Of one image: the head's output and the prototypes, or the logits alone of a semantic head."""


@dataclass(frozen=True, slots=True)
class Network:
    """What an engine knows of a model, and the call that runs it."""

    names: tuple[str, ...]
    """Classes, without the background that a semantic head may have as one more."""
    task: str
    background: int | None
    stride: int
    trained_imgsz: int | None
    device: str
    forward: Callable[[Pixels], list[Outputs]]
    """From a batch (n, h, w, 3) in OpenCV's order of channels."""


def load_network(weights: Path, *, device: str | None, half: bool) -> Network:
    """A file that the user named: loading it runs the code that is pickled in it."""
    where = _device(device)
    if half and where.type == "cpu":
        raise UsageError("16-bit floats need a GPU; leave them out, or give device='cuda'")
    model, checkpoint = _load(weights)
    task = model.task
    if task not in ("segment", "semantic"):
        raise UsageError(
            f"{weights}: a model for the task {task}, which gives no masks; give one that was trained from "
            "a -seg or a -sem model"
        )
    channels = model.yaml.get("channels", 3)
    if channels != 3:
        raise UsageError(f"{weights}: the model takes {channels} channels; only models of three are supported")
    names = list(map(str, model.names.values() if isinstance(model.names, dict) else model.names))
    background = names.index("background") if task == "semantic" and len(names) > 1 and "background" in names else None
    if background is not None:
        del names[background]
    imgsz = checkpoint.get("train_args", {}).get("imgsz")
    return Network(
        names=tuple(names),
        task=task,
        background=background,
        stride=max(int(model.stride.max()), 32),
        trained_imgsz=imgsz if isinstance(imgsz, int) else None,
        device=str(where),
        forward=_forward(_ready(model, where, half), where, task),
    )


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(f"cuda:{name}" if name.isdigit() else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used here ({reason}); give cpu, or leave it out") from None
    return device


def _load(weights: Path) -> tuple[Any, dict[str, Any]]:
    ultralytics_home.prepare()
    from ultralytics.nn.tasks import load_checkpoint

    try:
        model, checkpoint = load_checkpoint(weights)  # type: ignore[no-untyped-call]
    # Unpickling a damaged or foreign file can raise anything.
    except Exception as error:
        raise UsageError(
            f"{weights}: not a model that Ultralytics can load ({type(error).__name__}); the file may be cut off or of "
            "another program: copy it again, or give the best.pt of a training run"
        ) from error
    return model, checkpoint


def _ready(model: Any, device: torch.device, half: bool) -> Any:
    if hasattr(model, "end2end"):
        # The head that leaves NMS to us, as Ultralytics itself chooses where a model has both.
        model.end2end = False
    model = model.fuse(verbose=False).eval().to(device)
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    if device.type == "cpu" and machine().lower() in ("x86_64", "amd64"):
        # Faster there, and what Ultralytics does: in another order, convolutions round differently.
        model.to(memory_format=torch.channels_last)
    return model.half() if half else model.float()


def _forward(model: Any, device: torch.device, task: str) -> Callable[[Pixels], list[Outputs]]:
    number = next(model.parameters()).dtype

    def forward(batch: Pixels) -> list[Outputs]:
        with torch.inference_mode():
            pixels = torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).flip(1)
            raw = model(pixels.to(number).div_(255))
            if task == "segment":
                raw = raw[0] if isinstance(raw[0], tuple) else raw[:2]
            else:
                raw = raw[:1] if isinstance(raw, tuple) else (raw,)
            arrays: list[NDArray[Any]] = [part.float().cpu().numpy() for part in raw]
        return list(zip(*arrays, strict=True))

    return forward
