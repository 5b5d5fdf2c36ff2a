from collections.abc import Sequence

import numpy as np

from make_video import block
from seepseg.values import Detection
from seepseg.video.frames import Frame
from seepseg.video.timeline import Slick, settle
from seepseg.video.tracking import Sighting


def shown(seen: Sequence[Sequence[Detection]], smooth: int) -> list[list[Slick]]:
    """All detections are of slick 1."""
    frames = [Frame(at, at / 10, np.zeros((50, 50), np.uint8), str(at), str(at)) for at in range(len(seen))]
    sightings = [[Sighting(1, one, weak=one.score < 0.3) for one in own] for own in seen]
    settled = list(settle(zip(frames, sightings, strict=True), smooth))
    assert [frame for frame, _ in settled] == frames
    return [slicks for _, slicks in settled]


def states(seen: Sequence[Sequence[Detection]], smooth: int) -> list[str]:
    return [" ".join(slick.state for slick in slicks) for slicks in shown(seen, smooth)]


ONE = [block(10, 10, 8, 8)]


def test_a_short_gap_is_filled_and_marked() -> None:
    assert states([ONE, ONE, [], ONE, ONE], 5) == ["found", "found", "filled", "found", "found"]


def test_nothing_is_filled_before_the_first_sighting_or_after_the_last() -> None:
    assert states([[], [], ONE, ONE, [], []], 5) == ["", "", "found", "found", "", ""]


def test_a_long_gap_stays_open() -> None:
    assert states([ONE, [], [], [], [], ONE], 5) == ["found", "", "", "", "", "found"]


def test_without_a_window_everything_stays_as_it_was_found() -> None:
    assert states([ONE, [], ONE], 1) == ["found", "", "found"]
    assert shown([ONE], 1)[0][0].detection.box == ONE[0].box


def test_a_filled_mask_is_that_of_the_last_frame() -> None:
    assert np.array_equal(shown([ONE, [], ONE], 3)[1][0].detection.mask, ONE[0].mask)


def test_weak_sightings_are_marked() -> None:
    assert states([ONE, [block(10, 10, 8, 8, score=0.2)], ONE], 1) == ["found", "weak", "found"]


def test_pieces_are_one_slick_with_the_score_of_the_surest() -> None:
    (slick,) = shown([[block(0, 0, 4, 4, score=0.5), block(10, 0, 4, 4, score=0.7)]], 1)[0]
    assert (slick.detection.mask.sum(), slick.detection.score, slick.detection.box) == (32, 0.7, (0, 0, 14, 4))


def test_a_mask_that_moves_out_of_the_frame_is_cut_at_its_edge() -> None:
    slick = shown([[block(x, 10, 8, 8)] for x in (36, 39, 42)] + [[]] + [[block(42, 10, 8, 8)]], 5)[3][0]
    assert slick.detection.x + slick.detection.mask.shape[1] <= 50


def test_a_detection_without_a_pixel_stays_a_sighting() -> None:
    empty = Detection(0, 0.9, (3, 3, 5, 5), np.zeros((0, 0), np.uint8), 3, 3)
    assert states([[empty]] * 3, 3) == ["found"] * 3
