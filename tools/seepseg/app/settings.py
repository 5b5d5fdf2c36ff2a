"""What the server was started with: said once by `seepseg app`, read by every page.

It goes through the environment, as the server may be a process of its own.
"""

import os
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

MODELS, FOLDERS, ROOT = "SEEPSEG_APP_MODELS", "SEEPSEG_APP_FOLDERS", "SEEPSEG_APP_ROOT"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the pages may read on this machine, beside what visitors upload."""

    root: Path
    """Where runs/ and datasets/ lie."""
    models: tuple[Path, ...] = ()
    """More folders, runs or bundles to look for models in."""
    folders: tuple[Path, ...] = ()
    """Images that every visitor may see and have predicted."""

    @property
    def runs(self) -> Path:
        """What training writes to."""
        return self.root / "runs"

    @property
    def datasets(self) -> Path:
        """What conversion writes to."""
        return self.root / "datasets"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Those of this process; without any, runs/ and datasets/ are looked for in the working directory."""
    return Settings(
        Path(environment.get(ROOT) or Path.cwd()),
        _read_paths(environment.get(MODELS, "")),
        _read_paths(environment.get(FOLDERS, "")),
    )


def as_environment(settings: Settings) -> dict[str, str]:
    """For the process that the server runs in."""
    return {
        ROOT: os.path.abspath(settings.root),
        MODELS: _write_paths(settings.models),
        FOLDERS: _write_paths(settings.folders),
    }


def name_apart(place: Path, taken: Container[str]) -> str:
    """Its last folder, or as many of its last ones as nothing else is called by: visitors see no more of the server."""
    parts = place.absolute().parts
    names = ("/".join(parts[-many:]) for many in range(1, len(parts) + 1))
    return next((name for name in names if name not in taken), str(place))


def _read_paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(part) for part in text.split(os.pathsep) if part)


def _write_paths(paths: Iterable[Path]) -> str:
    return os.pathsep.join(map(os.path.abspath, paths))
