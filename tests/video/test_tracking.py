import importlib.util
from collections.abc import Sequence

import numpy as np
import pytest

from make_video import Slick, block, draw, fray, pieces, prediction
from seepseg.errors import MissingExtra, UsageError
from seepseg.values import Detection, Prediction
from seepseg.video import identities
from seepseg.video.tracking import TRACKERS, Tracker, check_tracker

LIMITS = (0.3, 0.6)


def follow(frames: Sequence[Sequence[Detection]], tracker: Tracker | None = None) -> list[list[int]]:
    """Identities, by frame in the order of detections."""
    tracker = tracker or Tracker("bytetrack", LIMITS)
    found = []
    for detections in frames:
        names = {id(one.detection): one.identity for one in tracker.follow(prediction(*detections))}
        found.append([names.get(id(one), 0) for one in detections])
    return found


@pytest.mark.parametrize("kind", TRACKERS)
def test_every_tracker_keeps_the_identity_of_a_drifting_slick(kind: str) -> None:
    frames = [[block(10 + step, 20, 30, 10), block(60, 60 + step, 10, 20)] for step in range(8)]
    assert follow(frames, Tracker(kind, LIMITS)) == [[1, 2]] * 8


def test_slicks_that_cross_keep_their_identities() -> None:
    frames = [[block(5 + 3 * step, 40, 20, 6), block(75 - 3 * step, 34, 6, 20)] for step in range(20)]
    assert follow(frames) == [[1, 2]] * 20


def test_a_slick_out_of_sight_for_some_frames_is_the_same_afterwards() -> None:
    one = [block(10, 20, 30, 10)]
    assert [names for names in follow([one, one, [], [], [], one, one]) if names] == [[1]] * 4


def test_the_pieces_of_a_slick_that_breaks_up_keep_its_identity() -> None:
    whole, parts = [block(10, 20, 60, 8)], [block(10, 20, 26, 8), block(44, 20, 26, 8)]
    assert follow([whole] * 3 + [parts] * 3 + [whole] * 2) == [[1]] * 3 + [[1, 1]] * 3 + [[1]] * 2


def test_a_slick_on_another_place_is_another_slick() -> None:
    assert follow([[block(0, 0, 20, 10)], [block(60, 60, 20, 10)]]) == [[1], [2]]


def test_another_class_on_the_same_place_is_another_slick_for_the_mender() -> None:
    oil, ship = block(10, 10, 60, 8), block(12, 11, 8, 6, class_id=1)
    assert follow([[oil], [oil], [oil, ship]])[-1] == [1, 2]


def test_a_slick_seen_in_one_frame_alone_is_not_lost() -> None:
    assert follow([[], [], [block(5, 5, 10, 10)], []])[2] == [1]


def test_a_weak_detection_goes_on_with_a_track() -> None:
    strong, weak = block(10, 10, 20, 10, score=0.8), block(10, 10, 20, 10, score=0.2)
    assert follow([[strong], [strong], [weak], [strong]]) == [[1]] * 4


def test_a_weak_detection_begins_no_track() -> None:
    assert follow([[block(10, 10, 20, 10, score=0.2)]] * 3) == [[0]] * 3


def test_each_class_has_its_own_limit() -> None:
    frames = [[block(0, 0, 9, 9, score=0.5), block(50, 50, 9, 9, score=0.5, class_id=1)]]
    assert follow(frames) == [[1, 0]]


def test_a_score_has_to_be_above_the_limit() -> None:
    assert follow([[block(0, 0, 9, 9, score=0.3)], [block(0, 0, 9, 9, score=0.301)]]) == [[0], [1]]


def test_limits_at_either_end_are_limits() -> None:
    frames = [[block(0, 0, 9, 9, score=0.1), block(50, 50, 9, 9, score=0.9, class_id=1)]]
    assert follow(frames, Tracker("bytetrack", (0.0, 1.0))) == [[1, 0]]


def test_frames_without_a_detection_are_frames() -> None:
    assert follow([[], [], []]) == [[], [], []]


def test_masks_take_most_switches_of_identity_away(monkeypatch: pytest.MonkeyPatch) -> None:
    mended = switches()
    monkeypatch.setattr(identities, "SAME", 2.0)  # more than any mask can share
    assert mended <= switches() / 4


def switches() -> int:
    """Over two ragged slicks that drift and break up, how often the identity of the largest piece changes."""
    rng = np.random.default_rng(1)
    slicks = [
        Slick(40, 40, 30, 9, 0.5, (0.4, 0.2), 0.01, 1, (12, 26)),
        Slick(90, 95, 35, 8, 2.4, (-0.3, 0), 0, 4, (20, 34)),
    ]
    tracker, last, changes = Tracker("bytetrack", (0.3,)), {}, 0
    for frame in range(40):
        owner = {}
        for number, slick in enumerate(slicks):
            if rng.random() > 0.1:
                for one in pieces(fray(draw(slick, frame, 128), rng, 1.0), float(rng.uniform(0.35, 0.9))):
                    owner[id(one)] = (number, one)
        seen = tracker.follow(Prediction(128, 128, tuple(one for _, one in owner.values())))
        for number in {number for number, _ in owner.values()}:
            own = [one for one in seen if owner[id(one.detection)][0] == number]
            largest = max(own, key=lambda one: one.detection.mask.sum()).identity
            changes += last.get(number, largest) != largest
            last[number] = largest
    return changes


def test_an_unknown_tracker_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"no tracker bytetrak \(did you mean bytetrack\?\)"):
        check_tracker("bytetrak")


def test_without_lap_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"lap.*seepseg\[video\]"):
        check_tracker("bytetrack")
