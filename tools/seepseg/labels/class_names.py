"""Class names as tables, file heads and messages can show them: on one line."""

import re
from collections.abc import Sequence

from seepseg.errors import SourceError, listing

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
