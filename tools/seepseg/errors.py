"""Errors that a user can act on; the command line prints them as a sentence and exits 2.

SeepsegError
├── UsageError      a setting is wrong, or two don't go together
├── SourceError     the files to read are not what they should be
├── OutputError     the place to write to is taken, full or forbidden
├── DatasetError    a dataset folder is broken
└── MissingExtra    a package that this command needs is not installed
"""

from collections.abc import Sequence


class SeepsegError(Exception):
    """Base of all; its text is whole sentences: what is wrong, where, and what to do."""


class UsageError(SeepsegError):
    """A setting is wrong, or two don't go together."""


class SourceError(SeepsegError):
    """The files to read are not what they should be."""


class OutputError(SeepsegError):
    """The place to write to is taken, full or forbidden."""


class DatasetError(SeepsegError):
    """A dataset folder is broken."""


class MissingExtra(SeepsegError):
    """A package that this command needs is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed; run: pip install 'seepseg[{extra}]'"
        )


def listing(problems: Sequence[str], *, most: int = 20) -> str:
    """Many problems as one text, so that a user sees all of them at once."""
    lines = list(problems[:most])
    if len(problems) > most:
        lines.append(f"... and {len(problems) - most:,} more")
    return "\n".join(lines)


def advise_once(sentences: Sequence[str], *, most: int = 20) -> str:
    """The same of sentences that end with what to do: where several say the same there, it stands once below them."""
    places: dict[str, list[str]] = {}
    for sentence in sentences[:most]:
        place, _, advice = sentence.partition("; ")
        places.setdefault(advice, []).append(place)
    lines: list[str] = []
    for advice, some in places.items():
        if advice and len(some) > 1:
            lines += [*some, f"for these {len(some)}: {advice}"]
        else:
            lines += [f"{place}; {advice}" if advice else place for place in some]
    return listing([*lines, *sentences[most:]], most=len(lines))
