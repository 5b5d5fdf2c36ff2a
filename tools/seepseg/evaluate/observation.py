"""What is kept of an image once truth and prediction were laid over each other: a few kilobytes, no bitmaps."""

from collections.abc import Sequence
from dataclasses import dataclass

from seepseg.dataset.truth import Truth
from seepseg.errors import SourceError
from seepseg.evaluate.samples import Sample
from seepseg.measures import boundary, levels, pixels, presence
from seepseg.measures.boundary import BoundarySweep
from seepseg.measures.figures import Floats
from seepseg.measures.instances import Judged, judge_image
from seepseg.measures.levels import Layers
from seepseg.measures.matching import encode_prediction
from seepseg.measures.pixels import Cells, ImageCells
from seepseg.measures.presence import Flags, Presence
from seepseg.values import Prediction


@dataclass(frozen=True, slots=True)
class Glance:
    """What choosing thresholds needs."""

    cells: ImageCells
    presence: tuple[Floats, Flags]


@dataclass(frozen=True, slots=True)
class Observation:
    """What all figures need."""

    name: str
    group: str | None
    width: int
    height: int
    objects: int
    """True ones, without crowds."""
    glance: Glance
    boundary: BoundarySweep
    judged: Judged | None
    """None where there are no instances: the masks of another tool."""


def observe(
    sample: Sample, truth: Truth, prediction: Prediction, class_count: int, grid: Floats, *, instances: bool = True
) -> Observation:
    """One image. Confidences are counted at those of the grid."""
    layers = _lay(sample, truth, prediction, class_count, grid)
    judged = judge_image(truth, encode_prediction(prediction)) if instances else None
    return Observation(
        sample.name,
        sample.group,
        truth.width,
        truth.height,
        sum(not one.crowd for one in truth.objects),
        _take_glance(layers, truth, prediction, class_count),
        boundary.sweep_boundary(layers, len(grid)),
        judged,
    )


def glance(sample: Sample, truth: Truth, prediction: Prediction, class_count: int, grid: Floats) -> Glance:
    """One image that only helps to choose."""
    return _take_glance(_lay(sample, truth, prediction, class_count, grid), truth, prediction, class_count)


def gather_glances(glances: Sequence[Glance]) -> tuple[Presence, Cells]:
    """Of many images, as thresholds are chosen from."""
    return presence.gather([one.presence for one in glances]), pixels.gather([one.cells for one in glances])


def _take_glance(layers: Layers, truth: Truth, prediction: Prediction, class_count: int) -> Glance:
    return Glance(pixels.count_cells(layers, class_count), presence.score_image(prediction, truth, class_count))


def _lay(sample: Sample, truth: Truth, prediction: Prediction, class_count: int, grid: Floats) -> Layers:
    try:
        return levels.lay(prediction, truth, class_count, grid)
    except SourceError as error:
        raise SourceError(f"{sample.image}: {error}") from None
