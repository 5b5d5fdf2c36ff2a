"""Images to try the page with: simulated ones, small enough to come with the package."""

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """One that may be picked."""

    title: str
    file: str

    @property
    def name(self) -> str:
        """Of the file."""
        return self.file

    def read(self) -> bytes:
        """As an upload would give it."""
        return (_HERE / self.file).read_bytes()


EXAMPLES = (
    Example("Slicks", "simulated-slicks.png"),
    Example("Thin seeps", "simulated-thin.png"),
    Example("Look-alikes only", "simulated-look-alikes.png"),
    Example("Scene with a map", "simulated-scene.tif"),
)
