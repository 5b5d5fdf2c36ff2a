"""A network that is ready to run, whatever engine runs it; numpy alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import UsageError
from seepseg.predict.resize import Pixels
from seepseg.predict.sampling import Floats

Outputs = tuple[Floats, ...]
"""Of one image: the head's output and the prototypes, or the logits alone of a semantic head or a classifier."""
Forward = Callable[[Pixels], list[Outputs]]
"""From a batch (n, h, w, 3), or (n, frames, h, w, 3), in OpenCV's order of channels."""
LEAST_STRIDE = 32
CLASSIFY, SEVERAL = "classify", "multi_label"
"""A task, and what an export of ours says beside it: Ultralytics' classifiers have one class an image, ours as many as
it holds."""
SCENE_OF_CLASSIFIER = "is a scene, and this model says what a whole image holds, not where: give it tiles of it"


@dataclass(frozen=True, slots=True)
class Wish:
    """How the user wants a network to run."""

    device: str | None = None
    threads: int | None = None
    fast: bool = False
    """Fewer bits than 32 where engine and processor have them."""


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
    forward: Forward
    fixed_imgsz: int | None = None
    """The only size that an export with a fixed one takes."""
    notes: tuple[str, ...] = ()
    frames: int = 1
    """That it sees of each image: itself, and before it those that lie before it in its sequence."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What Ultralytics writes into a model that it exports."""

    names: tuple[str, ...]
    task: str
    background: int | None
    stride: int
    imgsz: int
    batch: int
    dynamic: bool
    frames: int = 1


def read_facts(where: Path, metadata: Mapping[str, Any]) -> Facts:
    """Refuses what gives no masks, or gives them in a form of its own; `where` is for the sentence alone."""
    try:
        settings = metadata.get("args") or {}
        sides = metadata["imgsz"]
        listed = metadata["names"]
        names = [str(name) for name in (listed.values() if isinstance(listed, Mapping) else listed)]
        task, stride, batch = str(metadata["task"]), int(metadata["stride"]), int(metadata["batch"])
        height, width = (int(side) for side in sides)
        dynamic, baked = bool(settings.get("dynamic")), bool(settings.get("nms"))
        frames = int(metadata.get("frames", 1))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{where}: does not say what Ultralytics writes into its exports ({error!r}); export the model again with "
            "'seepseg export'"
        ) from None
    if baked:
        raise UsageError(f"{where}: chooses its detections itself (nms=True); export it without that")
    if height != width:
        raise UsageError(f"{where}: made for images of {height} × {width}; only square inputs are supported")
    if not (task == CLASSIFY and metadata.get(SEVERAL)):
        refuse_task(where, task)
    refuse_channels(where, int(metadata.get("channels", 3)))
    background = take_background(task, names)
    return Facts(tuple(names), task, background, max(stride, LEAST_STRIDE), height, batch, dynamic, frames)


def network_of(facts: Facts, forward: Forward, device: str, notes: Sequence[str] = ()) -> Network:
    """An exported model."""
    return Network(
        names=facts.names,
        task=facts.task,
        background=facts.background,
        stride=facts.stride,
        trained_imgsz=facts.imgsz,
        device=device,
        forward=forward if facts.dynamic else in_groups(forward, facts.batch),
        fixed_imgsz=None if facts.dynamic else facts.imgsz,
        notes=tuple(notes),
        frames=facts.frames,
    )


def refuse_task(where: Path, task: str) -> None:
    """Only instances and class maps have masks; classifiers of ours are let through before."""
    if task not in ("segment", "semantic"):
        raise UsageError(
            f"{where}: a model for the task {task}, which gives no masks; give one that was trained from "
            "a -seg or a -sem model"
        )


def refuse_channels(where: Path, channels: int) -> None:
    """Images are grey or have three channels here."""
    if channels != 3:
        raise UsageError(f"{where}: the model takes {channels} channels; only models of three are supported")


def take_background(task: str, names: list[str]) -> int | None:
    """Remove the background from the names of a semantic model, if it has one; its channel. Ultralytics puts its own
    last, behind a class of that name."""
    if task != "semantic" or len(names) < 2 or "background" not in names:
        return None
    background = len(names) - 1 - names[::-1].index("background")
    del names[background]
    return background


def planes_of(batch: Pixels) -> NDArray[np.float32]:
    """The batch as a network takes it: (n, 3, h, w), red, green and blue from 0 to 1; of sequences (n, frames, 3, h,
    w)."""
    planes = np.ascontiguousarray(np.moveaxis(batch[..., ::-1], -1, -3))
    return np.divide(planes, np.float32(255), dtype=np.float32)


def by_image(where: Path, task: str, arrays: Sequence[NDArray[Any]]) -> list[Outputs]:
    """Outputs of a batch as outputs of each image; refused where they are not what the task gives."""
    wanted = {"segment": (3, 4), CLASSIFY: (2,)}.get(task, (4,))
    if tuple(one.ndim for one in arrays) != wanted or not all(one.dtype.kind == "f" for one in arrays):
        baked = ", but the class of each pixel, already chosen" if task == "semantic" else ""
        raise UsageError(
            f"{where}: does not give what a network for {task} gives{baked}; export it with 'seepseg export'"
        )
    return list(zip(*(one.astype(np.float32, copy=False) for one in arrays), strict=True))


def in_groups(forward: Forward, size: int) -> Forward:
    """For a model that takes `size` images at once and no other number: the last group is filled up with black."""

    def run(batch: Pixels) -> list[Outputs]:
        found: list[Outputs] = []
        for start in range(0, len(batch), size):
            group = batch[start : start + size]
            if len(group) < size:
                group = np.concatenate([group, np.zeros((size - len(group), *batch.shape[1:]), np.uint8)])
            found += forward(group)
        return found[: len(batch)]

    return run
