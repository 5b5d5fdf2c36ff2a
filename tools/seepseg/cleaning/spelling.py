"""How steps are spelled: `name:value,name`, in the order in which they are done."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from seepseg.errors import UsageError, listing
from seepseg.wording import suggest

T = TypeVar("T")
Reader = Callable[[str, str | None], T]
"""From the name of a step and what stands behind its colon, None without one; a ValueError says what is wrong."""
NONE = "none"
"""No step at all."""


def read_steps(
    text: str, readers: Mapping[str, Reader[T]], what: str, *, refused: Mapping[str, str] | None = None
) -> tuple[T, ...]:
    """Every step by the reader of its name; all that is wrong is told at once. `refused` are names that people may
    expect, and why there is no such step."""
    if text.strip() in ("", NONE):
        return ()
    steps, problems = [], []
    for word in text.split(","):
        name, colon, argument = (part.strip() for part in word.partition(":"))
        if refused and name in refused:
            problems.append(f"{what}: {name} {refused[name]}")
            continue
        if name not in readers:
            problems.append(f"{what}: no step is called {name!r}{suggest(name, readers)}")
            continue
        try:
            steps.append(readers[name](name, argument if colon else None))
        except ValueError as error:
            problems.append(f"{what}: {name}: {error}")
    if problems:
        raise UsageError(listing([*problems, f"the steps are {', '.join(readers)}; {NONE} for no step"]))
    return tuple(steps)


def read_number(argument: str | None, low: float, high: float, *, whole: bool = False, odd: bool = False) -> float:
    """The number behind a colon."""
    kind = "an odd number" if odd else "a whole number" if whole else "a number"
    wanted = f"needs {kind} from {low:g} to {high:g}"
    try:
        value = float(argument or "")
    except ValueError:
        raise ValueError(wanted + (f", not {argument}" if argument else " behind a colon")) from None
    if not low <= value <= high or (whole and not value.is_integer()) or (odd and value % 2 != 1):
        raise ValueError(f"{wanted}, not {argument}")
    return value


def refuse_argument(argument: str | None) -> None:
    """For a step that has no strength."""
    if argument is not None:
        raise ValueError(f"takes nothing behind its name, but has :{argument}")


def write_number(value: float) -> str:
    """As it is read back: the same number, whole ones without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
