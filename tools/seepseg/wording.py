"""Numbers and lists as a sentence has them."""

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def count(number: int, what: str) -> str:
    """'1 group', '2 groups'."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def verb(number: int, one: str = "is", more: str = "are") -> str:
    """'is' or 'are', as the number asks."""
    return one if number == 1 else more


def enumerate_words(words: Sequence[str]) -> str:
    """'train', 'train and val', 'train, val and test'."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def suggest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """' (did you mean …?)' where something comes close, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {prefix}{close[0]}?)" if close else ""


def told_from(folder: Path, sentence: str) -> str:
    """A sentence that begins with a path, as one who stands in that folder or above it would say it."""
    ways = (f"{one}{os.sep}" for one in (folder, *folder.parents) if one.name)
    return next((sentence.removeprefix(way) for way in ways if sentence.startswith(way)), sentence)


def align(rows: Sequence[Sequence[str]]) -> str:
    """Rows of words as a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )


MOST_ABSENT = 15
"""Classes without an object that a table still has lines for."""


def shorten_classes(objects: Sequence[int]) -> tuple[list[int], str]:
    """Which classes a table shows, and the line below it: where many never occur, such as 79 of COCO's 80, it says how
    many they are and they are left out."""
    there = [class_id for class_id, number in enumerate(objects) if number]
    absent = len(objects) - len(there)
    if absent <= MOST_ABSENT:
        return list(range(len(objects))), ""
    return there, f"\n{absent:,} of {len(objects):,} classes never occur and are not shown"


def write_shares(shares: Sequence[float]) -> str:
    """'.7,.15,.15', as --split has it."""
    return ",".join(f"{share:.4g}".removeprefix("0") or "0" for share in shares)
