"""The weights of a baseline as a function from pixels to raw output: class logits, of pixels or of whole images."""

from pathlib import Path

import torch

from seepseg.baselines.architectures import build_network
from seepseg.baselines.catalogue import FRAMES, TASKS, find_trained
from seepseg.baselines.weights import Facts, read_weights
from seepseg.errors import SourceError
from seepseg.predict.network import LEAST_STRIDE, Forward, Network, Outputs, Wish
from seepseg.predict.resize import Pixels
from seepseg.predict.torch_network import find_device, find_number, in_channels_last, to_planes


def load_network(weights: Path, wish: Wish) -> Network:
    """Tensors and names are all that is read: no code of the file's runs."""
    where = find_device(wish)
    number, notes = find_number(where, wish)
    facts, model = load_model(weights)
    model = model.to(where)
    if where.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    if in_channels_last(where):
        model.to(memory_format=torch.channels_last)
    return Network(
        names=facts.names,
        task=TASKS[facts.kind],  # type: ignore[index]
        background=facts.background,
        stride=LEAST_STRIDE,
        trained_imgsz=facts.imgsz,
        device=str(where),
        forward=_forward(model, where, number),
        notes=notes,
        frames=FRAMES if facts.kind == "sequence" else 1,
    )


def load_model(weights: Path) -> tuple[Facts, torch.nn.Module]:
    """The network with its weights, ready to predict, on the CPU."""
    facts, content = read_weights(weights)
    model = build_network(find_trained(facts.network, weights), facts.channels)
    try:
        model.load_state_dict(content["state"])
    except (RuntimeError, KeyError, AttributeError) as error:
        raise SourceError(
            f"{weights}: its tensors are not those of {facts.network} ({str(error).splitlines()[0]}); it was made with "
            "other versions of the libraries, or is damaged"
        ) from None
    return facts, model.eval()


def _forward(model: torch.nn.Module, device: torch.device, number: torch.dtype) -> Forward:
    mixed = number != torch.float32

    def forward(batch: Pixels) -> list[Outputs]:
        with torch.inference_mode(), torch.autocast(device.type, number if mixed else None, enabled=mixed):
            raw = model(to_planes(batch, device, torch.float32))
            parts = [one.float().cpu().numpy() for one in (raw if isinstance(raw, tuple) else (raw,))]
        return list(zip(*parts, strict=True))

    return forward
