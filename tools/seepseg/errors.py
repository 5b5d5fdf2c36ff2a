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
