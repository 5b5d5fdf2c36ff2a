"""What is said of an object found: where it lies, how large it is, how sure that is, and that it is a potential one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seepseg import __version__
from seepseg.crops import at_edge, crop_of, trim
from seepseg.georeference import Grid
from seepseg.scenes.antimeridian import as_polygons
from seepseg.scenes.ground import Ground, ground_of, lay_down, measure_line, measure_rings, metres_around, wrap
from seepseg.scenes.length import longest_way
from seepseg.scenes.objects import SceneObject
from seepseg.scenes.polygons import outline
from seepseg.values import Prediction

FIELDS: dict[str, type] = {
    "id": int,
    "class": str,
    "potential": str,
    "confidence_mean": float,
    "confidence_median": float,
    "confidence_max": float,
    "threshold": float,
    "area_km2": float,
    "length_km": float,
    "width_km": float,
    "perimeter_km": float,
    "centroid_lon": float,
    "centroid_lat": float,
    "inside_lon": float,
    "inside_lat": float,
    "area_px": int,
    "cut": bool,
    "approximate": bool,
    "scene": str,
    "acquired": str,
    "model_sha256": str,
    "seepseg": str,
}
"""Of every feature, in this order; what is not known is null. Areas and lengths are geodesic. The length is that of
the longest way within the object, round its bends; the width is the area over the length; the perimeter follows the
edges of pixels, around holes too. The centroid may lie outside of a bent object, the point `inside` never does."""
_SLICKS = {"oil", "seep", "slick", "spill", "oilspill"}
_ALIKE = {"look", "lookalike", "alike", "no", "non", "not"}


@dataclass(frozen=True, slots=True)
class Feature:
    """One object, ready to be written."""

    number: int
    geometry: Any
    """shapely's MultiPolygon in degrees of WGS84, or in pixels where there is no ground; empty where there is none."""
    properties: dict[str, Any]


def make_features(
    objects: Sequence[SceneObject],
    ground: Ground | None,
    names: Sequence[str],
    about: dict[str, Any],
    *,
    thresholds: Sequence[float | None] = (),
) -> Iterator[Feature]:
    """One after the other, numbered from 1 in the order given. `about` fills the properties that all share."""
    for number, one in enumerate(objects, 1):
        shape = outline(one.mask, one.x, one.y)
        geometry, measures = _on_ground(one, shape, ground) if ground else (shape, {})
        name = names[one.class_id] if one.class_id < len(names) else str(one.class_id)
        threshold = thresholds[one.class_id] if one.class_id < len(thresholds) else None
        known = {
            "id": number,
            "class": name,
            "potential": potential(name),
            "confidence_mean": round(one.mean, 4),
            "confidence_median": round(one.median, 4),
            "confidence_max": round(one.maximum, 4),
            "threshold": threshold,
            "area_px": int(np.count_nonzero(one.mask)),
            "cut": bool(one.cut),
            "approximate": ground.approximate if ground else None,
            "seepseg": __version__,
        }
        merged = about | known | measures
        yield Feature(number, geometry, {field: merged.get(field) for field in FIELDS})


def potential(name: str) -> str:
    """What an object of this class is called: only someone who has been there can say what it is."""
    words = {word.removesuffix("s") for word in re.findall(r"[a-z]+", name.lower())}
    return "potential slick" if words & _SLICKS and not words & _ALIKE else f"potential {name}"


def as_mapping(feature: Feature) -> dict[str, Any]:
    """As GeoJSON (RFC 7946) has a feature; without a geometry where it lies nowhere."""
    from shapely.geometry import mapping

    parts = feature.geometry.geoms
    geometry = None if not len(parts) else mapping(parts[0] if len(parts) == 1 else feature.geometry)
    return {"type": "Feature", "id": feature.number, "geometry": geometry, "properties": feature.properties}


def prediction_as_geojson(prediction: Prediction, grid: Grid | None) -> dict[str, Any]:
    """A FeatureCollection of what a model found in one image; in pixels, y downwards, unless a grid says where it
    lies."""
    from seepseg.scenes.geojson import collect

    objects = [
        SceneObject(one.class_id, one.mask, one.x, one.y, one.score, one.score, one.score, cut)
        for one in prediction.detections
        for cut in [at_edge(trim(crop_of(one)), prediction.width, prediction.height)]
    ]
    ground = ground_of(grid) if grid else None
    return collect(make_features(objects, ground, prediction.names, {}), in_pixels=ground is None)


def _on_ground(one: SceneObject, shape: Any, ground: Ground) -> tuple[Any, dict[str, float]]:
    import shapely

    rings = lay_down(shape, ground)
    if rings is None:
        return shapely.MultiPolygon(), {}
    area, perimeter = measure_rings(rings)
    height, width = one.mask.shape
    east, north = metres_around(ground, one.x + width / 2, one.y + height / 2)
    pixel = np.hypot(east, north)
    way = longest_way(one.mask, (float(pixel[0]), float(pixel[1]))) + (one.x, one.y)
    length = measure_line(way, ground)
    middle, inside = shape.centroid, shape.representative_point()
    places = ground.place(np.array([[middle.x, middle.y], [inside.x, inside.y]]))
    (middle_lon, inside_lon), (middle_lat, inside_lat) = (
        axis.round(ground.decimals) for axis in (wrap(places[:, 0]), places[:, 1])
    )
    measures = {
        "area_km2": _short(area / 1e6),
        "length_km": _short(length / 1e3),
        "width_km": _short(area / length / 1e3 if length else 0.0),
        "perimeter_km": _short(perimeter / 1e3),
        "centroid_lon": float(middle_lon),
        "centroid_lat": float(middle_lat),
        "inside_lon": float(inside_lon),
        "inside_lat": float(inside_lat),
    }
    return as_polygons(rings, ground.decimals), measures


def _short(value: float) -> float:
    return float(f"{value:.7g}")
