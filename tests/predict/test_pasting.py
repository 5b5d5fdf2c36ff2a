import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection.roi_heads import paste_masks_in_image, project_masks_on_boxes

from seepseg.predict.decode import decode_segment
from seepseg.predict.letterbox import frame_of


def blob(seed, size=64):
    field = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((size, size)), (0, 0), 4)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((field > 0.02).astype(np.uint8))
    return (labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.uint8)


def taught(bitmap):
    """Row and mask as torchvision teaches them of a bitmap."""
    x, y, width, height = cv2.boundingRect(bitmap)
    box = torch.tensor([[x, y, x + width, y + height]], dtype=torch.float32)
    mask = project_masks_on_boxes(torch.from_numpy(bitmap)[None], box, torch.tensor([0]), 28)
    return np.hstack([box.numpy(), [[0.9, 1]]]).astype(np.float32), mask.numpy()


def overlap(one, other):
    return np.sum((one > 0) & (other > 0)) / np.sum((one > 0) | (other > 0))


@given(st.integers(0, 30))
def test_what_is_taught_of_a_mask_is_pasted_back(seed):
    bitmap = blob(seed)
    found = decode_segment(*taught(bitmap), frame_of(64, 64, 64), conf=0.5)
    assert overlap(found.masks[0], bitmap) > 0.9


@given(st.integers(0, 30))
def test_a_rectangle_comes_back_whole(seed):
    left, top, wide, high = np.random.default_rng(seed).integers(1, 30, 4)
    bitmap = np.zeros((64, 64), np.uint8)
    bitmap[top : top + high, left : left + wide] = 1
    found = decode_segment(*taught(bitmap), frame_of(64, 64, 64), conf=0.5)
    assert np.array_equal(found.masks[0], bitmap)


def test_it_is_much_as_torchvision_pastes():
    rows, masks = taught(blob(3))
    found = decode_segment(rows, masks, frame_of(64, 64, 64), conf=0.5)
    theirs = paste_masks_in_image(torch.from_numpy(masks)[:, None], torch.from_numpy(rows[:, :4]), (64, 64))
    assert overlap(found.masks[0], theirs[0, 0].numpy() > 0.5) > 0.85


def test_an_enlarged_image_gets_its_mask_at_its_own_size():
    small = blob(5, 32)
    large = cv2.resize(small, (64, 64), interpolation=cv2.INTER_NEAREST)
    found = decode_segment(*taught(large), frame_of(32, 32, 64), conf=0.5)
    assert overlap(found.masks[0], small) > 0.85


@pytest.mark.parametrize(("settings", "count"), [({"conf": 0.6}, 2), ({"conf": (0.95, 0.6)}, 1), ({"conf": 0.1}, 3)])
def test_rows_below_their_confidence_are_left_out(settings, count):
    scores = np.array([0.9, 0.8, 0.3, 0.0])
    rows = np.array([[4, 4, 20, 20, score, number % 2] for number, score in enumerate(scores)], np.float32)
    found = decode_segment(rows, np.ones((4, 28, 28), np.float32), frame_of(64, 64, 64), **settings)
    assert len(found) == count


def test_no_rows_are_no_objects():
    found = decode_segment(
        np.zeros((0, 6), np.float32), np.zeros((0, 28, 28), np.float32), frame_of(9, 9, 32), conf=0.1
    )
    assert len(found) == 0


def test_masks_that_are_not_asked_for_are_left_empty():
    rows, masks = taught(blob(1))
    found = decode_segment(rows, masks, frame_of(64, 64, 64), conf=0.5, masks_above=0.95)
    assert found.detections[0].mask.size == 0
