"""GeoJSON (RFC 7946), object by object onto the disk: WGS84, or pixels where nobody knows the place."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seepseg.scenes.features import Feature, as_mapping

IN_PIXELS = {"coordinates": "pixels", "y_axis": "down"}
"""Said under `seepseg` of a collection: RFC 7946 has no word for it, and keeps `coordinates` for geometries."""
Interval = tuple[float, float]


@contextmanager
def writing(path: Path, about: Mapping[str, Any]) -> Iterator[Callable[[Feature], None]]:
    """A function that writes one feature more; the collection is whole once the context is left. `about` is kept
    under `seepseg`."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type": "FeatureCollection",\n"seepseg": ' + _text(about) + ',\n"features": [')
        box, first = _Box(), True

        def add(feature: Feature) -> None:
            nonlocal first
            file.write(("\n" if first else ",\n") + _text(as_mapping(feature)))
            box.add(feature)
            first = False

        yield add
        bounds = box.bounds(in_pixels="coordinates" in about)
        file.write("\n]" + (f',\n"bbox": {_text(bounds)}' if bounds else "") + "}\n")


def collect(features: Iterable[Feature], *, in_pixels: bool) -> dict[str, Any]:
    """The same as a value."""
    box, rows = _Box(), []
    for feature in features:
        box.add(feature)
        rows.append(as_mapping(feature))
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": rows}
    bounds = box.bounds(in_pixels=in_pixels)
    collection |= {"bbox": bounds} if bounds else {}
    return collection | ({"seepseg": IN_PIXELS} if in_pixels else {})


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)


class _Box:
    """Grows with each feature."""

    def __init__(self) -> None:
        self._across: list[Interval] = []
        self._low, self._high = float("inf"), float("-inf")

    def add(self, feature: Feature) -> None:
        for part in feature.geometry.geoms:
            west, south, east, north = part.bounds
            self._across = _unite([*self._across, (west, east)])
            self._low, self._high = min(self._low, south), max(self._high, north)

    def bounds(self, *, in_pixels: bool) -> list[float] | None:
        """West, south, east, north; west is the greater where the box lies across the antimeridian."""
        if not self._across:
            return None
        west, east = self._across[0][0], self._across[-1][1]
        gaps = [
            (after[0] - before[1], after[0], before[1])
            for before, after in zip(self._across, self._across[1:], strict=False)
        ]
        widest = max(gaps, default=(0.0, 0.0, 0.0))
        if not in_pixels and widest[0] > west + 360 - east:
            west, east = widest[1:]
        return [west, self._low, east, self._high]


def _unite(intervals: Iterable[Interval]) -> list[Interval]:
    united: list[Interval] = []
    for low, high in sorted(intervals):
        if united and low <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], high))
        else:
            united.append((low, high))
    return united
