"""From the file to the answer, as `yolo predict` gives it at our letterbox, in the confidences that people use."""

import cv2
import numpy as np
import pytest

from seepseg import load_model

IMGSZ, CONF = 96, 0.25
SHAPES = [(96, 96), (61, 200), (270, 140), (256, 256)]


def picture(height, width, channels=3):
    field = cv2.GaussianBlur(np.random.default_rng(width).standard_normal((height, width, channels)), (0, 0), 4)
    return np.clip(128 + 600 * field, 0, 255).astype(np.uint8).reshape(height, width, channels)


def ask_ultralytics(file, sources, **settings):
    from ultralytics import YOLO

    square = {"imgsz": IMGSZ, "rect": False, "retina_masks": True, "device": "cpu", "verbose": False, "save": False}
    model = YOLO(file)
    return [model.predict(source, **square, **{"conf": CONF, **settings})[0] for source in sources]


def assert_equal(found, expected):
    """Ultralytics leaves out what has no pixel; ours says that nothing was seen there."""
    seen = np.array([one.mask.size > 0 for one in found.detections], bool)
    assert seen.sum() == len(expected.boxes)
    np.testing.assert_allclose(found.boxes[seen], expected.boxes.xyxy.numpy(), atol=1e-2)
    np.testing.assert_allclose(found.scores[seen], expected.boxes.conf.numpy(), atol=1e-4)
    np.testing.assert_array_equal(found.class_ids[seen], expected.boxes.cls.numpy())
    if seen.any():
        masks = expected.masks.data.numpy() > 0
        # Sums in another order: a pixel on the line between in and out may fall to the other side.
        assert (found.masks[seen] != masks).sum() <= 1e-4 * masks.sum()


@pytest.fixture
def files(tmp_path):
    """Colour as PNG, the last one grey and as JPEG."""
    made = [tmp_path / f"{height}x{width}.png" for height, width in SHAPES] + [tmp_path / "grey.jpg"]
    images = [picture(*shape) for shape in SHAPES] + [picture(120, 90, 1)]
    for file, image in zip(made, images, strict=True):
        assert cv2.imwrite(str(file), image)
    return made


@pytest.mark.parametrize("architecture", ["yolov8n-seg", "yolo11n-seg", "yolo26n-seg"])
def test_files_give_the_boxes_scores_and_masks_of_ultralytics(weights, files, architecture):
    weights = weights(architecture)
    model = load_model(weights, engine="torch", device="cpu", imgsz=IMGSZ)
    found = [model.predict(file, conf=CONF, margin=0) for file in files]
    for one, expected in zip(found, ask_ultralytics(weights, files), strict=True):
        assert_equal(one, expected)
    assert sum(map(len, found)) > 30


def test_other_settings_mean_what_they_mean_to_ultralytics(weights, files):
    settings = {"conf": 0.1, "iou": 0.4, "max_det": 7}
    model = load_model(weights("yolov8n-seg"), engine="torch", device="cpu", imgsz=IMGSZ)
    found = model.predict(files, batch=1, margin=0, **settings)
    assert {len(one) for one in found} == {7}
    for one, expected in zip(found, ask_ultralytics(weights("yolov8n-seg"), files, **settings), strict=True):
        assert_equal(one, expected)


def test_without_a_margin_no_pixel_lies_outside_of_its_box(weights, files):
    model = load_model(weights("yolov8n-seg"), engine="torch", device="cpu", imgsz=IMGSZ)
    within, beyond = (model.predict(files[2], conf=CONF, margin=margin) for margin in (0.0, 0.3))
    np.testing.assert_array_equal(within.boxes, beyond.boxes)
    assert not (within.masks & ~beyond.masks).any()
    assert within.masks.sum() < beyond.masks.sum()
