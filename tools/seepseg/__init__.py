"""Oil seeps and spills in SAR and aerial images, from labels to the edge.

from seepseg import load_model
model = load_model("runs/sos")
found = model.predict("tile.png")
"""

TYPE_CHECKING = False  # Checkers take this name for true; to import it from typing takes longer than all the rest.
if TYPE_CHECKING:
    from seepseg.api import LoadedModel, load_model
    from seepseg.values import Detection, Prediction

__version__ = "0.1.0"
__all__ = ["Detection", "LoadedModel", "Prediction", "__version__", "load_model"]
_PLACES = {
    "LoadedModel": "seepseg.api",
    "load_model": "seepseg.api",
    "Detection": "seepseg.values",
    "Prediction": "seepseg.values",
}


def __getattr__(name: str) -> object:
    """What is asked for is imported then: `import seepseg` and the command line start at once."""
    if name not in _PLACES:
        raise AttributeError(f"module 'seepseg' has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    """With the names that are not imported yet."""
    return sorted({*globals(), *__all__})
