"""What a visitor looks at on the page Analyse: files handed in, or an example."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from seepseg.app import look, session
from seepseg.app.examples import EXAMPLES
from seepseg.app.intake import Intake, Taken, take

_TAKEN, _EXAMPLE, _UPLOADS = "analyse taken", "analyse example", "analyse uploads"


def choose_file() -> Taken | None:
    """The file to look at; None before there is one."""
    uploads = st.file_uploader(
        "Images, scenes, a short video, or a zip of them",
        accept_multiple_files=True,
        key=_UPLOADS,
        on_change=_forget_example,
        help="PNG, JPEG, TIFF, GeoTIFF, MP4 and others. Nobody else sees them, and they are removed when you leave.",
    )
    titles = [example.title for example in EXAMPLES]
    picked = st.pills("Or try an example (simulated radar images)", titles, key=_EXAMPLE)
    example = next((one for one in EXAMPLES if one.title == picked), None)
    given: Sequence[Any] = [example] if example else uploads or []
    if not given:
        return None
    intake, first = _take(given, example.file if example else "/".join(one.file_id for one in given))
    look.refused(intake.refused)
    return _one_of(intake.files, first)


def sha_of(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _forget_example() -> None:
    """Whoever hands something in wants to see that."""
    st.session_state[_EXAMPLE] = None


def _take(given: Sequence[Any], mark: str) -> tuple[Intake, int]:
    """Once for the same files, those of before being removed; and the first of the files that were added to them."""
    known, before, first = st.session_state.get(_TAKEN) or ("", Intake((), ()), 0)
    if known == mark and all(one.path.is_file() for one in before.files):
        return before, first
    place = session.folder("analyse")
    shutil.rmtree(place, ignore_errors=True)
    intake = take(given, place / hashlib.sha256(mark.encode()).hexdigest()[:12])
    first = len(before.files) if known and mark.startswith(f"{known}/") and len(intake.files) > len(before.files) else 0
    st.session_state[_TAKEN] = (mark, intake, first)
    return intake, first


def _one_of(files: Sequence[Taken], first: int) -> Taken | None:
    if len(files) < 2:
        return files[0] if files else None
    numbers = range(len(files))
    chosen = st.selectbox(
        f"Look at one of {len(files):,}",
        numbers,
        index=first,
        format_func=lambda index: f"{index + 1}. {files[index].name}",
        key=f"analyse file {files[0].path.parent.name}",
    )
    return files[chosen or 0]
