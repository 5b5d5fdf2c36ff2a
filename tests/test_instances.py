import cv2
import numpy as np
from pycocotools import mask as coco_mask

from seepseg import instances, rle


def blob() -> np.ndarray:
    bitmap = np.zeros((20, 30), np.uint8)
    bitmap[3:9, 4:12] = 1
    bitmap[5:7, 6:8] = 0
    return bitmap


def test_each_component_of_each_class_is_an_instance() -> None:
    classes = np.random.default_rng(1).integers(0, 4, (40, 50), dtype=np.uint8)
    found = instances.from_classes(classes)
    for class_id in range(3):
        count = cv2.connectedComponents((classes == class_id + 1).astype(np.uint8), connectivity=8)[0] - 1
        mine = [one for one in found if one.class_id == class_id]
        assert len(mine) == count
        union = sum(rle.decode(one.rle, 50, 40).astype(int) for one in mine)
        assert np.array_equal(union, classes == class_id + 1)


def test_a_crop_gives_the_instance_of_the_whole_bitmap() -> None:
    bitmap = blob()
    whole = instances.from_bitmap(bitmap, 0)
    part = instances.from_bitmap(bitmap[2:10, 3:13], 0, x=3, y=2, width=30, height=20)
    assert whole is not None
    assert part is not None
    assert (part.rle, part.bbox, part.area) == (whole.rle, whole.bbox, whole.area)
    assert np.array_equal(part.outlines[0].points, whole.outlines[0].points)


def test_run_lengths_give_the_outlines_of_their_bitmap() -> None:
    bitmap = blob()
    whole = instances.from_bitmap(bitmap, 0)
    from_runs = instances.from_rle(rle.encode(bitmap), 30, 20, 0)
    assert whole is not None
    assert from_runs is not None
    assert np.array_equal(from_runs.outlines[0].points, whole.outlines[0].points)


def test_polygons_have_the_truth_that_pycocotools_gives() -> None:
    parts = [np.array([[2.0, 2], [9, 3], [5, 11]]), np.array([[12.0, 4], [18, 4], [18, 9], [12, 9]])]
    (one,) = instances.from_polygons([instances.Drawn(parts, 0)], 30, 20)
    assert one is not None
    expected = coco_mask.decode(coco_mask.frPyObjects([part.ravel().tolist() for part in parts], 20, 30)).any(axis=2)
    assert np.array_equal(rle.decode(one.rle, 30, 20), expected)


def test_nothing_is_no_instance() -> None:
    empty = np.zeros((4, 4), np.uint8)
    assert instances.from_bitmap(empty, 0) is None
    assert instances.from_rle(rle.encode(empty), 4, 4, 0) is None
    assert instances.from_classes(empty) == ()


def test_a_region_in_two_parts_is_one_instance_of_two_outlines() -> None:
    labels = np.zeros((5, 9), np.int32)
    labels[1:3, 1:3] = 1
    labels[1:3, 6:8] = 1
    (one,) = instances.from_regions(labels, [4])
    assert (one.class_id, one.area, len(one.outlines)) == (4, 8, 2)
