import numpy as np

from make_video import block
from seepseg.palette import colour_of
from seepseg.video.annotate import annotate
from seepseg.video.frames import Frame
from seepseg.video.timeline import Slick, State

NAMES = ("oil", "Ölfilm")


def painted(state: State = "found", class_id: int = 0, size: int = 200) -> np.ndarray:
    frame = Frame(7, 0.7, np.full((size, size), 100, np.uint8), "7", "0:00.70 · frame 7")
    slick = Slick(3, block(80, 60, 40, 30, class_id=class_id), state)
    return annotate(frame, [slick], NAMES, lambda identity: class_id)


def test_a_slick_is_edged_and_veiled_in_the_colour_of_its_class() -> None:
    picture = painted(class_id=1)
    assert tuple(picture[60, 80]) == colour_of(1)
    assert tuple(picture[75, 100]) not in (colour_of(1), (100, 100, 100))


def test_a_filled_slick_is_an_outline_alone() -> None:
    picture = painted("filled")
    assert tuple(picture[60, 100]) == colour_of(0)
    assert tuple(picture[75, 100]) == (100, 100, 100)


def test_pixels_away_from_slick_tag_and_time_stay_as_they_are() -> None:
    picture = painted()
    assert (picture[100:180, 130:] == 100).all()
    assert picture.shape == (200, 200, 3)


def test_a_frame_too_small_for_words_is_still_painted() -> None:
    frame = Frame(0, 0, np.full((6, 6), 100, np.uint8), "0", "0:00.00 · frame 0")
    assert annotate(frame, [Slick(1, block(0, 0, 6, 6), "found")], NAMES, lambda identity: 0).shape == (6, 6, 3)
