from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from make_video import write_film
from predict.conftest import picture
from seepseg.app.progress_line import words
from seepseg.app.settings import ROOT
from seepseg.app.video_panel import read_tracks

SCRIPT = "from seepseg.app.main import _show\n_show('analyse')"


@pytest.mark.slow
def test_a_short_video_becomes_a_film_with_a_table(
    app_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT, str(app_root))
    frames: list[Any] = [np.ascontiguousarray(picture(64, 64, 1)) for _ in range(4)]
    film = write_film(tmp_path / "sea.mp4", frames)
    page = AppTest.from_string(SCRIPT, default_timeout=120).run()
    page.file_uploader[0].set_value([("sea.mp4", film.read_bytes(), "video/mp4")]).run()
    next(one for one in page.button if "Find" in one.label).click().run()
    assert not page.exception
    assert not page.error
    assert "in 4 frames" in page.subheader[0].value
    assert page.get("video")
    assert any("film" in one.label for one in page.download_button)


def test_tracks_are_read_as_people_want_them(tmp_path: Path) -> None:
    head = "track,class,first_frame,last_frame,first_seconds,last_seconds,frames_seen,frames_filled"
    tail = "mean_confidence,max_confidence,area_max_px,area_first_px,area_last_px"
    (tmp_path / "tracks.csv").write_text(f"{head},{tail}\n3,oil,0,9,0.0,0.9,9,1,0.5,0.75,120,100,110\n")
    (track,) = read_tracks(tmp_path / "tracks.csv")
    assert (track["no."], track["class"], track["to"], track["confidence"]) == (3, "oil", 0.9, 0.75)


def test_progress_says_what_is_left() -> None:
    assert words("Looking", "tile", 10, 40, 5.0) == "Looking: tile 10 of 40, 15 s left"
    assert words("Looking", "tile", 1, 101, 6.0) == "Looking: tile 1 of 101, 10 min left"
    assert words("Looking", "frame", 7, None, 6.0) == "Looking: 7 frames"
