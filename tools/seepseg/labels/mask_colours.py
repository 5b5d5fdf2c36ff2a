"""A file that says which colour of a mask means what, in the forms that datasets ship."""

import re
from pathlib import Path

from seepseg.errors import SourceError, listing

_GAP = r"[\s,;:]+"
_RGB = rf"(?P<red>\d+){_GAP}(?P<green>\d+){_GAP}(?P<blue>\d+)"
_NAME = r"[\"']?(?P<name>[^\"',;]+?)[\"']?"
_RGB_NAME = re.compile(rf"{_RGB}{_GAP}{_NAME}")
_NAME_RGB = re.compile(rf"{_NAME}{_GAP}{_RGB}")
_HEX_NAME = re.compile(rf"#(?P<hex>[0-9a-fA-F]{{6}}){_GAP}{_NAME}")
_NAME_HEX = re.compile(rf"{_NAME}{_GAP}#(?P<hex>[0-9a-fA-F]{{6}})")

Colours = tuple[tuple[int, str], ...]
"""Colour as one number (red, green, blue from the highest byte) and its name, in the order of the file."""


def read_colour_table(path: Path) -> Colours:
    """Lines of `name r g b`, `r g b name` or `#rrggbb name`, divided by spaces, tabs or commas; a name may come twice.

    Comments begin with # or //; a first line without numbers is a heading.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read as a colour table ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path}: cannot be read as a colour table (it is not UTF-8 text)") from None
    found: dict[int, str] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        text = line.strip().rstrip(":,;").strip()
        if not text or text.startswith("//") or (text[0] == "#" and not _HEX_NAME.fullmatch(text)):
            continue
        entry = _read_line(text)
        if entry is None:
            if found or re.search(r"\d", text):
                problems.append(f"{path}:{number}: '{text}' is not a colour and a name, as in: 128 0 32 oil")
        elif entry[0] in found:
            problems.append(f"{path}:{number}: {colour_text(entry[0])} is {found[entry[0]]} already")
        else:
            found[entry[0]] = entry[1]
    if not found and not problems:
        problems.append(f"{path}: holds no colours")
    if problems:
        raise SourceError(listing(problems))
    return tuple(found.items())


def colour_text(colour: int) -> str:
    """A colour as #rrggbb."""
    return f"#{colour:06x}"


def _read_line(text: str) -> tuple[int, str] | None:
    for form in (_HEX_NAME, _NAME_HEX):
        if match := form.fullmatch(text):
            return int(match["hex"], 16), match["name"].strip()
    for form in (_RGB_NAME, _NAME_RGB):
        if match := form.fullmatch(text):
            red, green, blue = (int(match[part]) for part in ("red", "green", "blue"))
            if max(red, green, blue) > 255:
                return None
            return red << 16 | green << 8 | blue, match["name"].strip()
    return None
