import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from make import ragged, thin
from seepseg.predict.components import find_components

maps = arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 2))


def pictures_of(components, shape):
    """Class and pixels of each, in an order of their own."""
    found = set()
    for one in components:
        bitmap, x, y = one.crop
        whole = np.zeros(shape, np.uint8)
        whole[y : y + bitmap.shape[0], x : x + bitmap.shape[1]] = bitmap
        found.add((one.class_id, whole.tobytes()))
    assert len(found) == len(components)
    return found


def pictures_by_scipy(classes):
    found = set()
    for value in np.unique(classes[classes > 0]):
        labels, count = ndimage.label(classes == value, np.ones((3, 3)))
        found |= {(int(value) - 1, (labels == one).astype(np.uint8).tobytes()) for one in range(1, count + 1)}
    return found


@settings(max_examples=200)
@given(maps)
def test_parts_are_those_of_scipy(classes):
    components = find_components(classes, np.ones(classes.shape, np.float32))
    assert pictures_of(components, classes.shape) == pictures_by_scipy(classes)


def test_parts_of_ragged_and_thin_masks_are_those_of_scipy():
    rng = np.random.default_rng(0)
    classes = np.maximum(ragged(rng, 120, 90) * 2, thin(rng, 120, 90)).astype(np.uint16)
    components = find_components(classes, np.ones(classes.shape, np.float32))
    assert len(components) > 50
    assert pictures_of(components, classes.shape) == pictures_by_scipy(classes)


def test_a_spiral_is_one_part():
    spiral = np.ones((41, 41), np.uint16)
    for ring in range(0, 20, 2):
        spiral[ring + 1, ring : 40 - ring] = 0
        spiral[ring + 1 : 40 - ring, 39 - ring] = 0
        spiral[39 - ring, ring + 1 : 40 - ring] = 0
        spiral[ring + 3 : 40 - ring, ring + 1] = 0
    expected = pictures_by_scipy(spiral)
    assert pictures_of(find_components(spiral, np.ones((41, 41), np.float32)), (41, 41)) == expected


def test_the_mean_is_over_the_pixels_of_the_part():
    classes = np.array([[1, 0, 2], [1, 0, 2]], np.uint16)
    values = np.array([[0.25, 9, 0.5], [0.75, 9, 1.0]], np.float32)
    assert [(one.class_id, one.mean) for one in find_components(classes, values)] == [(0, 0.5), (1, 0.75)]


def test_crops_are_tight():
    classes = np.zeros((9, 9), np.uint16)
    classes[2:4, 5:8] = 1
    (one,) = find_components(classes, np.ones((9, 9), np.float32))
    assert (one.crop[0].shape, one.crop[1:]) == ((2, 3), (5, 2))
