import csv
import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from make import write_image
from make_video import block, prediction, write_film
from seepseg.errors import OutputError, UsageError
from seepseg.values import Detection
from seepseg.video.identities import Identities
from seepseg.video.run import VideoSummary, predict_video

Say = Callable[[int], Sequence[Detection]]
SIZE = 100


class Seer:
    """Says of each frame, in order, what it is told to; holds what every model has beside."""

    names, path, sha256, engine, imgsz = ("oil", "ship"), Path("seer.pt"), "0" * 64, "torch", 96
    input = SimpleNamespace(rule=None)

    def __init__(self, say: Say) -> None:
        self.say, self.frame, self.conf = say, 0, None

    def predict(self, images: Sequence[np.ndarray], *, conf: Any, **settings: Any) -> list[Any]:
        self.conf = conf
        said = [prediction(*self.say(self.frame + at), size=SIZE) for at in range(len(images))]
        self.frame += len(images)
        return said


def two(frame: int) -> list[Detection]:
    """A slick that drifts, missing in frame 6; from frame 10 on a ship."""
    slick = [block(10 + frame, 20, 30, 10, score=0.8)] if frame != 6 else []
    return slick + ([block(60, 70, 8, 6, class_id=1, score=0.9)] if frame >= 10 else [])


def go(tmp_path: Path, say: Say = two, frames: int = 15, **settings: Any) -> VideoSummary:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8) for _ in range(frames)]
    film = write_film(tmp_path / "a.avi", pictures, code="MJPG")
    return predict_video(Seer(say), film, tmp_path / "out", limits=(0.3, 0.3), **settings)  # type: ignore[arg-type]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def count_frames(film: Path) -> int:
    reader, count = cv2.VideoCapture(str(film)), 0
    while reader.read()[0]:
        count += 1
    return count


def test_the_annotated_film_has_as_many_frames_of_the_same_size(tmp_path: Path) -> None:
    summary = go(tmp_path)
    film = cv2.VideoCapture(str(tmp_path / "out" / "a.mp4"))
    assert count_frames(tmp_path / "out" / "a.mp4") == summary.frames == 15
    assert film.read()[1].shape == (SIZE, SIZE, 3)
    assert film.get(cv2.CAP_PROP_FPS) == 10


def test_tracks_say_where_each_slick_begins_and_ends(tmp_path: Path) -> None:
    assert go(tmp_path).tracks == 2
    slick, ship = rows(tmp_path / "out" / "tracks.csv")
    assert [slick[key] for key in ("track", "class", "first_frame", "last_frame")] == ["1", "oil", "0", "14"]
    assert [slick[key] for key in ("frames_seen", "frames_filled", "area_max_px")] == ["14", "1", "300"]
    assert [ship[key] for key in ("class", "first_seconds", "mean_confidence")] == ["ship", "1.000", "0.9000"]


def test_rows_by_frame_add_up_to_what_was_said(tmp_path: Path) -> None:
    go(tmp_path, smooth=1)
    said = [one for frame in range(15) for one in two(frame)]
    table = rows(tmp_path / "out" / "tracks_by_frame.csv")
    assert len(table) == len(said)
    assert sum(int(row["area_px"]) for row in table) == sum(int(one.mask.sum()) for one in said)


def test_a_filled_frame_is_marked_and_has_no_confidence(tmp_path: Path) -> None:
    go(tmp_path)
    filled = [row for row in rows(tmp_path / "out" / "tracks_by_frame.csv") if row["state"] == "filled"]
    assert [(row["frame"], row["confidence"], row["area_px"]) for row in filled] == [("6", "", "300")]


def test_masks_and_identities_of_each_frame_on_request(tmp_path: Path) -> None:
    go(tmp_path, save=("masks", "instances"), smooth=1)
    masks = cv2.imread(str(tmp_path / "out" / "masks" / "000012.png"), cv2.IMREAD_UNCHANGED)
    owners = cv2.imread(str(tmp_path / "out" / "instances" / "000012.png"), cv2.IMREAD_UNCHANGED)
    assert np.bincount(masks.ravel()).tolist() == [SIZE * SIZE - 348, 300, 48]
    assert owners.dtype == np.uint16
    assert not (tmp_path / "out" / "a.mp4").exists()


def test_only_every_fourth_frame_is_looked_at(tmp_path: Path) -> None:
    summary = go(tmp_path, every=4, smooth=1)
    assert (summary.frames, summary.seconds) == (4, pytest.approx(1.6))
    assert {row["frame"] for row in rows(tmp_path / "out" / "tracks_by_frame.csv")} == {"0", "4", "8", "12"}


