"""What of a prediction is kept: what is sure enough, and lies where the image holds data."""

from collections.abc import Sequence
from dataclasses import replace

from seepseg.crops import trim
from seepseg.predict.decode import is_on_data
from seepseg.values import Bitmap, Prediction


def cut_to_limits(prediction: Prediction, limits: Sequence[float]) -> Prediction:
    """To the detections that are surer than the limit of their class."""
    kept = tuple(one for one in prediction.detections if one.score > limits[one.class_id])
    return replace(prediction, detections=kept)


def cut_to_data(prediction: Prediction, nodata: Bitmap | None, task: str) -> Prediction:
    """Masks without the pixels that are 1 in `nodata`, as scenes have them; what lies there for the most part is left
    out. What had no mask before stays: such a detection tells its score alone."""
    if nodata is None:
        return prediction
    kept = []
    for one in prediction.detections:
        with_data: Bitmap = one.mask & (1 - nodata[one.inside])
        if is_on_data(one.mask, with_data, task):
            mask, x, y = trim((with_data, one.x, one.y))
            kept.append(replace(one, mask=mask, x=x, y=y))
        elif not one.mask.any():
            kept.append(one)
    return replace(prediction, detections=tuple(kept))
