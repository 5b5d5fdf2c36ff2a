"""The objects of an analysis as rows of a table: class, confidence, area and length."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from seepseg.app.analysis import Analysis, as_objects
from seepseg.palette import Colour, colour_of
from seepseg.values import Bitmap, Prediction

if TYPE_CHECKING:
    from seepseg.scenes.ground import Ground

MOST_ROWS = 200
_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """One object. What is not known on the ground is told in pixels."""

    number: int
    """From 1, the surest first; the same as in the files."""
    class_id: int
    name: str
    confidence: float
    area_px: int
    length_px: float
    area_km2: float | None = None
    length_km: float | None = None
    cut: bool = False
    """It may go on beyond the edge of the image."""

    @property
    def colour(self) -> Colour:
        """Of its class."""
        return colour_of(self.class_id)


def rows_of(analysis: Analysis, prediction: Prediction, most: int = MOST_ROWS) -> list[Row]:
    """The surest objects; measuring each takes its time."""
    objects = as_objects(Prediction(prediction.width, prediction.height, prediction.detections[:most]))
    rows = []
    for number, (one, each) in enumerate(zip(prediction.detections, objects, strict=False), 1):
        key, ground = key_of(one.mask), analysis.ground
        area, length = _measure(*key, one.x, one.y, ground) if ground else (None, None)
        rows.append(
            Row(
                number,
                one.class_id,
                analysis.names[one.class_id],
                one.score,
                int(np.count_nonzero(one.mask)),
                _length_px(*key),
                area,
                length,
                each.cut,
            )
        )
    return rows


def show_area(row: Row) -> str:
    """With its unit."""
    if row.area_km2 is None:
        return f"{row.area_px:,} px"
    return f"{_figure(row.area_km2)} km²" if row.area_km2 >= 0.1 else f"{_figure(row.area_km2 * 1e6)} m²"


def show_length(row: Row) -> str:
    """With its unit."""
    if row.length_km is None:
        return f"{row.length_px:,.0f} px"
    return f"{_figure(row.length_km)} km" if row.length_km >= 1 else f"{_figure(row.length_km * 1e3)} m"


def _figure(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def key_of(mask: Bitmap) -> tuple[bytes, int, int]:
    """For what is remembered of an object: its bits, height and width."""
    return np.packbits(mask).tobytes(), mask.shape[0], mask.shape[1]


def bitmap_of(bits: bytes, high: int, wide: int) -> Bitmap:
    """The other way."""
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=high * wide).reshape(high, wide)


@lru_cache(maxsize=_KEPT)
def _length_px(bits: bytes, high: int, wide: int) -> float:
    """Remembered: sliders change which objects there are, and hardly what they are."""
    from seepseg.scenes.length import longest_way

    return float(np.hypot(*np.diff(longest_way(bitmap_of(bits, high, wide)), axis=0).T).sum())


@lru_cache(maxsize=_KEPT)
def _measure(bits: bytes, high: int, wide: int, x: int, y: int, ground: "Ground") -> tuple[float | None, float | None]:
    """As the GeoJSON has them: square kilometres and kilometres on the ellipsoid."""
    from seepseg.scenes.features import make_features
    from seepseg.scenes.objects import SceneObject

    one = SceneObject(0, bitmap_of(bits, high, wide), x, y, 0.0, 0.0, 0.0)
    told = next(make_features([one], ground, ("",), {})).properties
    return told["area_km2"], told["length_km"]
