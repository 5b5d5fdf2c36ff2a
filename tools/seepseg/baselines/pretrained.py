"""Where a baseline starts: its encoder as ImageNet left it where that can be had, weights at a path, or nothing."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg import ultralytics_home
from seepseg.baselines.architectures import Normalised, load_encoder
from seepseg.baselines.catalogue import Entry
from seepseg.baselines.weights import is_baseline, read_weights
from seepseg.errors import SourceError, UsageError
from seepseg.sources.download import Link, fetch
from seepseg.train.start import QUICK, SCRATCH, Start, verified

IMAGENET = "imagenet"
OFFLINE = ("HF_HUB_OFFLINE", "YOLO_OFFLINE")
NO = ("", "0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Published:
    """Weights of an encoder that somebody keeps: tensors alone, no program."""

    url: str
    folder: Path
    """Where they are kept here."""

    @property
    def file(self) -> Path:
        """Where they lie once fetched."""
        return self.folder / Link(self.url).name


def choose_start(entry: Entry, weights: str | None, sha256: str | None = None) -> Start:
    """`weights` is scratch, imagenet, a run or a .pt; None takes imagenet if it can be had. What is fetched is told
    before it is."""
    if weights == SCRATCH or (weights is None and entry.encoder is None):
        if sha256:
            raise UsageError("--weights-sha256 says what weights must be, and this training starts from none; drop it")
        why = "as asked" if weights else f"as nobody has trained {entry.name} before"
        return Start(entry.name, f"starting {entry.name} from random weights, {why}", SCRATCH)
    if weights not in (None, IMAGENET):
        return _at_path(entry, Path(weights), sha256)
    if entry.encoder is None:
        raise UsageError(f"{entry.name} has no encoder that was trained on ImageNet; give --weights scratch")
    published = find_published(entry)
    try:
        file = obtain(entry, published)
    except SourceError as error:
        if weights == IMAGENET or sha256:
            raise SourceError(f"{error}; start from random weights with --weights scratch") from None
        return Start(entry.name, f"starting {entry.name} from random weights: {error}", SCRATCH)
    found = verified(file, sha256)
    said = f"starting {entry.name} with its encoder {entry.encoder} as trained on ImageNet, from {published.url}"
    if entry.library == "timm":
        said += f", under the licence {_licence(entry)}"
    return Start(entry.name, said, IMAGENET, file, found)


def find_published(entry: Entry) -> Published:
    """Of the encoder, at the revision that the library names; timm names none."""
    import torch

    folder = Path(torch.hub.get_dir())
    if entry.library == "torchvision":
        from torchvision.models import get_model_weights

        weights: Any = get_model_weights(str(entry.encoder))
        return Published(weights.IMAGENET1K_V1.url, folder / "checkpoints")
    if entry.library == "timm":
        repo = _config(entry).hf_hub_id
        return Published(
            f"https://huggingface.co/{repo}/resolve/main/model.safetensors", folder / "seepseg" / entry.name
        )
    from segmentation_models_pytorch.encoders import encoders

    found = encoders[entry.encoder]["pretrained_settings"][IMAGENET]
    url = f"https://huggingface.co/{found['repo_id']}/resolve/{found['revision']}/model.safetensors"
    return Published(url, folder / "seepseg" / f"{entry.encoder}-{found['revision'][:8]}")


def obtain(entry: Entry, published: Published) -> Path:
    """The file, fetched if it is not here yet and nobody asked to stay offline."""
    if published.file.is_file():
        return published.file
    asked = next((name for name in OFFLINE if _is_set(name)), None)
    if asked:
        raise SourceError(f"the ImageNet weights of {entry.encoder} are not here, and {asked} forbids to fetch them")
    print(f"fetching the ImageNet weights of {entry.encoder} from {published.url} to {published.folder}", flush=True)
    try:
        return fetch(Link(published.url), published.folder, patience=QUICK)
    except SourceError as error:
        raise SourceError(f"the ImageNet weights of {entry.encoder} cannot be fetched: {error}") from None


def load_start(model: Normalised, entry: Entry, start: Start) -> str | None:
    """Put the weights of the start into a model; what to tell of it."""
    if start.weights is None:
        return None
    if start.origin == IMAGENET:
        load_encoder(model, entry, _read_encoder(start.weights))
        return None
    _, content = read_weights(start.weights)
    own = model.state_dict()
    if set(content["state"]) != set(own):
        raise SourceError(
            f"{start.weights}: its tensors are not those of {entry.name}; it was made with other versions of the "
            f"libraries, or is damaged; start from others, or with --weights {SCRATCH}"
        )
    fitting = {name: value for name, value in content["state"].items() if own[name].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    left = sorted(set(own) - set(fitting))
    return f"{len(left)} tensors start anew, as the classes are others: {', '.join(left)}" if left else None


def _licence(entry: Entry) -> str:
    """Of weights that timm knows: some may not be used for money."""
    return str(_config(entry).license or "that nobody states")


def _config(entry: Entry) -> Any:
    """What timm knows of its weights."""
    import timm

    return timm.get_pretrained_cfg(entry.architecture)


def _at_path(entry: Entry, path: Path, sha256: str | None) -> Start:
    file = path / "weights" / "best.pt" if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            f"--weights {path}: no such file; give a run or a .pt of {entry.name}, {IMAGENET} or {SCRATCH}"
        )
    if not is_baseline(file):
        raise UsageError(f"{file}: not weights of a baseline; give those of {entry.name}, {IMAGENET} or {SCRATCH}")
    facts, _ = read_weights(file)
    if facts.network != entry.name:
        raise UsageError(f"{file}: weights of {facts.network}, and this training is of {entry.name}; give its own")
    return Start(entry.name, f"starting from the weights {path}", "path", file.resolve(), verified(file, sha256))


def _read_encoder(file: Path) -> dict[str, Any]:
    read: Callable[..., Any]
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file as read
    else:
        from functools import partial

        import torch

        read = partial(torch.load, map_location="cpu", weights_only=True)
    try:
        return dict(read(file))
    except Exception as error:  # whatever a damaged file raises
        raise SourceError(
            f"{file}: not readable ({type(error).__name__}); remove it, and it is fetched again"
        ) from None


def _is_set(name: str) -> bool:
    """As the user set it: to Ultralytics, we say it ourselves."""
    said = ultralytics_home.ASKED_OFFLINE if name == "YOLO_OFFLINE" else os.environ.get(name)
    return (said or "").lower() not in NO
