"""Class names as tables, file heads and messages can show them: on one line."""

import re
from collections.abc import Collection, Sequence

from seepseg.errors import SourceError, UsageError, listing
from seepseg.wording import enumerate_words

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def clean_names(names: Sequence[str]) -> tuple[str, ...]:
    """Line breaks, tabs and other control characters become single spaces; names must differ after that too."""
    cleaned = tuple(_BLANKS.sub(" ", name).strip() for name in names)
    first: dict[str, str] = {}
    problems = []
    for name, clean in zip(names, cleaned, strict=True):
        other = first.setdefault(clean, name)
        if not clean:
            problems.append(f"class name {name!r} is blank")
        elif other is not name:
            problems.append(f"class names {other!r} and {name!r} are both {clean!r}")
    if problems:
        raise SourceError(f"give each class a name of its own:\n{listing(problems)}")
    return cleaned


def tell_cases(names: Sequence[str], *, merge: bool = False) -> list[str]:
    """A note on names that capitals alone tell apart: often they are meant as one class. `merge` is whether --merge is
    there to make them one."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    notes = []
    for some in alike.values():
        way_out = f"--merge '{some[-1]}={','.join(some)}' makes" if merge else "the same label for all of them makes"
        if len(some) > 1:
            notes.append(
                f"classes {enumerate_words(some)} differ in capitals alone and are not one; {way_out} them one"
            )
    return notes


def read_merges(names: Collection[str], merge: Sequence[str]) -> dict[str, str]:
    """Old name → new, of the names that a "NEW=a,b" makes one; "" renames none."""
    renamed: dict[str, str] = {}
    for text in filter(None, merge):
        new, equals, old = text.partition("=")
        merged = [name.strip() for name in old.split(",")]
        new = new.strip()
        if not equals or not new or not all(merged):
            raise UsageError(f"--merge {text}: write NEW=a,b, or put a plain --merge last")
        if unknown := [name for name in merged if name not in names]:
            raise UsageError(
                f"--merge {text}: no category is called {', '.join(unknown)}; there are {', '.join(sorted(names))}"
            )
        if new in names and new not in merged:
            raise UsageError(
                f"--merge {text}: {new} is a category itself; name it among those to merge, or choose another"
            )
        if twice := [name for name in merged if name in renamed]:
            raise UsageError(f"--merge {text}: {', '.join(twice)} is merged already")
        renamed |= dict.fromkeys(merged, new)
    return renamed
