"""What is found in a scene: one value an object, however many tiles it lay in, and what several cover together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from seepseg import rle
from seepseg.georeference import Grid
from seepseg.values import Bitmap

MOST_PIXELS = 2**32 - 1
"""Of a scene: what COCO's counts can hold."""


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One object, in pixels of the scene's grid."""

    class_id: int
    mask: Bitmap = field(repr=False)
    """What lies at (x, y): a crop of the scene, as large as the object."""
    x: int
    y: int
    mean: float
    """Confidence over the object's pixels, each with that of the surest detection that covers it; so is the median."""
    median: float
    maximum: float
    cut: bool = False
    """It goes on beyond the edge of the scene, or into pixels without data."""


def area_together(objects: Sequence[SceneObject], grid: Grid) -> tuple[int, float]:
    """Pixels under any of the objects, each counted once, and what share that is of their areas added up. In a scene
    too large for COCO's counts, overlaps count twice."""
    apart = sum(int(one.mask.sum()) for one in objects)
    size = grid.width, grid.height
    if not apart or grid.width * grid.height > MOST_PIXELS:
        return apart, 1.0
    runs = [rle.encode_crop(one.mask, one.x, one.y, *size) for one in objects]
    area = rle.measure_one(rle.union(runs, *size), *size)[0]
    return area, area / apart
