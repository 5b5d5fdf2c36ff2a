"""Which networks there are beside YOLO: by the name that --baseline takes, and by what others call them."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from seepseg.errors import MissingExtra, UsageError

Kind = Literal["semantic", "classify", "segment", "sequence"]
"""What a network is trained for, and so how it is fed, judged and decoded."""
TASKS: Mapping[Kind, str] = {
    "semantic": "semantic",
    "classify": "classify",
    "segment": "segment",
    "sequence": "semantic",
}
"""The task of each kind, as runs, bundles and evaluations call it."""
PACKAGES = {"smp": "segmentation_models_pytorch", "torchvision": "torchvision", "timm": "timm", "own": "torch"}
EXTRAS = {
    "smp": ("segmentation-models-pytorch", "baselines"),
    "torchvision": ("torchvision", "baselines"),
    "timm": ("timm", "baselines"),
}
FRAMES = 4
"""That a network for sequences sees: the last is the one that it speaks of."""
SEMANTIC_HEAD = "Ultralytics' own semantic head is trained without --baseline, by task=semantic"


@dataclass(frozen=True, slots=True)
class Entry:
    """A network of the catalogue; `architectures` builds it."""

    name: str
    known_as: str
    """What it is called where it comes from."""
    kind: Kind
    library: Literal["smp", "torchvision", "timm", "own"]
    architecture: str
    """Of that library."""
    encoder: str | None = None
    parameters: tuple[int, int] | None = None
    """Trainable, and all as Keras counts them (with the averages of batch norm), where the source states them for its
    own number of output channels."""
    channels: int | None = None
    """That number."""


def _classifier(name: str, known_as: str, architecture: str) -> Entry:
    return Entry(name, known_as, "classify", "timm", architecture, architecture)


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
_CLASSIFIERS = (
    _classifier("swin-tiny", f"Swin-T, the stand-in for InternImage {REPORT}", "swin_tiny_patch4_window7_224"),
    _classifier("mobilenetv4-small", f"MobileNetV4 {REPORT}, small", "mobilenetv4_conv_small"),
    _classifier("mobilenetv4-medium", f"MobileNetV4 {REPORT}, medium", "mobilenetv4_conv_medium"),
    _classifier("convnextv2-atto", f"ConvNeXtV2 {REPORT}, atto", "convnextv2_atto"),
    _classifier("convnextv2-nano", f"ConvNeXtV2 {REPORT}, nano", "convnextv2_nano"),
    _classifier("convnextv2-tiny", f"ConvNeXtV2 {REPORT}, tiny", "convnextv2_tiny"),
    _classifier("efficientnet-b0", f"EfficientNet {REPORT}, B0", "efficientnet_b0"),
    _classifier("efficientnet-b3", f"EfficientNet {REPORT}, B3", "efficientnet_b3"),
    Entry("large-kernels", f"network of 31×31 and 13×13 kernels {REPORT}, for RepLKNet", "classify", "own", "large"),
)
"""For presence: whether an image holds a class, and nothing of where."""
_INSTANCES = (
    Entry(
        "maskrcnn-resnet50",
        "Mask R-CNN of the course on oil tanks, torchvision's second version",
        "segment",
        "torchvision",
        "maskrcnn_resnet50_fpn_v2",
        "resnet50",
    ),
    Entry("maskrcnn-resnet18", "Mask R-CNN on a light backbone", "segment", "torchvision", "MaskRCNN", "resnet18"),
)
_SEQUENCES = (
    Entry("unet-convlstm", f"ConvLSTM U-Net of the dissertation, {FRAMES} frames", "sequence", "own", "remembering"),
    Entry("unet-frame", "U-Net of unet-convlstm without its memory", "semantic", "own", "forgetful"),
)
CATALOGUE: Mapping[str, Entry] = {entry.name: entry for entry in (*_ENTRIES, *_INSTANCES, *_SEQUENCES, *_CLASSIFIERS)}


def find_entry(name: str) -> Entry:
    """A network that can be built here; there is never another in its place."""
    entry = CATALOGUE.get(name)
    if entry is None:
        close = get_close_matches(name, CATALOGUE, n=2, cutoff=0.5)
        guess = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise UsageError(
            f"--baseline {name}: no such network{guess}; there are {', '.join(CATALOGUE)}; {SEMANTIC_HEAD}"
        )
    if not _is_there(entry):
        others = [one.name for one in CATALOGUE.values() if one.kind == entry.kind and _is_there(one)]
        purpose = f"--baseline {name} (what can be had without: {', '.join(others)})"
        raise MissingExtra(*EXTRAS[entry.library], purpose)
    return entry


def find_trained(name: str, weights: Path) -> Entry:
    """The network of weights that are there: nobody chooses it any more, so that no other is offered."""
    entry = CATALOGUE[name]
    if not _is_there(entry):
        raise MissingExtra(*EXTRAS[entry.library], f"{weights}: its network {name}")
    return entry


def _is_there(entry: Entry) -> bool:
    return find_spec(PACKAGES[entry.library]) is not None
