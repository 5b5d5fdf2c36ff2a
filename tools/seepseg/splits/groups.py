"""Which images must stay together, told from their names or from a file."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from seepseg.errors import SourceError, UsageError, listing
from seepseg.wording import count

_KNOWN_NAMES = (
    # A Roboflow export holds several augmented versions of a picture: only the hash differs.
    ("source image", re.compile(r"(.+)_(?:jpe?g|png|bmp|tiff?|webp)\.rf\.[0-9A-Za-z]{16,}")),
    ("scene", re.compile(r"(.+)\.\d+")),
    ("scene", re.compile(r"(.+?)[_-](?:x\d+[_-]?y|r(?:ow)?\d+[_-]?c(?:ol)?)\d+")),
)
_BARE_GRID = re.compile(r"(.+)[_-](\d{1,5})[_-](\d{1,5})")
_YEAR = re.compile(r"(?:^|\D)(?:19|20)\d\d$")


def recognise_groups(stems: Sequence[str], regex: str | None) -> tuple[tuple[str | None, ...], str | None]:
    """The group of each stem, and a sentence on how it was found; None where an image is its own group.

    Without a regex, names are recognised where nearly all have one form and some share a group.
    """
    if regex is not None:
        captured = _capture(stems, regex)
        return captured, _describe(stems, captured, "group", "--group") if stems else None
    for what, pattern in _KNOWN_NAMES:
        matches = [pattern.fullmatch(stem) for stem in stems]
        found = tuple(match and match[1] for match in matches)
        if _unmistakable(found):
            return found, _describe(stems, found, what)
    found = _bare_grid(stems)
    if _unmistakable(found):
        return found, _describe(stems, found, "scene")
    return (None,) * len(stems), None


def read_groups(path: Path) -> dict[str, str]:
    """A CSV of stem,group lines, such as `check --near` prints; a heading `stem,group` is passed over."""
    groups: dict[str, str] = {}
    problems = []
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: not readable as CSV text: {error}") from None
    for number, row in enumerate(rows, 1):
        words = [word.strip() for word in row]
        if not any(words) or (number == 1 and words == ["stem", "group"]):
            continue
        if len(words) != 2 or not all(words):
            problems.append(f"{path}:{number}: not a line of the form stem,group")
        elif groups.setdefault(words[0], words[1]) != words[1]:
            problems.append(f"{path}:{number}: {words[0]} is already in group {groups[words[0]]}")
    if problems:
        raise SourceError(listing(problems))
    return groups


def _capture(stems: Sequence[str], regex: str) -> tuple[str, ...]:
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise UsageError(f"--group {regex}: not a regular expression: {error}") from None
    if not pattern.groups:
        raise UsageError(f"--group {regex}: has no capture; put the part that names the group in ( )")
    found = [match[1] if (match := pattern.search(stem)) else None for stem in stems]
    problems = [
        f"--group {regex}: captures nothing in {stem}" for stem, group in zip(stems, found, strict=True) if not group
    ]
    if problems:
        raise UsageError(listing(problems))
    return tuple(group for group in found if group)


def _unmistakable(found: Sequence[str | None]) -> bool:
    """Nearly all names have the form, and some share a group."""
    matched = [group for group in found if group]
    return len(matched) >= 0.9 * len(found) and len(set(matched)) < len(matched)


def _bare_grid(stems: Sequence[str]) -> tuple[str | None, ...]:
    """SCENE_ROW_COL without letters, where rows and columns do form grids: dates and counters do not."""
    matches = [_BARE_GRID.fullmatch(stem) for stem in stems]
    tiles: dict[str, set[tuple[int, int]]] = {}
    for match in matches:
        if match:
            tiles.setdefault(match[1], set()).add((int(match[2]), int(match[3])))
    grids = sum(_is_grid(scene, cells) for scene, cells in tiles.items())
    if grids < 2 or grids < 0.9 * len(tiles):
        return (None,) * len(stems)
    return tuple(match and match[1] for match in matches)


def _is_grid(scene: str, cells: set[tuple[int, int]]) -> bool:
    rows, columns = {row for row, _ in cells}, {column for _, column in cells}
    if _YEAR.search(scene) and max(rows) <= 12 and max(columns) <= 31:
        return False
    full = 2 * len(cells) >= len(rows) * len(columns)
    # As many cells as rows is a counter with a label behind it, such as patient and diagnosis.
    return full and len(cells) > max(len(rows), len(columns))


def _describe(stems: Sequence[str], found: Sequence[str | None], what: str, by: str | None = None) -> str:
    example = next(index for index, group in enumerate(found) if group)
    groups = {group for group in found if group}
    alone = sum(group is None for group in found)
    rest = f", {count(alone, 'other name')} on their own" if alone else ""
    return f"grouped by {by or what}: {stems[example]} → {found[example]} ({count(len(groups), what)}{rest})"
