"""The beginning of a file that is still being downloaded."""

import json
import os
from pathlib import Path

from seepseg.sources.web import hide_query


class Partial:
    """The beginning of a file on disk, and which version of the file it belongs to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes = path.with_name(path.name + ".json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url: str) -> str | None:
        """What to name in If-Range: the ETag or date of the version that the part is of."""
        try:
            notes = json.loads(self.notes.read_text(encoding="utf-8"))
            return notes["version"] if notes["url"] == hide_query(url) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, url: str, version: str | None) -> None:
        """Empty, of this version; a key in the link is not written down."""
        self.path.write_bytes(b"")
        self.notes.write_text(json.dumps({"url": hide_query(url), "version": version}), encoding="utf-8")

    def discard(self) -> None:
        """Nothing of it is kept."""
        self.path.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """It is whole: give it its name."""
        os.replace(self.path, target)
        self.notes.unlink(missing_ok=True)
