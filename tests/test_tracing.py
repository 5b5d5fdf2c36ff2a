import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from make import Bitmap
from seepseg import tracing

bitmaps = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24), elements=st.integers(0, 1)
)


@given(bitmap=bitmaps)
@settings(max_examples=150)
def test_parts_are_those_that_opencv_counts(bitmap: Bitmap) -> None:
    count, components = cv2.connectedComponents(bitmap, connectivity=8, ltype=cv2.CV_32S)
    assert [label for label, _ in tracing.trace(components)] == list(range(1, count))


@given(bitmap=bitmaps)
@settings(max_examples=150)
def test_a_ring_encloses_as_many_pixels_as_its_part_has(bitmap: Bitmap) -> None:
    components = cv2.connectedComponents(bitmap, connectivity=8, ltype=cv2.CV_32S)[1]
    for label, ring in tracing.trace(components):
        x, y = ring.points.T
        twice_area = np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)
        assert twice_area == 2 * np.count_nonzero(components == label)


def test_regions_that_touch_are_traced_apart() -> None:
    labels = np.array([[1, 1, 2], [3, 1, 2]], np.int32)
    assert [label for label, _ in tracing.trace(labels)] == [1, 2, 3]
