"""What the values of a mask mean: background, a class, neither (ignored), or nothing that anybody said."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels.mask_colours import Colours, colour_text
from seepseg.labels.mask_files import NAN

IGNORED, UNNAMED = 254, 255
"""In a class map, beside 0 for background and class id + 1."""

ONES = (1, 255, 65535)
"""What masks of two values write for "yes"."""

_WIDEST_RANGE = 70_000
_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?")


@dataclass(frozen=True, slots=True)
class ValueTable:
    """Value → class, ascending in value; hashable, so that workers build their lookup once."""

    names: tuple[str, ...]
    classes: tuple[tuple[int, int], ...]
    """Value and class id."""
    background: tuple[int, ...]
    ignore: tuple[int, ...] = ()
    single: tuple[int, ...] = ()
    """Values of which one file may hold only one: 1 or 255, whichever it writes for "yes"."""
    colours: Colours | None = None

    def say(self, value: int) -> str:
        """A value as the user knows it: with colours #rrggbb and its name."""
        if self.colours is None:
            return "nan" if value == NAN else str(value)
        name = dict(self.colours).get(value)
        return f"{colour_text(value)} {name}" if name else colour_text(value)


def parse_values(text: str, flag: str) -> tuple[int, ...]:
    """'255,-1', '0-4', 'nan' or 'none' as numbers, in the order given."""
    values: list[int] = []
    for word in (part.strip() for part in text.split(",")):
        match = _RANGE.fullmatch(word)
        if match:
            low, high = int(match[1]), int(match[2] or match[1])
            if not 0 <= high - low < _WIDEST_RANGE:
                raise UsageError(f"{flag} {text}: {word} is not a range from low to high, or too wide")
            values += range(low, high + 1)
        elif word.lower() == "nan":
            values.append(NAN)
        elif text.strip().lower() != "none":
            raise UsageError(f"{flag} {text}: '{word}' is not a whole number, a range such as 0-4, or none")
    return tuple(dict.fromkeys(values))


def index_table(
    names: Sequence[str], *, values: str | None, background: str | None, ignore: str | None, found: Iterable[set[int]]
) -> ValueTable:
    """The table for masks of numbers. `found` yields the values of mask after mask; it is only looked at where the
    background is given and the classes' values are not: they are then what remains, ascending."""
    left_out = parse_values(ignore or "none", "--ignore")
    if values:
        wanted = parse_values(values, "--values")
        if len(wanted) != len(names):
            raise UsageError(f"--values {values}: {len(wanted)} values for {len(names)} names ({', '.join(names)})")
        empty = (
            () if background is None and {0} & {*wanted, *left_out} else parse_values(background or "0", "--background")
        )
        return _table(names, wanted, empty, left_out)
    if background is None:
        wanted = tuple(islice((value for value in count(1) if value not in left_out), len(names)))
        empty = () if 0 in left_out else (0,)
        return binary_table(names[0], left_out) if len(names) == 1 else _table(names, wanted, empty, left_out)
    empty = parse_values(background, "--background")
    return _table(names, _remaining(names, {*empty, *left_out}, found), empty, left_out)


def binary_table(name: str, ignore: Sequence[int] = (), *, invert: bool = False) -> ValueTable:
    """Masks of two values: 0, and 1 or 255; the larger is the class, or with `invert` the background."""
    ones = tuple(value for value in ONES if value not in ignore)
    if invert:
        return ValueTable((name,), ((0, 0),), ones, tuple(ignore), single=ones)
    return ValueTable((name,), tuple((value, 0) for value in ones), (0,), tuple(ignore), single=ones)


def colour_table(
    colours: Colours, names: Sequence[str] | None, *, background: str | None, ignore: str | None
) -> ValueTable:
    """The table for masks in colour: background and ignored ones by name or #rrggbb; black is background if nothing
    else is said, and every other colour a class, or those of `names`."""
    left_out = _colours_of(ignore, colours, "--ignore")
    by_name = [colour for colour, name in colours if name in (names or ())]
    empty = _colours_of(background, colours, "--background")
    if background is None and 0 not in (*left_out, *by_name):
        empty = (0,)
    kept = [(colour, name) for colour, name in colours if colour not in (*empty, *left_out)]
    chosen = tuple(names or dict.fromkeys(name for _, name in kept))
    known = {name for _, name in colours}
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise UsageError(
            f"--names {', '.join(unknown)}: not in the colour table, which has {', '.join(sorted(known))}"
            if unknown
            else "the colour table leaves no class beside background and ignored colours"
        )
    classes = [(colour, chosen.index(name)) for colour, name in colours if name in chosen]
    return _checked(ValueTable(chosen, tuple(sorted(classes)), empty, left_out, colours=colours))


