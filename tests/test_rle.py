import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from seepseg import rle

label_images = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12), elements=st.integers(0, 4)
)


@given(labels=label_images)
@settings(max_examples=300)
def test_regions_encode_as_pycocotools_encodes_each(labels: np.ndarray) -> None:
    expected = [coco_mask.encode(np.asfortranarray(labels == k, np.uint8))["counts"] for k in range(1, 5)]
    assert rle.encode_labels(labels, 4) == expected


@given(labels=label_images, x=st.integers(0, 5), y=st.integers(0, 5))
@settings(max_examples=200)
def test_a_crop_encodes_as_the_full_bitmap_does(labels: np.ndarray, x: int, y: int) -> None:
    crop = (labels > 1).astype(np.uint8)
    full = np.pad(crop, ((y, 2), (x, 3)))
    if crop.any():
        assert rle.encode_crop(crop, x, y, full.shape[1], full.shape[0]) == rle.encode(full)


def test_area_and_box_are_those_of_the_bitmap() -> None:
    bitmap = np.zeros((9, 7), np.uint8)
    bitmap[2:5, 3:6] = 1
    assert rle.measure([rle.encode(bitmap)], 7, 9) == [(9, (3, 2, 3, 3))]


def test_decoding_gives_the_bitmap_back() -> None:
    bitmap = (np.random.default_rng(0).random((30, 20)) < 0.3).astype(np.uint8)
    assert np.array_equal(rle.decode(rle.encode(bitmap), 20, 30), bitmap)