def test_progress_counts_up_to_the_whole(tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    go(tmp_path, on_progress=lambda done, total: steps.append((done, total)))
    assert steps == [(at, 15) for at in range(1, 16)]


def test_a_class_that_flickers_does_not_change_the_slick(tmp_path: Path) -> None:
    go(tmp_path, lambda frame: [block(20, 20, 30, 10, class_id=int(frame == 4), score=0.7)])
    (slick,) = rows(tmp_path / "out" / "tracks.csv")
    assert (slick["class"], slick["frames_seen"]) == ("oil", "15")


def test_nothing_found_is_a_film_without_slicks(tmp_path: Path) -> None:
    assert go(tmp_path, lambda frame: []).tracks == 0
    assert rows(tmp_path / "out" / "tracks.csv") == []
    assert count_frames(tmp_path / "out" / "a.mp4") == 15


def test_the_record_says_what_made_it(tmp_path: Path) -> None:
    go(tmp_path)
    record = json.loads((tmp_path / "out" / "video.json").read_text())
    assert (record["source"], record["frames"], record["tracks"]) == ("a.avi", 15, 2)
    assert record["limits"] == {"oil": 0.3, "ship": 0.3}


def test_ctrl_c_leaves_a_shorter_film_that_is_whole(tmp_path: Path) -> None:
    def stop(frame: int) -> list[Detection]:
        if frame == 5:
            signal.raise_signal(signal.SIGINT)
        return two(frame)

    summary = go(tmp_path, stop, batch=2)
    assert summary.stopped
    assert any("stopped after 6 frames" in note for note in summary.notes)
    assert count_frames(tmp_path / "out" / "a.mp4") == 6
    assert {row["frame"] for row in rows(tmp_path / "out" / "tracks_by_frame.csv")} == set("012345")


def test_a_second_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    def stop(frame: int) -> list[Detection]:
        if frame in (2, 3):
            signal.raise_signal(signal.SIGINT)
        return two(frame)

    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, stop)
    assert [path.name for path in tmp_path.iterdir()] == ["a.avi"]


def test_an_error_half_way_leaves_nothing(tmp_path: Path) -> None:
    def fail(frame: int) -> list[Detection]:
        if frame == 9:
            raise OSError(28, "No space left on device")
        return two(frame)

    with pytest.raises(OSError, match="No space"):
        go(tmp_path, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["a.avi"]


def test_a_folder_that_is_taken_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    go(tmp_path)
    with pytest.raises(OutputError, match="already there"):
        go(tmp_path)
    assert go(tmp_path, overwrite=True).frames == 15


def test_a_number_that_a_mask_cannot_hold_is_told_and_the_film_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Identities, "_new", lambda self: 65_536)
    summary = go(tmp_path, frames=5, save=("csv", "instances"), smooth=1)
    assert "1 slick with numbers above 65,535 is not in instances/" in summary.notes[-1]
    assert not cv2.imread(str(tmp_path / "out" / "instances" / "000003.png"), cv2.IMREAD_UNCHANGED).any()
    assert [row["track"] for row in rows(tmp_path / "out" / "tracks.csv")] == ["65536"]


def test_a_sequence_of_pictures_becomes_a_film_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for at in range(11):
        write_image(tmp_path / "in" / f"s{at}.png", rng.integers(0, 256, (SIZE, SIZE), np.uint8))
    (tmp_path / "in" / "s4.png").write_bytes(b"")
    model: Any = Seer(two)
    summary = predict_video(model, tmp_path / "in", tmp_path / "out", limits=(0.3, 0.3), save=("overlays", "masks"))
    assert count_frames(tmp_path / "out" / "in.mp4") == summary.frames == 10
    assert "1 frame unreadable, and left out" in summary.notes[0]
    assert (tmp_path / "out" / "masks" / "s10.png").is_file()


def test_a_point_in_the_name_of_a_folder_begins_no_suffix(tmp_path: Path) -> None:
    write_image(tmp_path / "pass 2.1" / "1.png", np.zeros((SIZE, SIZE), np.uint8))
    model: Any = Seer(two)
    predict_video(model, tmp_path / "pass 2.1", tmp_path / "out", limits=(0.3, 0.3), save=("overlays",))
    assert (tmp_path / "out" / "pass 2.1.mp4").is_file()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"smooth": 4}, "--smooth 4"),
        ({"every": 0}, "--every 0"),
        ({"fps": 0.0}, "--fps 0: give frames per second"),
        ({"fps": float("inf")}, "--fps inf"),
        ({"save": ["mask"]}, "did you mean masks"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        go(tmp_path, frames=1, **settings)


def test_detections_are_asked_for_below_the_limits(tmp_path: Path) -> None:
    model: Any = Seer(two)
    write_image(tmp_path / "in" / "1.png", np.zeros((SIZE, SIZE), np.uint8))
    predict_video(model, tmp_path / "in", tmp_path / "out", limits=(0.4, 0.6))
    assert model.conf == [0.2, 0.3]