def describe(table: ValueTable) -> str:
    """The table as one sentence."""
    parts = [f"{_listed(table, table.background)} = background"] if table.background else ["no background value"]
    for class_id, name in enumerate(table.names):
        mine = [value for value, owner in table.classes if owner == class_id]
        parts.append(f"{_listed(table, mine)} = {name}")
    if table.ignore:
        parts.append(f"{_listed(table, table.ignore)} = ignored")
    return f"mask values: {'; '.join(parts)}"


def classify(values: NDArray[Any], table: ValueTable) -> NDArray[np.uint8]:
    """Each value as class id + 1, 0, IGNORED or UNNAMED."""
    if values.dtype == np.uint8:
        return cv2.LUT(values, _byte_lookup(table)).reshape(values.shape)  # type: ignore[return-value]
    keys, codes = _lookup(table)
    at = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    found: NDArray[np.uint8] = np.where(keys[at] == values, codes[at], np.uint8(UNNAMED))
    return found


def ranges(values: Iterable[int]) -> str:
    """1,2,3,7 as '1-3, 7', which --ignore and --background take back."""
    parts: list[list[int]] = []
    for value in sorted(values):
        if parts and value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def _listed(table: ValueTable, values: Sequence[int]) -> str:
    if len(values) > 1 and tuple(values) == table.single:
        return f"{', '.join(map(str, values[:-1]))} or {values[-1]}"
    if table.colours is not None or NAN in values:
        return ", ".join(table.say(value) for value in values)
    return ranges(values)


def _remaining(names: Sequence[str], known: set[int], found: Iterable[set[int]]) -> tuple[int, ...]:
    """The values beside the known ones, once masks have shown as many as there are names."""
    values: set[int] = set()
    for one in found:
        values |= one - known
        if len(values) >= len(names):
            break
    if len(values) != len(names):
        shown = ranges(values) or "none"
        raise SourceError(
            f"beside background and ignored values the masks hold {shown}, which is {len(values)} values for "
            f"{len(names)} names; say which value each name has with --values"
        )
    return tuple(sorted(values))


def _colours_of(text: str | None, colours: Colours, flag: str) -> tuple[int, ...]:
    found: list[int] = []
    problems = []
    for word in (part.strip() for part in (text or "none").split(",")):
        named = [colour for colour, name in colours if name.casefold() == word.casefold()]
        if re.fullmatch(r"#[0-9a-fA-F]{6}", word):
            found.append(int(word[1:], 16))
        elif named:
            found += named
        elif word.lower() != "none":
            problems.append(f"{flag} {word}: neither a name of the colour table nor a colour such as #8000ff")
    if problems:
        raise UsageError(listing(problems))
    return tuple(found)


def _table(names: Sequence[str], wanted: Sequence[int], background: Sequence[int], ignore: Sequence[int]) -> ValueTable:
    classes = tuple(sorted(zip(wanted, range(len(names)), strict=True)))
    return _checked(ValueTable(tuple(names), classes, tuple(background), tuple(ignore)))


def _checked(table: ValueTable) -> ValueTable:
    roles: dict[int, str] = {}
    problems = []
    groups = [
        ("background", table.background),
        ("ignored", table.ignore),
        *((table.names[class_id], (value,)) for value, class_id in table.classes),
    ]
    for role, values in groups:
        for value in values:
            if value in roles:
                problems.append(f"mask value {table.say(value)} is both {roles[value]} and {role}")
            roles[value] = role
    if len(table.names) >= IGNORED:
        problems.append(f"{len(table.names)} classes are more than the {IGNORED - 1} that one dataset can hold")
    if problems:
        raise UsageError(listing(problems))
    return table


def _codes(table: ValueTable) -> Iterator[tuple[int, int]]:
    yield from ((value, class_id + 1) for value, class_id in table.classes)
    yield from ((value, 0) for value in table.background)
    yield from ((value, IGNORED) for value in table.ignore)


@lru_cache(maxsize=16)
def _byte_lookup(table: ValueTable) -> NDArray[np.uint8]:
    lookup = np.full(256, UNNAMED, np.uint8)
    for value, code in _codes(table):
        if 0 <= value <= 255:
            lookup[value] = code
    return lookup


@lru_cache(maxsize=16)
def _lookup(table: ValueTable) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    pairs = sorted(_codes(table))
    return np.array([value for value, _ in pairs], np.int64), np.array([code for _, code in pairs], np.uint8)
