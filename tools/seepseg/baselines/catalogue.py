"""Which networks there are beside YOLO: by the name that --baseline takes, and by what others call them."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Literal

from seepseg.errors import MissingExtra, UsageError

Kind = Literal["semantic"]
"""What a network is trained for, and so how it is fed, judged and decoded."""
TASKS: Mapping[Kind, str] = {"semantic": "semantic"}
"""The task of each kind, as runs, bundles and evaluations call it."""
PACKAGES = {"smp": "segmentation_models_pytorch", "torchvision": "torchvision", "own": "torch"}
EXTRAS = {"smp": ("segmentation-models-pytorch", "baselines"), "torchvision": ("torchvision", "baselines")}
SEMANTIC_HEAD = "Ultralytics' own semantic head is trained without --baseline, by task=semantic"


@dataclass(frozen=True, slots=True)
class Entry:
    """A network of the catalogue; `architectures` builds it."""

    name: str
    known_as: str
    """What it is called where it comes from."""
    kind: Kind
    library: Literal["smp", "torchvision", "own"]
    architecture: str
    """Of that library."""
    encoder: str | None = None
    parameters: tuple[int, int] | None = None
    """Trainable, and all as Keras counts them (with the averages of batch norm), where the source states them for its
    own number of output channels."""
    channels: int | None = None
    """That number."""


REPORT = "of the oil spill report"
_ENTRIES = (
    Entry("unet-mit_b2", f"U-Net/mit_b2 {REPORT}", "semantic", "smp", "Unet", "mit_b2"),
    Entry("unet-efficientnet-b3", f"U-Net/B3 {REPORT}", "semantic", "smp", "Unet", "efficientnet-b3"),
    Entry("unetplusplus-efficientnet-b4", f"U-Net++/B4 {REPORT}", "semantic", "smp", "UnetPlusPlus", "efficientnet-b4"),
    Entry("unetplusplus-efficientnet-b7", f"U-Net++/B7 {REPORT}", "semantic", "smp", "UnetPlusPlus", "efficientnet-b7"),
    Entry("deeplabv3plus-mit_b3", f"DeepLabV3+/mit_b3 {REPORT}", "semantic", "smp", "DeepLabV3Plus", "mit_b3"),
    Entry("deeplabv3plus-resnet101", "DeepLabV3+ as it was published", "semantic", "smp", "DeepLabV3Plus", "resnet101"),
    Entry("unet-vgg16", "U-Net/VGG16 of the course on lungs", "semantic", "smp", "Unet", "vgg16"),
    Entry(
        "deeplabv3-resnet50",
        "DeepLabV3 of the dissertation",
        "semantic",
        "torchvision",
        "deeplabv3_resnet50",
        "resnet50",
    ),
    Entry(
        "unet-dissertation",
        "U-Net of the dissertation",
        "semantic",
        "own",
        "dissertation",
        parameters=(31_043_521, 31_055_297),
        channels=1,
    ),
    Entry(
        "unet-pets", "U-Net of the pet app", "semantic", "own", "pets", parameters=(2_158_739, 2_158_739), channels=3
    ),
)
CATALOGUE: Mapping[str, Entry] = {entry.name: entry for entry in _ENTRIES}


def find_entry(name: str) -> Entry:
    """A network that can be built here; there is never another in its place."""
    entry = CATALOGUE.get(name)
    if entry is None:
        close = get_close_matches(name, CATALOGUE, n=2, cutoff=0.5)
        guess = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise UsageError(
            f"--baseline {name}: no such network{guess}; there are {', '.join(CATALOGUE)}; {SEMANTIC_HEAD}"
        )
    if find_spec(PACKAGES[entry.library]) is None:
        others = [one.name for one in _ENTRIES if one.kind == entry.kind and find_spec(PACKAGES[one.library])]
        purpose = f"--baseline {name} (what can be had without: {', '.join(others)})"
        raise MissingExtra(*EXTRAS[entry.library], purpose)
    return entry
