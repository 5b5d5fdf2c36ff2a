"""What is said of each image: by a model, or by the masks that another tool left."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seepseg.baselines.earlier import find_earlier, read_earlier
from seepseg.dataset.truth import Truth
from seepseg.errors import SourceError, UsageError, listing
from seepseg.evaluate.samples import Sample, truth_of
from seepseg.labels.mask_files import check_size, read_whole
from seepseg.measures.calibration import LEAST
from seepseg.measures.levels import from_class_map
from seepseg.outputs.cutting import cut_to_data
from seepseg.predict.decode import IOU, MAX_DET
from seepseg.predict.engine import Model
from seepseg.raster import read_nodata, read_pixels
from seepseg.values import Bitmap, Prediction

CONF = LEAST
"""What a model is asked for: all that a curve needs."""
Told = Iterator[tuple[Sample, Truth, Prediction]]
Teller = Callable[[Sequence[Sample]], Told]


def predict_samples(model: Model, order: Sequence[int], batch: int, samples: Sequence[Sample]) -> Told:
    """A batch at a time; `order` is the place in the dataset of each class of the model."""
    frames = getattr(model, "frames", 1)
    earlier = find_earlier((sample.image for sample in samples), frames - 1) if frames > 1 else {}
    for start in range(0, len(samples), batch):
        some = samples[start : start + batch]
        images = [read_pixels(sample.image) for sample in some]
        asked: dict[str, Any] = {"conf": CONF, "iou": IOU, "max_det": MAX_DET, "batch": batch}
        if frames > 1:
            pairs = zip(some, images, strict=True)
            asked["before"] = [read_earlier(earlier[one.image], one.image, pixels) for one, pixels in pairs]
        found = model.predict(images, **asked)
        for sample, image, prediction in zip(some, images, found, strict=True):
            cut = cut_to_data(prediction, read_nodata(sample.image), model.task)
            yield sample, truth_of(sample, image.shape[1], image.shape[0]), _renumber(cut, order)


def read_masks(folder: Path, class_count: int, samples: Sequence[Sample]) -> Told:
    """`<folder>/<stem>.png` of each image: 0 where there is nothing, else class id + 1."""
    for sample, file in zip(samples, _find_masks(folder, samples), strict=True):
        height, width = (
            read_pixels(sample.image).shape[:2] if sample.truth is None else (sample.truth.height, sample.truth.width)
        )
        mask = _read_mask(file, class_count, width, height)
        yield sample, truth_of(sample, width, height), from_class_map(mask)


def order_classes(model: Sequence[str], data: Sequence[str]) -> tuple[int, ...]:
    """Of each class of the model, its place in the dataset; an error unless both have the same."""
    if tuple(model) == ("item",) and len(data) == 1:
        return (0,)  # What Ultralytics calls the class of a training with single_cls.
    if sorted(model) == sorted(data):
        return tuple(list(data).index(name) for name in model)
    lists = f"the model has the classes {', '.join(model)}; the dataset has {', '.join(data)}"
    if len(model) == 1 and len(data) > 1:
        raise UsageError(
            f"{lists}: a model of one class can't tell these apart; evaluate it on the dataset in which they are one, "
            "as 'seepseg train --merge NEW=a,b' writes it beside yours"
        )
    raise UsageError(f"{lists}: evaluate on a dataset with the model's own classes, or rename them in data.yaml")


def _renumber(prediction: Prediction, order: Sequence[int]) -> Prediction:
    if list(order) == sorted(order):
        return prediction
    moved = tuple(replace(one, class_id=order[one.class_id]) for one in prediction.detections)
    said = prediction.presence
    presence = None if said is None else tuple(said[order.index(place)] for place in range(len(said)))
    return replace(prediction, detections=moved, names=(), presence=presence)


def _find_masks(folder: Path, samples: Sequence[Sample]) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; --masks takes one with a PNG for each image")
    files = [folder / Path(sample.name).with_suffix(".png") for sample in samples]
    missing = [
        f"{file}: no mask for {sample.name}" for sample, file in zip(samples, files, strict=True) if not file.is_file()
    ]
    if missing:
        raise SourceError(listing([*missing, "give a mask for each image, a blank one where nothing was found"]))
    return files


def _read_mask(file: Path, classes: int, width: int, height: int) -> Bitmap:
    try:
        values = read_whole(file)
    except SourceError as error:
        reason = str(error).partition("; ")[0]
        raise SourceError(
            f"{reason}; --masks takes PNGs that hold 0 where there is nothing, else the class id + 1"
        ) from None
    check_size(values, file, width, height)
    found = set(np.unique(values).tolist())
    if classes == 1 and found <= {0, 255}:
        values = values != 0
        found = {0, 1}
    strange = sorted(found - set(range(classes + 1)))
    if strange:
        raise SourceError(
            f"{file}: has the value {strange[0]}; a mask holds 0 where there is nothing, else the class id + 1, "
            f"so 0 to {classes} here"
        )
    mask: Bitmap = values.astype(np.uint8)
    return mask
