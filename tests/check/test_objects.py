import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from seepseg import instances, outline
from seepseg.check.faults import LabelRow
from seepseg.check.objects import crosses, inspect_objects, is_rectangle, thickness


def row_of(bitmap, line=1):
    height, width = bitmap.shape
    (one,) = instances.from_classes(bitmap)
    return LabelRow(line, 0, outline.place(one.outlines, width, height, max(width, height))[0])


def inspect(bitmaps, **options):
    rows = [row_of(bitmap, line) for line, bitmap in enumerate(bitmaps, 1)]
    height, width = bitmaps[0].shape
    return inspect_objects(rows, width, height, "a.txt", crossings=options.get("crossings", False))


def block(x, y, wide, high, side=40):
    bitmap = np.zeros((side, side), np.uint8)
    bitmap[y : y + high, x : x + wide] = 1
    return bitmap


@given(width=st.integers(1, 30), length=st.integers(1, 40))
def test_the_thickness_of_a_bar_is_its_width(width, length):
    assert thickness(np.ones((width, length), np.uint8)) == pytest.approx(min(width, length), abs=1e-5)


def test_a_ring_is_as_thick_as_its_band():
    y, x = np.ogrid[-50:51, -50:51]
    radius = np.hypot(x, y)
    assert thickness(((radius > 40) & (radius < 46)).astype(np.uint8)) == pytest.approx(5.5, abs=1)


def test_extents_are_shares_of_the_longest_side():
    _, (extent,) = inspect([block(3, 5, 20, 4)])
    assert (extent.width * 40, extent.length * 40) == pytest.approx((4, 20))


@pytest.mark.parametrize(
    ("bitmap", "code"),
    [(np.ones((40, 40), np.uint8), "object-everything"), (block(3, 3, 3, 1), "object-fragment")],
)
def test_a_suspicious_object_is_told_with_its_line(bitmap, code):
    assert inspect([bitmap])[0] == [(code, "a.txt:1")]


def test_an_object_drawn_twice_is_told_and_neighbours_are_not():
    found, _ = inspect([block(3, 3, 20, 20), block(24, 3, 10, 20), block(3, 3, 20, 20)])
    assert found == [("object-twice", "a.txt:3: as line 1")]


def test_two_objects_in_one_box_are_not_the_same():
    frame = block(3, 3, 20, 20)
    frame[5:21, 5:21] = 0
    assert inspect([block(3, 3, 20, 20), frame])[0] == []


def test_overlap_is_found_between_any_two_of_many():
    rng = np.random.default_rng(4)
    bitmaps = [block(*rng.integers(0, 4, 2), *rng.integers(30, 35, 2)) for _ in range(40)]
    pairs = [(a, b) for b in range(40) for a in range(b)]
    twice = [(a, b) for a, b in pairs if (bitmaps[a] & bitmaps[b]).sum() > 0.95 * (bitmaps[a] | bitmaps[b]).sum()]
    found = [place for code, place in inspect(bitmaps)[0] if code == "object-twice"]
    assert sorted(found) == sorted(f"a.txt:{b + 1}: as line {a + 1}" for a, b in twice)
    assert twice


def test_a_bow_tie_crosses_itself_and_a_seam_does_not():
    assert crosses(np.array([[0, 0], [1, 1], [1, 0], [0, 1]], float))
    holed = ndimage.binary_dilation(block(10, 10, 10, 10), iterations=3).astype(np.uint8)
    holed[12:15, 12:15] = 0
    assert not crosses(row_of(holed).polygon)
    assert not crosses(np.array([[0, 0], [1, 0], [1, 1]], float))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0, 0), (1, 0), (1, 1), (0, 1)], True),
        ([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], True),
        ([(0, 0), (1, 0), (1, 1), (0.1, 1)], False),
        ([(0, 0), (1, 0), (1, 1)], False),
    ],
)
def test_an_upright_box_is_a_rectangle(points, expected):
    assert is_rectangle(np.array(points, float)) is expected
