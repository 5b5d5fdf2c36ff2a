"""A TorchScript export as a function from pixels to raw output."""

import json
import warnings
from collections.abc import Mapping
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from seepseg.errors import UsageError
from seepseg.predict.network import Facts, Forward, Network, Outputs, Wish, by_image, network_of, read_facts
from seepseg.predict.resize import Pixels
from seepseg.predict.torch_network import find_device, find_number, in_channels_last, to_planes


def load_network(where: Path, program: bytes, wish: Wish) -> Network:
    """A program: run it only if its user named it, or its sha256 is known."""
    device = find_device(wish)
    number, notes = find_number(device, wish)
    model, metadata = _load(where, program, device)
    facts = read_facts(where, metadata)
    return network_of(facts, _forward(where, model, facts, device, number), str(device), notes)


def _load(where: Path, program: bytes, device: torch.device) -> tuple[Any, Mapping[str, Any]]:
    extra = {"config.txt": ""}
    try:
        try:
            model = _read(program, device, extra)
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise
            import_module("torchvision")  # A detector calls its operators, which are there once it is imported.
            model = _read(program, device, extra)
        metadata = json.loads(extra["config.txt"] or "{}")
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(
            f"{where}: not a TorchScript model ({reason[:200]}); copy it again, or export it again"
        ) from None
    return model, metadata


def _read(program: bytes, device: torch.device, extra: dict[str, str]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, but it is what edge devices run.
        return torch.jit.load(BytesIO(program), map_location=device, _extra_files=extra).eval()  # type: ignore[no-untyped-call]


def _forward(where: Path, model: Any, facts: Facts, device: torch.device, number: torch.dtype) -> Forward:
    parameters = next((one.dtype for one in model.parameters()), torch.float32)
    mixed = number != torch.float32 and parameters == torch.float32
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    # Faster, as for a .pt; freezing and optimize_for_inference gain nothing.
    plain = facts.frames > 1 or not in_channels_last(device)
    order = torch.contiguous_format if plain else torch.channels_last
    model.to(memory_format=order)

    def forward(batch: Pixels) -> list[Outputs]:
        with torch.inference_mode(), torch.autocast(device.type, number if mixed else None, enabled=mixed):
            raw = model(to_planes(batch, device, parameters).contiguous(memory_format=order))
            parts = raw if isinstance(raw, tuple | list) else (raw,)
            arrays: list[NDArray[Any]] = [
                (one.float() if one.is_floating_point() else one).cpu().numpy() for one in parts
            ]
        return by_image(where, facts.task, arrays)

    return forward
