"""Where an image holds no data, and what of a prediction lies elsewhere; the same as 'seepseg predict', numpy alone."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.predict.decode import is_on_data
from seepseg.scaling import Rule
from seepseg.values import Bitmap, Prediction


def find_nodata(planes: NDArray[Any], rule: Rule | None) -> Bitmap | None:
    """1 where none of the bands that the rule takes holds a value, (bands, height, width) given; None where there is
    data everywhere, as in all 8-bit files."""
    if planes.dtype == np.uint8 or rule is None:
        return None
    some = planes[[band - 1 for band in rule.bands]].astype(np.float32)
    valid = np.isfinite(some) & (True if rule.nodata is None else some != np.float32(rule.nodata))
    nodata = np.asarray(~valid.any(axis=0), np.uint8)
    return nodata if nodata.any() else None


def cut_to_data(prediction: Prediction, nodata: Bitmap | None, task: str) -> Prediction:
    """Masks without the pixels that are 1 in `nodata`; what lies there for the most part goes, what had no mask before
    stays."""
    if nodata is None:
        return prediction
    cut = [replace(one, mask=one.mask & (1 - nodata[one.inside])) for one in prediction.detections]
    pairs = zip(prediction.detections, cut, strict=True)
    kept = [new for old, new in pairs if is_on_data(old.mask, new.mask, task) or not old.mask.any()]
    return replace(prediction, detections=tuple(kept))
