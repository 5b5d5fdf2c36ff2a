from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from seepseg.video.film import CODECS, best_codec, open_film


def write(path: Path, count: int, height: int, width: int, codec: str) -> cv2.VideoCapture:
    with open_film(path, Fraction(30000, 1001), codec) as add:
        for at in range(count):
            add(np.full((height, width, 3), (10 * at, 60, 200), np.uint8))
    return cv2.VideoCapture(str(path))


@pytest.mark.parametrize("codec", CODECS)
def test_the_film_read_back_has_its_frames_size_speed_and_colours(tmp_path: Path, codec: str) -> None:
    film = write(tmp_path / "a.mp4", 9, 48, 64, codec)
    frames = [frame for read, frame in (film.read() for _ in range(10)) if read]
    assert (len(frames), frames[0].shape, film.get(cv2.CAP_PROP_FPS)) == (
        9,
        (48, 64, 3),
        pytest.approx(29.97, abs=0.01),
    )
    assert np.abs(frames[5].mean(axis=(0, 1)) - (200, 60, 50)).max() < 6


def test_odd_sides_become_even(tmp_path: Path) -> None:
    film = write(tmp_path / "a.mp4", 2, 47, 63, best_codec())
    assert film.read()[1].shape == (48, 64, 3)


def test_h264_is_taken_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    assert best_codec() == "mpeg4"
    monkeypatch.setattr(av, "codecs_available", {"mpeg4", "libx264"})
    assert best_codec() == "libx264"
