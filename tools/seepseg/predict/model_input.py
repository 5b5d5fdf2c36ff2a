"""What a model wants to be shown, as its run or its bundle says: values as which pixels, at which spacing and size."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seepseg.errors import UsageError
from seepseg.measures.thresholds import Thresholds
from seepseg.scaling import Rule

INPUT, THRESHOLDS = "input.json", "thresholds.json"


@dataclass(frozen=True, slots=True)
class ModelInput:
    """None where nothing is said of it."""

    rule: Rule | None = None
    """How 16-bit, float and many-band values become 8 bits; None for a model that was trained on 8-bit images."""
    metres_per_pixel: float | None = None
    tile: int | None = None
    """The usual longer side of the images that it was trained on, in pixels."""


def input_of(record: Mapping[str, Any], where: Path) -> ModelInput:
    """From the entries that input.json and bundle.json share."""
    try:
        scale, metres = record.get("scale"), record.get("metres_per_pixel")
        rule = Rule.from_json(scale) if scale is not None else None
        metres = float(metres) if metres is not None else None
        if metres is not None and not metres > 0:
            raise ValueError(f"{metres} metres per pixel")
        tile = record.get("tile")
        if tile is not None and (type(tile) is not int or tile < 1):
            raise ValueError(f"a tile of {tile} pixels")
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{where}: its scaling rule, metres_per_pixel or tile cannot be read ({error}); copy it again"
        ) from None
    return ModelInput(rule, metres, tile)


def read_input(file: Path) -> tuple[int, ModelInput]:
    """The image size of the training, and the rest, from input.json."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        imgsz = record["imgsz"]
    except (OSError, ValueError, KeyError, TypeError):
        record, imgsz = {}, None
    if type(imgsz) is not int or imgsz < 1:
        raise UsageError(f'{file}: does not say the image size as "imgsz": 640; mend it, or give imgsz yourself')
    return imgsz, input_of(record, file)


def fit_thresholds(chosen: Thresholds, names: tuple[str, ...], where: Path) -> Thresholds:
    """In the order of the model's classes, which may differ from that of the dataset that they were chosen on; `where`
    is for the sentence alone."""
    if len(names) == len(chosen.names) == 1:
        return replace(chosen, names=names)  # With single_cls, Ultralytics has a name of its own for the class.
    if sorted(names) != sorted(chosen.names):
        raise UsageError(
            f"{where}: has thresholds for {', '.join(chosen.names)}; the classes of the model are {', '.join(names)}. "
            "Evaluate the model on its validation split again, or give --conf"
        )
    order = [chosen.names.index(name) for name in names]
    return replace(
        chosen,
        names=names,
        confidence=tuple(chosen.confidence[index] for index in order),
        presence=tuple(chosen.presence[index] for index in order),
    )
