"""The weights of a baseline: tensors and plain values in a .pt, known by its content, without a program in it."""

import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seepseg.baselines.catalogue import CATALOGUE, TASKS
from seepseg.errors import SourceError, UsageError

if TYPE_CHECKING:
    import torch

FORMAT = "seepseg-baseline"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file says beside its tensors."""

    network: str
    kind: str
    names: tuple[str, ...]
    """Classes, without background."""
    imgsz: int

    @property
    def channels(self) -> int:
        """One for a single class, which is there or not; else one for each class, and the background last."""
        return channels_of(len(self.names), self.kind)

    @property
    def background(self) -> int | None:
        """Its channel."""
        return len(self.names) if self.channels > len(self.names) else None


def channels_of(classes: int, kind: str = "semantic") -> int:
    """How many a network for so many classes gives; classes of images and of objects have no background beside them."""
    return classes if classes == 1 or kind in ("classify", "segment") else classes + 1


def is_baseline(file: Path) -> bool:
    """Whether a .pt is one of ours, told without unpickling: it may be a stranger's."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            return len(names) == 1 and FORMAT.encode() in archive.read(names[0])
    except (OSError, zipfile.BadZipFile):
        return False


def write_weights(
    file: Path, facts: Facts, state: "Mapping[str, torch.Tensor]", training: Mapping[str, Any] | None = None
) -> None:
    """Whole or not at all; `training` is what it takes to go on."""
    import torch

    content = {"format": FORMAT, "version": VERSION, **asdict(facts), "names": list(facts.names), "state": dict(state)}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    try:
        torch.save(content | ({"training": dict(training)} if training else {}), partial)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def read_weights(file: Path) -> tuple[Facts, dict[str, Any]]:
    """Facts, and all that the file holds."""
    import torch

    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
        version = content["version"]
        facts = Facts(content["network"], content["kind"], tuple(content["names"]), content["imgsz"])
    except Exception as error:  # whatever reading half a file raises
        reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise SourceError(f"{file}: not readable as weights of a baseline ({reason}); copy the file again") from None
    if version != VERSION or facts.network not in CATALOGUE or facts.kind not in TASKS:
        raise UsageError(
            f"{file}: holds {facts.network} in format {version}, which this version does not know; update seepseg"
        )
    return facts, dict(content)
