import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from seepseg.run_lengths import count_runs

bitmaps = arrays(np.uint8, st.tuples(st.integers(0, 6), st.integers(0, 6)), elements=st.integers(0, 1))


@settings(max_examples=200)
@given(bitmaps, *[st.integers(0, 3)] * 4)
def test_runs_are_those_of_the_whole_image(bitmap, left, top, right, bottom):
    whole = np.pad(bitmap, ((top, bottom), (left, right)))
    height, width = whole.shape
    counts = count_runs(bitmap, left, top, width, height).tolist()
    pixels = np.repeat(np.arange(len(counts)) % 2, counts)
    np.testing.assert_array_equal(pixels.reshape(width, height).T, whole)
    assert 0 not in counts[1:]


@settings(max_examples=50)
@given(bitmaps.filter(np.size))
def test_they_compress_to_what_pycocotools_encodes(bitmap):
    height, width = bitmap.shape
    counts = count_runs(bitmap, 0, 0, width, height)
    compressed = coco_mask.frPyObjects([{"size": [height, width], "counts": counts}], height, width)
    assert compressed == [coco_mask.encode(np.asfortranarray(bitmap))]
