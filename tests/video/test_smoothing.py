import numpy as np
import pytest

from make_video import Slick, draw, fray
from seepseg.crops import area_of, common, trim
from seepseg.predict.masks import Crop
from seepseg.video.smoothing import steady


def square(x: int, side: int = 6) -> Crop:
    return np.ones((side, side), np.uint8), x, 10


def iou(one: Crop, other: Crop) -> float:
    both = common(one, other)
    return both / (area_of(one) + area_of(other) - both)


def test_masks_that_agree_stay_as_they_are() -> None:
    mask, x, y = steady([square(4)] * 5)
    assert (x, y, mask.tolist()) == (4, 10, np.ones((6, 6)).tolist())


def test_a_blot_in_one_frame_is_outvoted() -> None:
    assert area_of(steady([square(4), square(4), square(4, side=20), square(4), square(4)])) == 36


def test_a_moving_slick_is_where_it_is_now() -> None:
    assert steady([square(x) for x in (0, 3, 6, 9, 12)])[1:] == (6, 10)


def test_a_slow_drift_is_not_followed() -> None:
    assert iou(steady([square(4), square(4), square(4), square(5), square(5)]), square(4)) == 1


def test_a_gap_is_filled_with_the_last_mask_moved_on() -> None:
    assert iou(steady([square(0), square(3), None, square(9), square(12)]), square(6)) == 1


def test_nothing_seen_gives_nothing() -> None:
    assert area_of(steady([None, None, None])) == 0


@pytest.mark.parametrize("drift", [(0.0, 0.0), (1.5, 0.5)])
def test_noisy_masks_come_nearer_to_the_truth(drift: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    slick = Slick(40, 60, 30, 9, 0.4, drift, seed=2)
    truth = [trim((draw(slick, frame, 128), 0, 0)) for frame in range(15)]
    seen = [trim((fray(draw(slick, frame, 128), rng, 1.5), 0, 0)) for frame in range(15)]
    before = np.mean([iou(seen[at], truth[at]) for at in range(2, 13)])
    after = np.mean([iou(steady(seen[at - 2 : at + 3]), truth[at]) for at in range(2, 13)])
    assert after > before + 0.03
