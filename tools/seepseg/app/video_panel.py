"""A short video on the page: slicks followed through its frames, the annotated film and the table of tracks."""

import csv
from pathlib import Path
from typing import Any

import streamlit as st

from seepseg.app import downloads, look, session
from seepseg.app.analysis import in_turn
from seepseg.app.intake import Taken
from seepseg.app.models import Loaded
from seepseg.app.progress_line import showing
from seepseg.predict.confidence import choose_confidence
from seepseg.video.run import VideoSummary, predict_video
from seepseg.wording import count

_WIDE = 720
"""Pixels at most: a film is looked at as a whole."""
_EVERY = {"every frame": 1, "every 2nd": 2, "every 5th": 5, "every 10th": 10}


def show_video(loaded: Loaded, taken: Taken, sha: str) -> None:
    """The film as it came, and once it was looked at, with what was found in it."""
    every = st.segmented_control("Look at", list(_EVERY), default="every frame", key=f"every {sha[:12]}")
    place = session.folder("video") / f"{sha[:12]}-{loaded.model.sha256[:12]}-{_EVERY[every or 'every frame']}"
    done = st.session_state.get(f"video {place.name}")
    if done is None or not place.is_dir():
        if not st.button("Find slicks in the video", type="primary", icon=":material/play_arrow:"):
            st.video(taken.path, width=_WIDE)
            return
        done = _look(loaded, taken, place, _EVERY[every or "every frame"])
        st.session_state[f"video {place.name}"] = done
    _show(done, place, taken.name)


def _look(loaded: Loaded, taken: Taken, place: Path, every: int) -> VideoSummary:
    confidence = choose_confidence(loaded.model, None)
    with showing("Looking at the video", "frame") as on_progress:
        return predict_video(
            in_turn(loaded),
            taken.path,
            place,
            limits=confidence.limits,
            every=every,
            on_progress=on_progress,
            overwrite=place.exists(),
        )


def _show(done: VideoSummary, place: Path, name: str) -> None:
    found = count(done.tracks, "potential slick") if done.tracks else "No potential slick"
    st.subheader(f"{found} in {count(done.frames, 'frame')}, {done.seconds:.1f} s")
    film = next(place.glob("*.mp4"), None)
    if film:
        st.video(film, width=_WIDE)
    tracks = read_tracks(place / "tracks.csv")
    if tracks:
        st.dataframe(tracks, hide_index=True, column_config=_columns())
    else:
        st.caption("Nothing in it was sure enough to be followed.")
    for note in done.notes:
        st.caption(look.plain(note))
    stem = Path(name).stem
    st.download_button(
        "Download film and tables (.zip)",
        lambda: downloads.zipped(_read(place)),
        f"{stem}-seepseg.zip",
        "application/zip",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )


def read_tracks(file: Path) -> list[dict[str, Any]]:
    """What a visitor wants to know of each slick."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [
            {
                "no.": int(row["track"]),
                "class": row["class"],
                "from": float(row["first_seconds"]),
                "to": float(row["last_seconds"]),
                "frames": int(row["frames_seen"]),
                "confidence": float(row["max_confidence"]),
                "largest": int(row["area_max_px"]),
            }
            for row in csv.DictReader(lines)
        ]


def _columns() -> dict[str, Any]:
    return {
        **look.grouped("frames"),
        **look.grouped("largest", form="%,d px"),
        "from": st.column_config.NumberColumn(format="%.1f s"),
        "to": st.column_config.NumberColumn(format="%.1f s"),
        "confidence": st.column_config.NumberColumn(format="%.2f"),
    }


def _read(place: Path) -> downloads.Files:
    return {path.name: path.read_bytes() for path in sorted(place.iterdir()) if path.is_file()}
