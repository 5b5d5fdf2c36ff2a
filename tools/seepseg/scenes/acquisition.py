"""When a scene was acquired: from what the file says of itself, or from the name of a Sentinel-1 product."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

_IN_NAME = re.compile(r"(?<!\d)(\d{8}t\d{6})(?!\d)", re.IGNORECASE)


def acquired_at(path: Path, tags: Mapping[str, str]) -> str | None:
    """As ISO text, the first of several times. The time that TIFF itself knows is of the file rather than of the sea,
    so that it comes last."""
    named = sorted(key for key in tags if key.upper().startswith("ACQUISITION"))
    for text in [tags[key] for key in named]:
        if time := _parse(text):
            return time.isoformat()
    for name in (path.name, path.parent.name, path.parent.parent.name):
        if (found := _IN_NAME.search(name)) and (time := _parse(found[1].upper())):
            return time.replace(tzinfo=UTC).isoformat()
    time = _parse(tags.get("TIFFTAG_DATETIME", ""))
    return time.isoformat() if time else None


def _parse(text: str) -> datetime | None:
    """ISO in any of its forms, or a date with colons as TIFF has it."""
    try:
        return datetime.fromisoformat(re.sub(r"^(\d{4}):(\d\d):(\d\d) ", r"\1-\2-\3 ", text.strip()))
    except ValueError:
        return None
