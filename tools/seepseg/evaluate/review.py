"""Single images once more, for the sheets of a report: what the evaluation saw and what counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from seepseg.dataset.truth import Truth
from seepseg.evaluate.in_force import InForce
from seepseg.evaluate.predictions import Teller
from seepseg.evaluate.samples import Sample
from seepseg.raster import Pixels, read_pixels
from seepseg.values import Prediction

Review = Callable[[str], tuple[Pixels, Truth, Prediction]]
"""By the name in images.csv: the pixels, the truth, and the detections above the thresholds of that image."""


def make_review(samples: Sequence[Sample], tell: Teller, used: InForce) -> Review:
    """Images are read and predicted again, one at a time: an evaluation keeps none."""
    rows: Mapping[str, int] = {sample.name: row for row, sample in enumerate(samples)}
    limits = np.broadcast_to(used.confidence, (len(samples), used.confidence.shape[1]))

    def review(name: str) -> tuple[Pixels, Truth, Prediction]:
        row = rows[name]
        ((sample, truth, prediction),) = tell([samples[row]])
        kept = tuple(one for one in prediction.detections if one.score > limits[row, one.class_id])
        return read_pixels(sample.image), truth, replace(prediction, detections=kept)

    return review
