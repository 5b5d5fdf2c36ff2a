"""How 16-bit, float and many-band values become the 8 bits that a model sees; numpy alone, and the edge has it too."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import UsageError

FACTORS = {"linear": 10.0, "amplitude": 20.0}
"""Times the logarithm of values in these units, and they are dB."""
MOST_OUTSIDE = 0.95
"""The share of values beyond the ends of a rule at which a picture would be black and white."""
_TINY = np.float32(1e-30)


@dataclass(frozen=True, slots=True)
class Rule:
    """How values become 8 bits: fixed over a dataset, stored with the model.

    Values from `low` to `high` become 1 to 255, and 0 is left to pixels without data; kind "none" keeps every
    value.
    """

    kind: str
    """db, percentile, minmax or none."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    bands: tuple[int, ...]
    """From 1; three are red, green and blue."""
    units: str
    """Of the file's values: dB, linear, amplitude or counts. Kind "db" turns linear and amplitude into dB first."""
    nodata: float | None = None
    """Taken for no data besides what a file itself says."""

    def as_json(self) -> dict[str, Any]:
        """For data.yaml and the model's record."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Rule":
        """What `as_json` gave."""
        lists: dict[str, Any] = {name: tuple(value) for name, value in record.items() if isinstance(value, list)}
        return cls(**(record | lists))

    def apply(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The picture of a block: values (bands, height, width) in the order of `bands`, and where they hold data.

        One band gives (height, width); three give (height, width, 3) as BGR. Any block of a scene gives what the
        whole scene would.
        """
        valid = np.isfinite(values) if self.kind == "none" else valid
        planes = np.where(valid, values, np.float32(1)).astype(np.float32, copy=False)
        planes = in_decibels(planes, self.units) if self.kind == "db" else planes
        low, high = (np.array(ends, np.float32)[:, None, None] for ends in (self.low, self.high))
        lowest = 0 if self.kind == "none" else 1
        planes = np.rint((planes - low) * ((255 - lowest) / (high - low)) + lowest)
        grey = np.where(valid, np.clip(planes, lowest, 255), 0).astype(np.uint8)
        return grey[0] if len(grey) == 1 else np.ascontiguousarray(grey[::-1].transpose(1, 2, 0))


def in_decibels(values: NDArray[np.float32], units: str) -> NDArray[np.float32]:
    """Power and amplitude as dB; dB and counts as they are."""
    if units not in FACTORS:
        return values
    decibels: NDArray[np.float32] = np.float32(FACTORS[units]) * np.log10(np.maximum(values, _TINY))
    return decibels


def untouched(bands: Sequence[int]) -> Rule:
    """The rule that keeps 8-bit values."""
    return Rule("none", (0.0,) * len(bands), (255.0,) * len(bands), tuple(bands), "counts")


def show(image: NDArray[Any], rule: Rule | None) -> NDArray[np.uint8]:
    """The 8-bit pixels that a model is shown of an array (height, width), or (height, width, 3) in OpenCV's order of
    channels: 8-bit ones are taken as they are, others become so by the rule that it was trained with."""
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)) or not image.size:
        raise UsageError(
            f"an array of shape {image.shape} is no image; give (height, width), or (height, width, 3) in the order "
            "blue, green, red, and a list where several are meant"
        )
    if image.dtype == np.uint8:
        return image
    planes = image[None] if image.ndim == 2 else image[..., ::-1].transpose(2, 0, 1)
    wide = _wide_rule(planes, rule)
    if len(planes) != len(wide.bands):
        raise UsageError(f"the image has {len(planes)} bands, and the model was trained with {len(wide.bands)}")
    return _render(planes, wide)[0]


def show_bands(planes: NDArray[Any], rule: Rule | None) -> NDArray[np.uint8]:
    """The same of all the bands of a file (bands, height, width), red first, of which the rule takes its own."""
    natural = (1,) if len(planes) == 1 else (1, 2, 3)
    if planes.dtype == np.uint8 and (rule is None or rule.kind != "none" or rule.bands == natural):
        if len(planes) not in (1, 3):
            raise UsageError(f"the image has {len(planes)} bands; give grey, or red, green and blue")
        return planes[0] if len(planes) == 1 else np.ascontiguousarray(planes[::-1].transpose(1, 2, 0))
    wide = rule if rule is not None and planes.dtype == np.uint8 else _wide_rule(planes, rule)
    if max(wide.bands) > len(planes):
        raise UsageError(f"the image has {len(planes)} bands, and the model takes band {max(wide.bands)}")
    pixels, outside = _render(planes[[band - 1 for band in wide.bands]], wide)
    if outside > MOST_OUTSIDE:
        raise UsageError(
            f"almost all of band {wide.bands[0]} lies beyond what the model was trained on; give the same band in the "
            "same units"
        )
    return pixels


def _wide_rule(planes: NDArray[Any], rule: Rule | None) -> Rule:
    """For values that are not 8-bit."""
    if planes.dtype.kind not in "fiu":
        raise UsageError(f"values of {planes.dtype.name} can't be shown; of complex SAR, give amplitude or power")
    if rule is None or rule.kind == "none":
        raise UsageError(
            f"the image holds {planes.dtype.name}, and the model was trained on 8-bit images; bring it to 8 bits as "
            "its training images were"
        )
    return rule


def _render(planes: NDArray[Any], rule: Rule) -> tuple[NDArray[np.uint8], float]:
    """And which share of the first band's values lies beyond the ends of the rule."""
    values = planes.astype(np.float32)
    valid = np.isfinite(values) & (True if rule.nodata is None else values != np.float32(rule.nodata))
    if rule.kind == "none":
        return rule.apply(values, valid), 0.0
    shown = values[0][valid[0]]
    shown = in_decibels(shown, rule.units) if rule.kind == "db" else shown
    outside = (shown < rule.low[0]) | (shown > rule.high[0])
    return rule.apply(values, valid), float(outside.mean()) if outside.size else 0.0
