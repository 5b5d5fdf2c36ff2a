"""A map of what was found, as SVG: outlines, the frame of the scene, degrees and a scale. It needs no network."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from seepseg.app.analysis import Analysis
from seepseg.app.instances_table import MOST_ROWS, Row, bitmap_of, key_of, show_area
from seepseg.palette import colour_of
from seepseg.scenes.features import potential
from seepseg.scenes.ground import Ground, divide, lay_down
from seepseg.scenes.polygons import Points, outline
from seepseg.values import Prediction
from seepseg.wording import count

_WIDE, _TALLEST, _ROOM = 480.0, 480.0, 44.0
"""Of the drawing, and the margin that degrees stand in."""
_ALONG = 9
"""Points along each side of the frame, which may be bent."""
_TICKS = 3
_KEPT = 1024
_HALF_WORD = 38.0
"""Degrees are not written closer to a corner."""
_SCRIPT = """export default ({ parentElement, data }) => {
  parentElement.querySelector(".map").innerHTML = data.svg;
};"""


@dataclass(frozen=True, slots=True)
class _View:
    """From longitude and latitude to the drawing."""

    west: float
    north: float
    shrink: float
    """Of a degree of longitude, beside one of latitude."""
    scale: float
    width: float
    height: float

    def lay(self, places: Points) -> Points:
        across = (_near(places[:, 0], self.west) - self.west) * self.shrink * self.scale
        return np.stack([across + _ROOM, (self.north - places[:, 1]) * self.scale + _ROOM / 2], axis=1)


def draw_map(analysis: Analysis, prediction: Prediction, rows: Sequence[Row]) -> str | None:
    """None where the file does not say where it lies."""
    ground = analysis.ground
    if ground is None:
        return None
    frame = ground.place(_frame(analysis.width, analysis.height))
    if not np.isfinite(frame).all():
        return None
    view = _view(frame)
    shapes = "".join(_shapes(prediction, rows, ground, view))
    body = f'<path class="frame" d="{_path([view.lay(frame)])}"/>{"".join(_degrees(view))}{shapes}'
    high = view.height + _ROOM * 1.75
    bar = _scale_bar(ground, view, view.height + _ROOM * 1.45)
    label = escape(f"Map of {count(len(rows), 'outline')} in {analysis.name}", quote=True)
    return (
        f'<svg viewBox="0 0 {view.width + _ROOM * 1.5:.0f} {high:.0f}" role="img" '
        f'aria-label="{label}">{body}{bar}</svg>'
    )


def show_map(svg: str) -> None:
    """Within a run of the page, whose own HTML takes no SVG."""
    _component()(key="map", data={"svg": svg}, height="content")


@cache
def _component() -> Any:
    from streamlit.components.v2 import component

    css = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    return component("seepseg_map", html='<div class="map"></div>', css=css, js=_SCRIPT)


def _frame(width: int, height: int) -> Points:
    """Once around, clockwise from the first pixel."""
    along, up = np.linspace(0, width, _ALONG), np.linspace(0, height, _ALONG)
    sides = [(along, 0 * along), (0 * up + width, up), (along[::-1], 0 * along + height), (0 * up, up[::-1])]
    return np.concatenate([np.stack(side, axis=1) for side in sides])


def _near(longitudes: Points, where: float) -> Points:
    """The same places with no jump at 180 degrees."""
    nearest: Points = where + (longitudes - where + 180) % 360 - 180
    return nearest


def _view(frame: Points) -> _View:
    longitudes = _near(frame[:, 0], float(frame[0, 0]))
    west, east = float(longitudes.min()), float(longitudes.max())
    south, north = float(frame[:, 1].min()), float(frame[:, 1].max())
    shrink = max(math.cos(math.radians((south + north) / 2)), 0.01)
    wide, high = max((east - west) * shrink, 1e-9), max(north - south, 1e-9)
    scale = min(_WIDE / wide, _TALLEST / high)
    return _View(west, north, shrink, scale, wide * scale, high * scale)


def _shapes(prediction: Prediction, rows: Sequence[Row], ground: Ground, view: _View) -> Iterator[str]:
    """The surest last, and so on top."""
    found = list(zip(prediction.detections[:MOST_ROWS], rows, strict=False))
    for one, row in reversed(found):
        path = _drawn(*key_of(one.mask), one.x, one.y, ground, view)
        if not path:
            continue
        colour = "#{:02x}{:02x}{:02x}".format(*colour_of(one.class_id))
        words = escape(f"{row.number} · {potential(row.name)}, {row.confidence:.2f}, {show_area(row)}")
        yield f'<path class="find" fill="{colour}" stroke="{colour}" d="{path}"><title>{words}</title></path>'


@lru_cache(maxsize=_KEPT)
def _drawn(bits: bytes, high: int, wide: int, x: int, y: int, ground: Ground, view: _View) -> str:
    """Remembered, as its measures are. Nothing where the CRS has no place for it."""
    rings = lay_down(outline(bitmap_of(bits, high, wide), x, y), ground)
    return "" if rings is None else _path([view.lay(ring) for ring in divide(rings)])


def _path(rings: Sequence[Points]) -> str:
    """Closed lines, without the points that fall together at this size."""
    parts = []
    for ring in rings:
        points = ring.round(1)
        moved = np.append(True, (np.diff(points, axis=0) != 0).any(axis=1))
        parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points[moved].tolist()) + "Z")
    return "".join(parts)


def _degrees(view: _View) -> Iterator[str]:
    """A few round ones along the left and the lower side."""
    east, south = view.west + view.width / view.scale / view.shrink, view.north - view.height / view.scale
    base, digits = _ROOM / 2 + view.height, _digits(min(east - view.west, view.north - south))
    for degree in _round_between(view.west, east, _HALF_WORD / view.scale / view.shrink):
        x = _ROOM + (degree - view.west) * view.shrink * view.scale
        words = _name((degree + 180) % 360 - 180, "E", "W", digits)
        yield f'<path class="tick" d="M{x:.1f} {base:.1f}v5"/>'
        yield f'<text x="{x:.1f}" y="{base + 17:.1f}" text-anchor="middle">{words}</text>'
    for degree in _round_between(south, view.north, _HALF_WORD / view.scale):
        y = _ROOM / 2 + (view.north - degree) * view.scale
        yield f'<path class="tick" d="M{_ROOM:.1f} {y:.1f}h-5"/>'
        words = _name(degree, "N", "S", digits)
        yield f'<text transform="translate({_ROOM - 9:.1f} {y:.1f}) rotate(-90)" text-anchor="middle">{words}</text>'


def _round_between(low: float, high: float, room: float) -> list[float]:
    step = _round_down((high - low) / _TICKS)
    numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [number * step for number in numbers if low + room <= number * step <= high - room]


def _round_down(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value * (1 + 1e-9))


def _digits(span: float) -> int:
    return max(0, math.ceil(-math.log10(_round_down(span / _TICKS))))


def _name(degree: float, positive: str, negative: str, digits: int) -> str:
    side = positive if degree >= 0 else negative
    return f"{abs(degree):.{digits}f}° {side}"


def _scale_bar(ground: Ground, view: _View, y: float) -> str:
    """Along the middle of the scene."""
    metres_per_degree = 111_320.0
    per_unit = metres_per_degree / view.scale
    metres = _round_down(view.width * per_unit / 4)
    length = metres / per_unit
    label = f"{metres / 1e3:,g} km" if metres >= 1000 else f"{metres:g} m"
    note = " · placed approximately" if ground.approximate else ""
    return (
        f'<path class="bar" d="M{_ROOM:.1f} {y:.1f}v5h{length:.1f}v-5"/>'
        f'<text x="{_ROOM + length + 8:.1f}" y="{y + 6:.1f}">{label} · north is up{note}</text>'
    )
