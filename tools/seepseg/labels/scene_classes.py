"""Which features of a vector file are objects, and of which class."""

from collections.abc import Sequence
from typing import Any

from seepseg.errors import SourceError, listing
from seepseg.labels.scene_vectors import Feature, Layer
from seepseg.values import Skip

CLASS_FIELDS = ("class", "class_name", "label", "name", "type")
"""Tried in this order where the user names no field."""


def polygons_alone(layers: Sequence[Layer]) -> tuple[list[Layer], list[Skip]]:
    """The layers with polygons and multipolygons only, crossing outlines repaired; the rest is counted."""
    from shapely import make_valid

    kept, skipped = [], []
    for layer in layers:
        features = []
        for one in layer.features:
            geometry = one.geometry
            if geometry is None or geometry.is_empty:
                skipped.append(Skip("feature without a geometry", one.place))
                continue
            if not geometry.is_valid and geometry.geom_type in ("Polygon", "MultiPolygon"):
                skipped.append(Skip("polygon that crosses itself, repaired", one.place))
                geometry = polygonal(make_valid(geometry))
            if geometry.is_empty or geometry.geom_type not in ("Polygon", "MultiPolygon"):
                skipped.append(Skip("feature that is not a polygon", one.place))
                continue
            features.append(Feature(geometry, one.fields, one.place))
        kept.append(Layer(layer.crs, tuple(features)))
    return kept, skipped


def find_class_field(layers: Sequence[Layer], wanted: str | None) -> str | None:
    """The field that holds the class: the wanted one, or the first of the usual ones that any feature fills."""
    filled = {
        name
        for layer in layers
        for one in layer.features
        for name, value in one.fields.items()
        if value not in (None, "")
    }
    if wanted is not None:
        if wanted in filled:
            return wanted
        raise SourceError(
            f"--class-field {wanted}: no polygon has it; there are {', '.join(sorted(filled)) or 'no fields'}"
        )
    lower = {name.lower(): name for name in sorted(filled, reverse=True)}
    return next((lower[name] for name in CLASS_FIELDS if name in lower), None)


def number_classes(
    layers: Sequence[Layer], field: str | None, names: tuple[str, ...] | None
) -> tuple[tuple[str, ...], list[Layer], list[Skip]]:
    """Class names, the layers with every feature's `class_id` as its only field, and features without a class.

    Names are compared without regard to case; where none are given they are taken from the field, sorted.
    """
    if field is None and (names is None or len(names) != 1):
        raise SourceError(
            f"no field of the polygons holds a class (looked for {', '.join(CLASS_FIELDS)}); "
            "say which with --class-field, or give a single class with --names"
        )
    values = [[_class_text(one, field) for one in layer.features] for layer in layers]
    found = sorted({text for texts in values for text in texts if text})
    if field is None and names:
        values = [[names[0]] * len(texts) for texts in values]
    elif names is None:
        names = tuple(sorted({text.casefold(): text for text in reversed(found)}.values()))
    assert names is not None
    ids = {name.casefold(): number for number, name in enumerate(names)}
    unknown = [text for text in found if text.casefold() not in ids] if field else []
    if unknown:
        raise SourceError(
            f"classes that are not in --names {','.join(names)}:\n"
            + listing([f"{text} (field {field})" for text in unknown])
        )
    kept, skipped = [], []
    for layer, texts in zip(layers, values, strict=True):
        features = []
        for one, text in zip(layer.features, texts, strict=True):
            if text:
                features.append(Feature(one.geometry, {"class_id": ids[text.casefold()]}, one.place))
            else:
                skipped.append(Skip("polygon without a class", one.place))
        kept.append(Layer(layer.crs, tuple(features)))
    return names, kept, skipped


def _class_text(feature: Feature, field: str | None) -> str:
    value = feature.fields.get(field) if field else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def polygonal(geometry: Any) -> Any:
    """What of a geometry covers an area, as one polygon or multipolygon."""
    from shapely import MultiPolygon, union_all

    parts = [one for one in getattr(geometry, "geoms", [geometry]) if one.geom_type in ("Polygon", "MultiPolygon")]
    return union_all(parts) if parts else MultiPolygon()
