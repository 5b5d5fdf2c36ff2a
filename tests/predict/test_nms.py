import numpy as np
import pytest

from seepseg.predict.nms import CLASS_STEP, suppress


def crowd(count, seed, *, classes=3, spread=60):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, spread, (count, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 40, (count, 2))]).astype(np.float32)
    scores = rng.random(count).round(2).astype(np.float32)
    return boxes, scores, rng.integers(0, classes, count)


@pytest.mark.parametrize(
    ("count", "iou", "seed"), [(0, 0.7, 0), (1, 0.7, 1), (200, 0.7, 2), (900, 0.3, 3), (900, 0.9, 4)]
)
def test_what_stays_is_what_torchvision_keeps(torch, count, iou, seed):
    from torchvision.ops import nms

    boxes, scores, classes = crowd(count, seed)
    moved = torch.from_numpy(boxes + classes[:, None].astype(np.float32) * CLASS_STEP)
    expected = nms(moved, torch.from_numpy(scores), iou).tolist()
    assert suppress(boxes, scores, classes, iou=iou, most=count).tolist() == expected


def test_the_first_so_many_stay():
    boxes, scores, classes = crowd(800, 5, spread=400)
    everything = suppress(boxes, scores, classes, iou=0.5, most=800)
    assert len(everything) > 300
    np.testing.assert_array_equal(suppress(boxes, scores, classes, iou=0.5, most=300), everything[:300])


def test_classes_do_not_suppress_each_other():
    boxes = np.array([[0, 0, 10, 10]] * 3, np.float32)
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    assert suppress(boxes, scores, np.array([0, 1, 0]), iou=0.5, most=9).tolist() == [1, 2]


def test_boxes_without_area_stay():
    boxes = np.zeros((2, 4), np.float32)
    assert len(suppress(boxes, np.ones(2, np.float32), np.zeros(2, np.int64), iou=0.5, most=9)) == 2
