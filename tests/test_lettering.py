import numpy as np
import pytest
from PIL import Image

from seepseg.lettering import draw_caption, draw_tags, font_of, overlaps

BLUE, YELLOW = (0, 60, 160), (240, 220, 60)


def tagged(*tags, size=(300, 200), taken=()):
    picture = Image.new("RGB", size, (128, 128, 128))
    draw_tags(picture, tags, taken)
    return np.asarray(picture)


def room_of(picture, colour):
    """The box of all pixels of a colour."""
    rows, columns = np.nonzero((picture == colour).all(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_a_tag_stands_above_its_object():
    left, _, _, bottom = room_of(tagged(("oil", BLUE, (100, 100, 140, 120))), BLUE)
    assert left == 100
    assert 90 < bottom < 100


@pytest.mark.parametrize("around", [(0, 0, 20, 10), (280, 190, 300, 200), (-30, -30, 400, 300)])
def test_a_tag_stays_within_the_picture(around):
    left, top, right, bottom = room_of(tagged(("#1 oil", BLUE, around)), BLUE)
    assert min(left, top) >= 0
    assert right < 300
    assert bottom < 200


def test_tags_do_not_cover_each_other():
    around = (100.0, 100.0, 140.0, 120.0)
    picture = tagged(("oil", BLUE, around), ("ship", YELLOW, around))
    assert not overlaps(room_of(picture, BLUE), [room_of(picture, YELLOW)])


def test_a_tag_without_room_is_left_out():
    picture = tagged(("oil", BLUE, (10, 10, 20, 20)), taken=[(0, 0, 300, 200)])
    assert (picture == 128).all()


def test_letters_are_light_on_dark_colours_and_dark_on_light_ones():
    dark, light = (tagged(("MMM", colour, (50, 50, 90, 90))).astype(int).sum(axis=2) for colour in (BLUE, YELLOW))
    assert dark.max() > 700
    assert light.min() < 150


def test_a_caption_takes_the_room_that_it_says():
    picture = Image.new("RGB", (300, 200), (128, 128, 128))
    left, top, right, bottom = draw_caption(picture, "0:00.70 · frame 7")
    changed = np.argwhere((np.asarray(picture) != 128).any(axis=2))
    assert (changed.min(axis=0).tolist(), changed.max(axis=0).tolist()) == ([top, left], [bottom - 1, right])


def test_letters_of_other_scripts_are_no_boxes():
    masks = [font_of(20).getmask(letter) for letter in "нфь×²Ö"]
    assert len({bytes(mask) for mask in masks}) == len(masks)
