"""Which scaling rule a dataset gets: one for all its images, from --scale and from what the files hold."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from seepseg import survey
from seepseg.errors import SourceError, UsageError, listing
from seepseg.scaling import FACTORS, Rule, in_decibels, untouched
from seepseg.survey import Header
from seepseg.values import Item
from seepseg.wording import count

DECIBELS, PERCENTS = (-35.0, 0.0), (1.0, 99.0)
"""What stands for dB and for anything else where --scale is silent."""
_Pixels = TypeVar("_Pixels")


def choose_rule(
    items: Sequence[Item], *, scale: str | None, bands: tuple[int, ...] | None, nodata: float | None = None
) -> tuple[Rule | None, tuple[str, ...]]:
    """The rule for these images, None where all have 8 bits and are copied as they are, and what the user should know.

    Looks at the head of every file, and at pixels of an evenly spread sample where values decide. Without a scale:
    db:-35,0 for float SAR, linear power turned into dB; `db`, which is the middle 98 % in dB, for SAR amplitude; and
    percentile:1,99 for anything else. `nodata` is a value that fills what holds no data, where no file says so.
    """
    asked = parse_scale(scale) if scale is not None else None
    if bands is not None and (len(bands) not in (1, 3) or min(bands) < 1):
        raise UsageError(f"--bands {','.join(map(str, bands))}: give one band or three, counted from 1")
    headers = [header for path in dict.fromkeys(item.image for item in items) if (header := survey.read_header(path))]
    notes = survey.misnamed(headers)
    if nodata is not None:
        _refuse_plain(headers, nodata)
    wide = [header for header in headers if header.content != "plain"]
    if not wide:
        rule, more = _for_plain(headers, scale, bands)
        return rule, (*notes, *more)
    _refuse_mixtures(wide)
    chosen = bands or survey.usual_bands(wide)
    short = [f"{one.path}: {count(one.bands, 'band')}" for one in wide if one.bands < max(chosen)]
    if short:
        raise SourceError(f"--bands asks for band {max(chosen)}, which is not in every file:\n{listing(short)}")
    rule, source = _scaled(wide, asked, chosen, _common_nodata(wide) if nodata is None else nodata)
    if len(wide) < len(headers):
        notes.append(f"{count(len(headers) - len(wide), '8-bit file')} copied, {count(len(wide), 'other')} rendered")
    return rule, (*notes, _say(rule, wide[0], source))


def parse_scale(text: str) -> tuple[str, tuple[float, float] | None]:
    """The kind and its two numbers, None where it takes none or `db` leaves them to the data."""
    kind, _, rest = text.strip().partition(":")
    if not rest and kind in ("db", "minmax", "none"):
        return kind, None
    if not rest and kind == "percentile":
        return kind, PERCENTS
    try:
        low, high = map(float, rest.split(","))
    except ValueError:
        low = high = math.nan
    within = kind == "db" or (kind == "percentile" and low >= 0 and high <= 100)
    if not (within and math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"--scale {text}: give db:-35,0 or percentile:1,99 (low, then high), or minmax, or none")
    return kind, (low, high)


def _for_plain(
    headers: Sequence[Header], scale: str | None, bands: tuple[int, ...] | None
) -> tuple[Rule | None, list[str]]:
    notes = []
    if scale not in (None, "none") and headers:
        notes.append(f"--scale {scale} changes nothing: all images have 8 bits already")
    return (untouched(bands) if bands else None), notes


def _refuse_plain(headers: Sequence[Header], nodata: float) -> None:
    paths = [f"{one.path}: 8 bits" for one in headers if one.content == "plain"]
    if paths:
        raise UsageError(
            f"--nodata {nodata:g} is for 16-bit, float and many-band images, and 8-bit ones are copied as they are; "
            f"leave it out, or convert these apart:\n{listing(paths)}"
        )


def _refuse_mixtures(wide: Sequence[Header]) -> None:
    by_content = {one.content: one for one in reversed(wide)}
    if "complex" in by_content:
        paths = [f"{one.path}: complex values" for one in wide if one.content == "complex"]
        raise SourceError(f"complex SAR can't be shown; detect it first (amplitude or power):\n{listing(paths)}")
    if len(by_content) > 1:
        lines = [f"{content}: {one.path}" for content, one in sorted(by_content.items())]
        raise SourceError(f"no one rule fits images of different types; convert them apart:\n{listing(lines)}")


_Asked = tuple[str, tuple[float, float] | None]


def _scaled(
    wide: Sequence[Header], asked: _Asked | None, bands: tuple[int, ...], nodata: float | None
) -> tuple[Rule, str]:
    """The rule, and what it was taken from."""
    blank = replace(untouched(bands), nodata=nodata)
    if (asked and asked[0] == "none") or (asked is None and wide[0].content == "8-bit"):
        return blank, ""
    read = _read_each(survey.evenly(wide), lambda one: survey.thin_values(one, bands, nodata))
    sample, thinned = [one for one, _ in read], [planes for _, planes in read]
    units = _units(sample, [planes[0] for planes in thinned])
    pooled = [np.concatenate(planes) for planes in zip(*thinned, strict=True)]
    kind, ends_asked = asked or _usual_kind(units)
    if kind == "minmax":
        ends = [end for _, end in _read_each(wide, lambda one: survey.extremes(one, bands, nodata))]
        low, high = np.min([end[0] for end in ends], axis=0), np.max([end[1] for end in ends], axis=0)
        taken = f"all {len(wide):,} files" if len(ends) == len(wide) else f"{len(ends):,} of {len(wide):,} files"
        return _between(replace(blank, kind=kind, units=units), low, high), taken
    if kind == "db":
        units = units if units != "counts" else _forced_units(pooled[0])
        pooled = [in_decibels(plane, units) for plane in pooled]
    rule = replace(blank, kind=kind, units=units)
    if kind == "db" and ends_asked:
        return replace(rule, low=(ends_asked[0],) * len(bands), high=(ends_asked[1],) * len(bands)), ""
    cuts = np.array([np.percentile(plane, ends_asked or PERCENTS) if plane.size else (0, 1) for plane in pooled])
    return _between(rule, cuts[:, 0], cuts[:, 1]), f"a sample of {len(sample):,} of {len(wide):,} files"


def _read_each(files: Sequence[Header], read: Callable[[Header], _Pixels]) -> list[tuple[Header, _Pixels]]:
    """What each file gives. One that breaks off is told when its turn to be converted comes, unless all do."""
    found: list[tuple[Header, _Pixels]] = []
    first: SourceError | None = None
    for one in files:
        try:
            found.append((one, read(one)))
        except SourceError as error:
            first = first or error
    if first and not found:
        raise first
    return found


def _usual_kind(units: str) -> _Asked:
    return {"dB": ("db", DECIBELS), "linear": ("db", DECIBELS), "amplitude": ("db", None)}.get(
        units, ("percentile", PERCENTS)
    )


def _forced_units(values: NDArray[np.float32]) -> str:
    """Of values that the user wants as dB and that do not look like SAR."""
    if not values.size or values.min() < 0:
        return "dB"
    return "linear" if np.median(values) < 5 else "amplitude"


def _units(sample: Sequence[Header], values: Sequence[NDArray[np.float32]]) -> str:
    """Of all files together; dB beside anything else is refused, since one rule would blacken one of them."""
    told: dict[str, Path] = {}
    for one, plane in zip(sample, values, strict=True):
        if plane.size:
            told.setdefault(survey.tell_units(one, plane), one.path)
    if len(told) > 1 and "dB" in told:
        lines = [f"{'linear or counts' if units != 'dB' else units}: {path}" for units, path in told.items()]
        raise SourceError(f"some images hold dB and others do not; bring them to one:\n{listing(lines)}")
    return next(iter(told)) if len(told) == 1 else survey.tell_units(sample[0], np.concatenate(values))


def _between(rule: Rule, low: NDArray[Any], high: NDArray[Any]) -> Rule:
    """Ends with six digits, so that the record reads well, and never equal."""
    lows = [float(f"{value:.6g}") if np.isfinite(value) else 0.0 for value in low.tolist()]
    highs = [float(f"{value:.6g}") if np.isfinite(value) else 0.0 for value in high.tolist()]
    highs = [top if top > bottom else bottom + 1 for bottom, top in zip(lows, highs, strict=True)]
    return replace(rule, low=tuple(lows), high=tuple(highs))


def _common_nodata(wide: Sequence[Header]) -> float | None:
    """NaN is no data anyway."""
    values = {one.nodata for one in wide}
    value = values.pop() if len(values) == 1 else None
    return None if value is None or math.isnan(value) else float(value)


def _say(rule: Rule, header: Header, source: str) -> str:
    named = [f"{band} ({header.names[band - 1]})" if header.names[band - 1] else str(band) for band in rule.bands]
    which = f"band{'s' * (len(named) > 1)} {', '.join(named)} of {header.bands}"
    which += f"; {rule.nodata:g} is no data" if rule.nodata is not None else ""
    if rule.kind == "none":
        return f"images are kept at 0 to 255 ({which}; see --scale, --bands)"
    meaning = {"dB": "dB", "linear": "linear power", "amplitude": "amplitude", "counts": "plain counts"}[rule.units]
    turned = ", turned into dB" if rule.kind == "db" and rule.units in FACTORS else ""
    spans = [f"{low:g} to {high:g}" for low, high in zip(rule.low, rule.high, strict=True)]
    spans = spans[:1] if len(set(spans)) == 1 else spans
    taken = f", from {source}" if source else ""
    return (
        f"images are {header.content} values taken as {meaning}{turned}: {', '.join(spans)} becomes 1 to 255 "
        f"({rule.kind}{taken}; {which}; see --scale, --bands)"
    )
