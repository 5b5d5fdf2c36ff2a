from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from make_scene_objects import UTM_31, block, found, grid_at
from seepseg.scenes import map_panel
from seepseg.scenes.map_labels import draw_labels
from seepseg.scenes.map_paint import paint_objects

SIZE = (400, 300)


@pytest.fixture
def boxes(monkeypatch):
    """Where numbers are written."""
    places = []
    draw = ImageDraw.ImageDraw.rounded_rectangle
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "rounded_rectangle", lambda self, box, *how: (places.append(box), draw(self, box, *how))
    )
    return places


def label(objects):
    classes = paint_objects(objects, SIZE, SIZE)
    numbered = [(one, number) for number, one in enumerate(objects, 1)]
    draw_labels(Image.new("RGB", SIZE), numbered, classes, grid_at(*UTM_31, SIZE), map_panel.type_of(16))
    return classes


def test_a_number_stands_beside_its_object_and_not_on_it(boxes):
    classes = label([found(block(40, 6), 200, 150)])
    ((left, top, right, bottom),) = boxes
    assert not classes[top : bottom + 1, left : right + 1].any()
    assert abs((left + right) / 2 - 220) < 60
    assert abs((top + bottom) / 2 - 153) < 60


def test_of_several_parts_the_largest_is_pointed_at(monkeypatch):
    """The middle of all of them lies nearest to the small one between."""
    mask = np.zeros((9, 200), np.uint8)
    mask[:, :40] = mask[:, 170:] = mask[4, 95] = 1
    lines = []
    draw = ImageDraw.ImageDraw.line
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "line", lambda self, ends, *how: (lines.append(ends), draw(self, ends, *how))
    )
    label([found(mask, 100, 150)])
    assert lines
    assert all(100 <= x < 140 and 150 <= y < 159 for x, y, _, _ in lines)


@pytest.mark.parametrize("corner", [(0, 0), (390, 0), (0, 290), (390, 290)])
def test_it_stays_within_the_picture(boxes, corner):
    label([found(block(10, 10), *corner)])
    ((left, top, right, bottom),) = boxes
    assert left >= 0
    assert top >= 0
    assert (right < SIZE[0], bottom < SIZE[1]) == (True, True)


def test_numbers_never_overlap(boxes):
    label([found(block(6, 6), 190 + 7 * (index % 3), 140 + 7 * (index // 3)) for index in range(10)])
    assert len(boxes) >= 8
    for a, b in combinations(boxes, 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


def test_a_picture_too_small_for_a_number_has_none():
    tiny = Image.new("RGB", (8, 8))
    one = found(block(2, 2), 3, 3)
    draw_labels(tiny, [(one, 1)], np.ones((8, 8), np.int32), grid_at(*UTM_31, (8, 8)), map_panel.type_of(16))
    assert not np.asarray(tiny).any()
