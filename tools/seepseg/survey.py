"""What the images of a dataset hold: types, bands and, by a sample of pixels, units."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg import filetype
from seepseg.errors import SourceError, listing
from seepseg.rasterfile import is_plain, open_raster, read_values
from seepseg.values import Window
from seepseg.wording import count, verb

FILES, SIDE = 64, 256
"""A sample is at most so many files, each thinned to so many pixels a side."""
_ROWS = 512
_SAR = re.compile(r"\b[vh][vh]\b|sentinel-?1|\bsar\b|sigma|gamma0|beta0", re.IGNORECASE)
_DECIBEL = re.compile(r"(\b|_)db\b|decibel", re.IGNORECASE)
_AMPLITUDE = re.compile(r"amplitude", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """One file, its pixels unread."""

    path: Path
    content: str
    """plain (8 bits that Ultralytics reads), 8-bit (too many bands for that), integer, float or complex."""
    bands: int
    suffix: str
    """The one that the content asks for."""
    names: tuple[str, ...] = ()
    """Of the bands, where the file gives them."""
    hints: str = ""
    """Whatever the file says about itself that may tell its units."""
    nodata: float | None = None
    coloured: bool = False
    """Its first three bands are said to be red, green and blue."""


def read_header(path: Path) -> Header | None:
    """From the first bytes where they suffice; None for what can't be read, which is told when its turn comes."""
    try:
        with path.open("rb") as file:
            head = file.read(filetype.HEAD)
    except OSError:
        return None
    kind = filetype.sniff(head)
    if len(head) == filetype.HEAD and filetype.is_eight_bit(head, kind):
        return Header(path, "plain", 3, kind)
    try:
        with open_raster(path) as dataset:
            return _from_dataset(path, dataset, kind)
    except SourceError:
        return None


def _from_dataset(path: Path, dataset: Any, kind: str) -> Header:
    if is_plain(dataset):
        content = "plain"
    elif any("complex" in dtype for dtype in dataset.dtypes):
        content = "complex"
    elif set(dataset.dtypes) == {"uint8"}:
        content = "8-bit"
    else:
        content = "float" if any("float" in dtype for dtype in dataset.dtypes) else "integer"
    names = tuple(name or "" for name in dataset.descriptions)
    tags = [f"{key}={value}" for key, value in sorted(dataset.tags().items()) if len(str(value)) < 200]
    hints = " ".join([*names, *(unit or "" for unit in dataset.units), *tags])
    colours = [one.name for one in dataset.colorinterp[:3]]
    coloured = colours == ["red", "green", "blue"]
    return Header(path, content, dataset.count, kind, names, hints, dataset.nodata, coloured)


def usual_bands(wide: Sequence[Header]) -> tuple[int, ...]:
    """The same for all files, or an error."""
    found = {_usual_of(one): one for one in reversed(wide)}
    if len(found) > 1:
        lines = [f"{one.path}: {count(one.bands, 'band')}" for one in found.values()]
        raise SourceError(f"the images differ in their bands; say which to use with --bands:\n{listing(lines)}")
    return next(iter(found))


def _usual_of(header: Header) -> tuple[int, ...]:
    names = [name.upper() for name in header.names]
    if header.bands <= 2:
        return (names.index("VV") + 1 if "VV" in names else 1,)
    if header.bands == 3 or header.coloured:
        return (1, 2, 3)
    natural = [names.index(name) + 1 for name in ("B4", "B3", "B2") if name in names]
    example = ",".join(map(str, natural if len(natural) == 3 else (4, 3, 2)))
    told = f" ({', '.join(filter(None, header.names))})" if any(header.names) else ""
    raise SourceError(
        f"{header.path}: has {header.bands} bands{told}; say which one or three to use, "
        f"such as --bands {example} for Sentinel-2's red, green and blue"
    )


def misnamed(headers: Sequence[Header]) -> list[str]:
    """A note on files whose suffix does not fit their content."""
    wrong = [one for one in headers if one.suffix and filetype.right_suffix(one.path.suffix, one.suffix) == one.suffix]
    wrong = [one for one in wrong if one.path.suffix.lower() != one.suffix]
    if not wrong:
        return []
    first = f"{wrong[0].path.name} ({wrong[0].suffix[1:]})"
    number = len(wrong)
    named = f"{count(number, 'image')} {verb(number)} named against what {verb(number, 'it holds', 'they hold')}"
    return [f"{named}, such as {first}: written with the right suffix"]


def evenly(headers: Sequence[Header]) -> list[Header]:
    """At most FILES of them, spread over all."""
    picks = np.unique(np.linspace(0, len(headers) - 1, min(FILES, len(headers))).round().astype(int))
    return [headers[pick] for pick in picks]


def thin_values(header: Header, bands: tuple[int, ...], nodata: float | None) -> list[NDArray[np.float32]]:
    """Valid values of each band, thinned to SIDE × SIDE pixels."""
    with open_raster(header.path) as dataset:
        whole = Window(0, 0, dataset.width, dataset.height)
        shape = min(SIDE, dataset.height), min(SIDE, dataset.width)
        values, valid = read_values(dataset, whole, bands, nodata, shape=shape)
    return [plane[mask] for plane, mask in zip(values, valid, strict=True)]


def extremes(
    header: Header, bands: tuple[int, ...], nodata: float | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Least and greatest valid value of each band, over every pixel; infinities where a band holds no data."""
    low, high = np.full(len(bands), np.inf, np.float32), np.full(len(bands), -np.inf, np.float32)
    with open_raster(header.path) as dataset:
        for top in range(0, dataset.height, _ROWS):
            strip = Window(0, top, dataset.width, min(_ROWS, dataset.height - top))
            values, valid = read_values(dataset, strip, bands, nodata)
            low = np.minimum(low, np.where(valid, values, np.inf).min(axis=(1, 2)))
            high = np.maximum(high, np.where(valid, values, -np.inf).max(axis=(1, 2)))
    return low, high


def tell_units(header: Header, values: NDArray[np.float32]) -> str:
    """dB, linear (power), amplitude or counts: by what the file says, else by how its values spread."""
    if _DECIBEL.search(header.hints):
        return "dB"
    if not values.size:
        return "counts"
    low, middle, high = np.percentile(values, [1, 50, 99])
    if header.content == "float" and middle < -3 and low > -80 and high < 40:
        return "dB"
    if low < 0 or header.bands > 4:
        return "counts"
    if _AMPLITUDE.search(header.hints):
        return "amplitude"
    if _SAR.search(header.hints):
        return "linear" if header.content == "float" and middle < 5 else "amplitude"
    # Speckle and bright targets give power a long tail; pictures brought to 0..1 end at 1.
    tail = header.bands <= 2 and 0 < middle < 1 and high > 1.5 * middle and not 0.98 < values.max() <= 1
    return "linear" if header.content == "float" and tail else "counts"
