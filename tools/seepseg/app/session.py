"""Folders of one visitor: nobody else sees them, and they go when the visit ends, or the server, or the day.

Every server process has a folder of its own, and holds a lock in it while it lives: what a killed one left behind is
known by its lock being free, and removed by the next one.
"""

import atexit
import fcntl
import os
import re
import shutil
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st

from seepseg.app.settings import read_settings
from seepseg.errors import UsageError

IDLE_HOURS = 4.0
"""Files that nobody asked for so long are removed although the page is still open somewhere."""
_PREFIX = f"seepseg-app-{os.getuid()}-"
_KEY = "seepseg visit"
_ROUND_SECONDS = 600


@dataclass(frozen=True, slots=True, weakref_slot=True)
class _Visit:
    """Lives in the session's state, and its folder dies with it."""

    root: Path


def folder(name: str) -> Path:
    """A folder of this visitor alone; what was put there may be gone after hours of rest."""
    if not name or name.startswith(".") or "/" in name:
        raise UsageError(f"{name!r}: not a name for a folder")
    visit = st.session_state.get(_KEY)
    if visit is None:
        visit = st.session_state[_KEY] = _begin()
    place: Path = visit.root / name
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.utime(visit.root)
    return place


def without_folders(text: str) -> str:
    """A sentence that does not tell where on the server the visitor's files lie, or those that the pages read."""
    visit = st.session_state.get(_KEY)
    if visit is not None:
        text = text.replace(f"{visit.root}{os.sep}", "").replace(str(visit.root), "your files")
    given = read_settings()
    around = {given.root, *(place.parent for place in (*given.models, *given.folders))}
    for place in sorted((one for one in around if one != one.parent), key=lambda one: -len(one.parts)):
        text = re.sub(rf"(?<![\w./-]){re.escape(f'{place}{os.sep}')}", "", text)
    return text


def sweep(idle_hours: float = IDLE_HOURS) -> None:
    """Remove the folders of visitors who did not ask for them so long."""
    for root in _home().iterdir():
        with suppress(OSError):
            if root.is_dir() and time.time() - root.stat().st_mtime > 3600 * idle_hours:
                shutil.rmtree(root, ignore_errors=True)


def _begin() -> _Visit:
    visit = _Visit(Path(tempfile.mkdtemp(prefix="visit-", dir=_home())))
    weakref.finalize(visit, shutil.rmtree, visit.root, ignore_errors=True)
    return visit


@cache
def _home() -> Path:
    """Of this process; leftovers of dead ones go now."""
    _remove_leftovers(Path(tempfile.gettempdir()))
    home = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _hold(home)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    threading.Thread(target=_sweep_for_ever, name="sweep", daemon=True).start()
    return home


def _hold(home: Path) -> None:
    """The file stays open, and locked, as long as the process lives."""
    descriptor = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_leftovers(folder: Path) -> None:
    for home in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if home.is_symlink() or home.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(home / "lock", os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(home, ignore_errors=True)
            finally:
                os.close(descriptor)


def _sweep_for_ever() -> None:
    while True:
        time.sleep(_ROUND_SECONDS)
        with suppress(OSError):
            sweep()
