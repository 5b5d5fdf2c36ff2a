"""Rings on the ground as polygons within −180 and 180 degrees: cut at the antimeridian, closed over a pole."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.scenes.ground import Rings, divide
from seepseg.scenes.polygons import Points, build, keep_valid


def as_polygons(rings: Rings, decimals: int) -> Any:
    """A MultiPolygon in degrees; what lies across the antimeridian or around a pole is cut there."""
    parts = divide(rings)
    winding = [abs(points[-1, 0] - points[0, 0]) > 180 for points in parts]
    if not any(winding) and np.abs(rings.points[:, 0]).max(initial=0) <= 180:
        polygons = build([points.round(decimals) for points in parts], rings.owner)
        return polygons if polygons.is_valid else keep_valid(polygons)
    return _cut(parts, winding, rings.owner, decimals)


def _cut(parts: list[Points], winding: list[bool], owner: NDArray[np.int64], decimals: int) -> Any:
    import shapely

    whole = []
    for polygon in range(int(owner.max()) + 1):
        mine = np.flatnonzero(owner == polygon).tolist()
        outside, *holes = [_within_the_world(parts[index], winding[index]) for index in mine]
        whole.append(shapely.difference(outside, shapely.union_all(holes)))
    rounded = shapely.transform(shapely.union_all(whole), lambda points: points.round(decimals))
    return keep_valid(rounded)


def _within_the_world(ring: Points, winding: bool) -> Any:
    """What a ring encloses, between −180 and 180; up to the pole if it winds around that."""
    import shapely
    from shapely.affinity import translate

    if winding:
        pole = math.copysign(90, float(ring[:, 1].mean()))
        ring = np.concatenate([ring, [[ring[-1, 0], pole], [ring[0, 0], pole]], ring[:1]])
    enclosed = shapely.make_valid(shapely.Polygon(ring))
    low, high = (math.floor((bound + 180) / 360) for bound in (ring[:, 0].min(), ring[:, 0].max()))
    worlds = range(low, high + 1)
    return shapely.union_all(
        [
            translate(shapely.intersection(enclosed, shapely.box(360 * k - 180, -90, 360 * k + 180, 90)), -360 * k)
            for k in worlds
        ]
    )
