"""What is found in a scene: one value an object, however many tiles it lay in."""

from dataclasses import dataclass, field

from seepseg.values import Bitmap


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
