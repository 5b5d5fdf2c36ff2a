"""Whether a raster is what a model was trained on: values that its scaling rule was made for, and enough bands."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg import survey
from seepseg.errors import SourceError
from seepseg.rasterfile import palette, read_values
from seepseg.scaling import Rule, in_decibels, untouched
from seepseg.survey import Header
from seepseg.values import Window
from seepseg.wording import count

_ACROSS, _SIDE = 4, 96
"""A sample is this many squares along each side, spread over the raster, and so many pixels wide."""
_OUTSIDE = 0.95
"""The share of values beyond the ends of a rule at which a picture would be black and white."""
_MEANING = {"dB": "dB", "linear": "linear power", "amplitude": "amplitude", "counts": "plain counts"}
_TO_DECIBELS = {"linear": "10 × log10 of them", "amplitude": "calibrated first, then 10 × log10 of the power"}
Values = NDArray[np.float32]


def fitting_rule(path: Path, dataset: Any, rule: Rule | None) -> Rule:
    """The rule to read an open raster by, which is the model's own; a SourceError says why it does not fit.

    None is a model that says nothing of scaling, as one that was trained on 8-bit images does.
    """
    header = survey.read_header(path) or Header(path, "plain", dataset.count, "")
    if header.content == "complex" or any("complex" in dtype for dtype in dataset.dtypes):
        raise SourceError(f"{path}: holds complex SAR, which can't be shown; detect it first (amplitude or power)")
    if rule is None:
        rule = untouched((1, 2, 3) if dataset.count >= 3 else (1,))
        trained = "on 8-bit images"
    else:
        trained = f"on {_describe(rule)}"
    if max(rule.bands) > dataset.count:
        raise SourceError(
            f"{path}: has {count(dataset.count, 'band')}, and the model was trained on "
            f"{'band' if len(rule.bands) == 1 else 'bands'} {', '.join(map(str, rule.bands))}; "
            "give a file that has them in that order"
        )
    if len(rule.bands) > 1 and palette(dataset) is not None:
        raise SourceError(f"{path}: its values are places in a table of colours; run gdal_translate -expand rgb first")
    _refuse_types(path, dataset, rule, header, trained)
    if rule.kind != "none":
        _refuse_values(path, rule, header, _sample(dataset, rule), trained)
    return rule


def _describe(rule: Rule) -> str:
    if rule.kind == "none":
        return "8-bit images"
    spans = dict.fromkeys(f"{low:g} to {high:g}" for low, high in zip(rule.low, rule.high, strict=True))
    scale = " in dB" if rule.kind == "db" and rule.units != "dB" else ""
    return f"{_MEANING[rule.units]} ({' and '.join(spans)}{scale})"


def _refuse_types(path: Path, dataset: Any, rule: Rule, header: Header, trained: str) -> None:
    kinds = {dataset.dtypes[band - 1] for band in rule.bands}
    eight_bits = kinds == {"uint8"}
    if rule.kind == "none" and not eight_bits:
        raise SourceError(
            f"{path}: holds {header.content} values ({', '.join(sorted(kinds))}), and the model was trained {trained}; "
            "say how its training images came to 8 bits ('seepseg predict --scale', as db:-35,0 for SAR), or train on "
            "images of this type, so that the scaling is stored with the model"
        )
    if rule.kind != "none" and eight_bits:
        raise SourceError(
            f"{path}: holds 8-bit values, and the model was trained {trained}; "
            "give the raster as it was before it was brought to 8 bits"
        )


def _sample(dataset: Any, rule: Rule) -> Values:
    """Valid values of the rule's first band, from squares all over the raster."""
    wide, high = min(_SIDE, dataset.width), min(_SIDE, dataset.height)
    found = []
    for y in np.linspace(0, dataset.height - high, _ACROSS).astype(int).tolist():
        for x in np.linspace(0, dataset.width - wide, _ACROSS).astype(int).tolist():
            values, valid = read_values(dataset, Window(x, y, wide, high), rule.bands[:1], rule.nodata)
            found.append(values[valid])
    return np.concatenate(found)


def _refuse_values(path: Path, rule: Rule, header: Header, values: Values, trained: str) -> None:
    """Other units, told where they can be, and else values that lie almost all beyond what training saw."""
    if not values.size:
        return
    low, high = np.percentile(values, [1, 99])
    span = f"values from {low:g} to {high:g}"
    told = _units(rule, header, values)
    if told and told != rule.units:
        way = f": take {_TO_DECIBELS[told]}" if rule.units == "dB" and told in _TO_DECIBELS else ""
        raise SourceError(
            f"{path}: looks like {_MEANING[told]} ({span}), and the model was trained {trained}; "
            f"give it in {_MEANING[rule.units]}{way}"
        )
    shown = in_decibels(values, rule.units) if rule.kind == "db" else values
    if np.mean((shown < rule.low[0]) | (shown > rule.high[0])) > _OUTSIDE:
        raise SourceError(
            f"{path}: almost all of band {rule.bands[0]} ({span}) lies beyond what the model was trained on, "
            f"{_describe(rule)}; give the same band in the same units"
        )


def _units(rule: Rule, header: Header, values: Values) -> str | None:
    """Of these values, where they can't be those of the rule; None where they may."""
    told = survey.tell_units(header, values)
    low, middle = np.percentile(values, [1, 50])
    if rule.units == "dB":
        unsigned = low >= 0 and told in ("linear", "amplitude")
        return told if unsigned else "amplitude" if low >= 0 and header.content == "integer" else None
    if rule.units in ("linear", "amplitude"):
        if low < 0 and middle < 0:
            return "dB"
        other = {"linear": "amplitude", "amplitude": "linear"}[rule.units]
        integer = header.content == "integer"
        return other if told == other and integer == (other == "amplitude") else None
    return "dB" if told == "dB" and min(rule.low) >= 0 else None
