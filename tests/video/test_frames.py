import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from make import write_image
from make_video import write_film
from seepseg.errors import MissingExtra, SeepsegError, SourceError
from seepseg.video import decoding
from seepseg.video.frames import is_video, open_clip


def greys(count: int, width: int = 32, height: int = 24) -> list[np.ndarray]:
    """Frames that differ by what codecs keep."""
    return [np.full((height, width, 3), 20 + 8 * at, np.uint8) for at in range(count)]


def levels(source: Path, **settings: int) -> list[int]:
    return [round((float(frame.pixels.mean()) - 20) / 8) for frame in open_clip(source, **settings).frames]


@pytest.mark.parametrize(("suffix", "code"), [(".mp4", "mp4v"), (".avi", "MJPG"), (".avi", "FFV1")])
def test_a_video_comes_frame_by_frame_with_its_times(tmp_path: Path, suffix: str, code: str) -> None:
    film = write_film(tmp_path / f"a{suffix}", greys(7), fps=5, code=code)
    clip = open_clip(film)
    frames = list(clip.frames)
    assert [round((frame.pixels.mean() - 20) / 8) for frame in frames] == list(range(7))
    assert [frame.seconds for frame in frames] == pytest.approx([at / 5 for at in range(7)])
    assert (clip.total, float(clip.fps)) == (7, 5)


def test_every_third_frame_keeps_its_number(tmp_path: Path) -> None:
    clip = open_clip(write_film(tmp_path / "a.mp4", greys(8)), every=3)
    assert [frame.index for frame in clip.frames] == [0, 3, 6]
    assert (clip.total, float(clip.fps)) == (3, pytest.approx(10 / 3))


def test_pixels_are_those_that_opencv_reads(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (24, 32, 3), np.uint8) for _ in range(2)]
    film = write_film(tmp_path / "a.avi", frames, code="HFYU")
    reader = cv2.VideoCapture(str(film))
    for frame in open_clip(film).frames:
        assert np.abs(frame.pixels.astype(int) - reader.read()[1]).max() <= 1


@pytest.mark.parametrize("turn", [(0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, -1)])
def test_a_film_that_the_camera_held_turned_is_shown_upright(tmp_path: Path, turn: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (3, 4, 3), np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    film = write_film(tmp_path / "a.mp4", [coarse])
    data, a, b, c, d = film.read_bytes(), *(one << 16 for one in turn)
    matrix = data.index(b"tkhd") + 4 + 40
    film.write_bytes(data[:matrix] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[matrix + 36 :])
    (frame,) = open_clip(film).frames
    expected = cv2.VideoCapture(str(film)).read()[1]
    assert frame.pixels.shape == expected.shape
    assert np.abs(frame.pixels.astype(int) - expected).mean() < 3


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(SourceError, match="is empty"):
        open_clip(tmp_path / "a.mp4")


@pytest.mark.parametrize("part", [3, 7])
def test_a_file_without_its_index_is_refused(tmp_path: Path, part: int) -> None:
    whole = write_film(tmp_path / "a.mp4", greys(9)).read_bytes()
    film = tmp_path / "a.mp4"
    film.write_bytes(whole[: len(whole) * part // 10])
    with pytest.raises(SourceError, match=r"a\.mp4: .* cut off"):
        open_clip(film)


def test_a_video_that_ends_early_gives_what_is_there_and_counts_the_rest(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    film = write_film(tmp_path / "a.avi", [rng.integers(0, 256, (24, 32, 3), np.uint8) for _ in range(20)], code="MJPG")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    clip = open_clip(film)
    seen = len(list(clip.frames))
    assert 5 <= seen < 20
    assert seen + sum(clip.troubles.counts.values()) >= 20


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(SourceError, match="holds no pictures"):
        open_clip(tmp_path / "a.mkv")


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = write_film(tmp_path / "a.mp4", greys(1))
    monkeypatch.setattr(decoding.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"seepseg\[video\]"):
        open_clip(film)


def test_a_folder_of_pictures_comes_in_natural_order(tmp_path: Path) -> None:
    for at, picture in enumerate(greys(12)):
        write_image(tmp_path / f"frame{at}.png", picture)
    assert levels(tmp_path) == list(range(12))
    assert levels(tmp_path, every=5) == [0, 5, 10]


def test_a_picture_of_another_size_is_brought_to_the_first(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", greys(1)[0])
    write_image(tmp_path / "2.png", greys(1, 64, 48)[0])
    clip = open_clip(tmp_path)
    assert [frame.pixels.shape for frame in clip.frames] == [(24, 32, 3)] * 2
    assert dict(clip.troubles.counts) == {"of another size, and brought to that of the first": 1}


def test_a_picture_of_another_shape_is_left_out_and_counted(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", greys(1)[0])
    write_image(tmp_path / "2.png", greys(1, 64, 20)[0])
    clip = open_clip(tmp_path)
    assert len(list(clip.frames)) == 1
    assert dict(clip.troubles.counts) == {"of another shape than the first, and left out": 1}


def test_an_unreadable_picture_is_left_out_and_counted(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", greys(1)[0])
    (tmp_path / "2.png").write_bytes(b"")
    write_image(tmp_path / "3.png", greys(1)[0])
    clip = open_clip(tmp_path)
    assert [frame.index for frame in clip.frames] == [0, 2]
    assert dict(clip.troubles.counts) == {"unreadable, and left out": 1}


def test_pictures_none_of_which_can_be_read_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "2.png").write_bytes(b"no picture")
    with pytest.raises(SeepsegError, match="no frame can be read"):
        list(open_clip(tmp_path).frames)


def test_a_video_is_known_by_its_name_or_its_first_bytes(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", greys(1))
    film.rename(tmp_path / "b.bin")
    (tmp_path / "c.mov").write_bytes(b"")
    assert is_video(tmp_path / "b.bin")
    assert is_video(tmp_path / "c.mov")


def test_pictures_folders_and_what_is_not_there_are_no_videos(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", greys(1)[0]).rename(tmp_path / "a.mp4")
    assert not any(map(is_video, (tmp_path, tmp_path / "a.mp4", tmp_path / "b.mp4")))
