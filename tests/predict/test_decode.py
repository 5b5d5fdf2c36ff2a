import numpy as np
import pytest

from make import ragged
from seepseg.errors import UsageError
from seepseg.predict.decode import check_outputs, decode_segment, decode_semantic
from seepseg.predict.letterbox import frame_of

IMGSZ = 64
ANCHORS = 84


def raw(seed=0, *, classes=3):
    """Output and prototypes as a head would give them, with many overlaps."""
    rng = np.random.default_rng(seed)
    output = np.empty((4 + classes + 32, ANCHORS), np.float32)
    output[:2] = rng.uniform(0, IMGSZ, (2, ANCHORS))
    output[2:4] = rng.uniform(4, 50, (2, ANCHORS))
    output[4 : 4 + classes] = rng.random((classes, ANCHORS)) ** 3
    output[4 + classes :] = rng.standard_normal((32, ANCHORS))
    return output, rng.standard_normal((32, IMGSZ // 4, IMGSZ // 4)).astype(np.float32)


def alone(x, y, width, height, *, score=0.9, sign=1.0):
    """One candidate, whose mask is everything or nothing."""
    output = np.zeros((4 + 1 + 32, ANCHORS), np.float32)
    output[:6, 3] = x, y, width, height, score, sign
    return output, np.ones((32, IMGSZ // 4, IMGSZ // 4), np.float32)


def full_size(prediction, detection):
    whole = np.zeros((prediction.height, prediction.width), np.uint8)
    height, width = detection.mask.shape
    whole[detection.y : detection.y + height, detection.x : detection.x + width] = detection.mask
    return whole


@pytest.mark.parametrize(("width", "height"), [(64, 64), (40, 40), (90, 31), (31, 90), (300, 200), (1, 1), (3000, 20)])
@pytest.mark.parametrize("conf", [0.001, 0.5])
def test_one_image_is_decoded_as_ultralytics_decodes_it(torch, width, height, conf):
    from ultralytics.utils import nms, ops

    output, prototypes = raw()
    found = decode_segment(output, prototypes, frame_of(width, height, IMGSZ), conf=conf, iou=0.6)
    (rows,) = nms.non_max_suppression(torch.from_numpy(output)[None], conf, 0.6, nc=3, max_det=300)
    boxes = ops.scale_boxes((IMGSZ, IMGSZ), rows[:, :4], (height, width))
    masks = ops.process_mask_native(torch.from_numpy(prototypes), rows[:, 6:], boxes, (height, width)).numpy()
    assert 0 < len(found.detections) < ANCHORS
    np.testing.assert_array_equal([one.box for one in found.detections], boxes.numpy())
    np.testing.assert_array_equal([(one.score, one.class_id) for one in found.detections], rows[:, 4:6].numpy())
    wrong = sum((full_size(found, one) != mask).sum() for one, mask in zip(found.detections, masks, strict=True))
    assert wrong <= 1e-4 * masks.sum()


def test_masks_are_crops_inside_of_their_boxes():
    found = decode_segment(*raw(), frame_of(300, 200, IMGSZ), conf=0.001)
    for one in (some for some in found.detections if some.mask.size):
        assert one.mask.dtype == np.uint8
        height, width = one.mask.shape
        assert one.box[0] <= one.x
        assert one.x + width <= np.ceil(one.box[2])
        assert one.box[1] <= one.y
        assert one.y + height <= np.ceil(one.box[3])


def test_the_best_come_first_and_no_more_than_asked_for():
    everything = decode_segment(*raw(), frame_of(64, 64, IMGSZ), conf=0.001).detections
    scores = [one.score for one in everything]
    assert scores == sorted(scores, reverse=True)
    few = decode_segment(*raw(), frame_of(64, 64, IMGSZ), conf=0.001, max_det=5).detections
    assert [one.box for one in few] == [one.box for one in everything[:5]]


def test_each_class_has_its_own_threshold():
    low = decode_segment(*raw(), frame_of(64, 64, IMGSZ), conf=0.1).detections
    limits = (0.9, 0.1, 0.6)
    expected = [one.box for one in low if one.score > limits[one.class_id]]
    found = decode_segment(*raw(), frame_of(64, 64, IMGSZ), conf=limits).detections
    assert {one.class_id for one in found} == {0, 1, 2}
    assert [one.box for one in found] == expected


def test_too_few_thresholds_are_refused():
    with pytest.raises(UsageError, match="2 thresholds are given, but the model has 3 classes"):
        decode_segment(*raw(), frame_of(64, 64, IMGSZ), conf=(0.1, 0.2))


def test_nothing_above_the_threshold_is_nothing_found():
    found = decode_segment(*raw(), frame_of(50, 40, IMGSZ), conf=1.0)
    assert (found.width, found.height, found.detections) == (50, 40, ())


def test_a_detection_without_a_pixel_stays():
    (one,) = decode_segment(*alone(32, 32, 20, 20, sign=-1), frame_of(64, 64, IMGSZ), conf=0.25).detections
    assert one.box == (22, 22, 42, 42)
    assert one.mask.shape == (0, 0)


def test_an_object_at_the_border_is_cut_there():
    (one,) = decode_segment(*alone(2, 62, 20, 20), frame_of(64, 64, IMGSZ), conf=0.25).detections
    assert one.box == (0, 52, 12, 64)
    assert (one.x, one.y, one.mask.shape, one.mask.all()) == (0, 52, (12, 12), True)


def test_an_object_in_the_letterbox_border_has_no_pixel():
    (one,) = decode_segment(*alone(32, 4, 20, 6), frame_of(64, 32, IMGSZ), conf=0.25).detections
    assert one.mask.shape == (0, 0)


def test_a_margin_widens_the_mask_and_not_the_box():
    (one,) = decode_segment(*alone(32, 32, 20, 10), frame_of(64, 64, IMGSZ), conf=0.25, margin=0.2).detections
    assert one.box == (22, 27, 42, 37)
    assert (one.x, one.y, one.mask.shape) == (18, 25, (14, 28))


def test_low_scores_can_come_without_their_masks():
    output, prototypes = raw()
    frame = frame_of(100, 70, IMGSZ)
    every = decode_segment(output, prototypes, frame, conf=0.1).detections
    some = decode_segment(output, prototypes, frame, conf=0.1, masks_above=0.5).detections
    assert [one.score for one in some] == [one.score for one in every]
    assert [one.mask.size > 0 for one in some] == [one.mask.size > 0 and one.score > 0.5 for one in every]
    assert len({one.mask.size > 0 for one in some}) == 2


def test_a_wide_margin_gives_the_mask_that_no_box_crops():
    output, prototypes = raw()
    frame = frame_of(100, 70, IMGSZ)
    narrow = decode_segment(output, prototypes, frame, conf=0.3).detections
    wide = decode_segment(output, prototypes, frame, conf=0.3, margin=1e6)
    pairs = [(one, full_size(wide, other)) for one, other in zip(narrow, wide.detections, strict=True) if one.mask.size]
    assert len(pairs) > 5
    for one, whole in pairs:
        height, width = one.mask.shape
        np.testing.assert_array_equal(whole[one.y : one.y + height, one.x : one.x + width], one.mask)
        assert whole.sum() > one.mask.sum()


def test_a_head_without_nms_is_taken_as_it_is(torch):
    from ultralytics.utils import nms

    output, prototypes = raw()
    (rows,) = nms.non_max_suppression(torch.from_numpy(output)[None], 0.001, 0.7, nc=3)
    expected = decode_segment(output, prototypes, frame_of(64, 64, IMGSZ), conf=(0.2, 0.4, 0.3)).detections
    found = decode_segment(rows.numpy(), prototypes, frame_of(64, 64, IMGSZ), conf=(0.2, 0.4, 0.3)).detections
    assert len(found) == len(expected) > 3
    for one, other in zip(found, expected, strict=True):
        assert (one.box, one.score, one.class_id, one.x, one.y) == (
            other.box,
            other.score,
            other.class_id,
            other.x,
            other.y,
        )
        np.testing.assert_array_equal(one.mask, other.mask)


def test_one_class_is_where_its_logit_is_above_0():
    shape = ragged(np.random.default_rng(3), 64, 64)
    found = decode_semantic((shape * 8.0 - 4.0)[None], frame_of(64, 64, IMGSZ), conf=0.25)
    np.testing.assert_array_equal(sum(full_size(found, one) for one in found.detections), shape)
    assert all(one.score == pytest.approx(1 / (1 + np.exp(-4))) for one in found.detections)


def test_the_highest_class_wins_and_the_background_is_none():
    logits = np.zeros((3, 64, 64), np.float32)
    logits[1, :, :] = 3
    logits[0, 10:20, 5:9] = 5
    logits[2, 40:50, 30:60] = 4
    found = decode_semantic(logits, frame_of(64, 64, IMGSZ), conf=0.1, background=1)
    assert [(one.class_id, one.box) for one in found.detections] == [(0, (5, 10, 9, 20)), (1, (30, 40, 60, 50))]
    assert found.detections[0].score == pytest.approx(np.exp(5) / (np.exp(5) + np.exp(3) + 1), rel=1e-5)


def test_parts_below_the_threshold_of_their_class_are_left_out():
    logits = np.full((1, 64, 64), -5.0, np.float32)
    logits[0, :10, :10] = 0.1
    logits[0, 30:40, 30:40] = 5
    frame = frame_of(64, 64, IMGSZ)
    assert len(decode_semantic(logits, frame, conf=[0.25]).detections) == 2
    assert [one.box[0] for one in decode_semantic(logits, frame, conf=[0.6]).detections] == [30]


def test_extreme_logits_raise_no_warning():
    logits = np.array([[[1e6, -1e6] * 8] * 16] * 2, np.float32)
    logits[1] *= -1
    assert decode_semantic(logits, frame_of(64, 64, IMGSZ), conf=0.25).detections
    assert decode_semantic(logits[:1], frame_of(64, 64, IMGSZ), conf=0.25).detections


@pytest.mark.parametrize(
    ("task", "outputs", "background", "said"),
    [
        (
            "segment",
            (np.full((4 + 2 + 32, 21), np.nan, np.float32), np.zeros((32, 4, 4), np.float32)),
            None,
            "no numbers",
        ),
        ("segment", (np.zeros((4 + 3 + 32, 21), np.float32), np.zeros((32, 4, 4), np.float32)), None, "other classes"),
        ("segment", (np.full((5, 38), 2, np.float32), np.zeros((32, 4, 4), np.float32)), None, "other classes"),
        ("semantic", (np.zeros((2, 4, 4), np.float32),), 0, "other classes"),
        ("semantic", (np.full((3, 4, 4), np.inf, np.float32),), 0, "no numbers"),
        ("classify", (np.zeros(3, np.float32),), None, "other classes"),
    ],
)
def test_what_would_pass_for_an_answer_is_refused(task, outputs, background, said):
    with pytest.raises(UsageError, match=said):
        check_outputs(outputs, task, 2, background)


def test_what_a_network_gives_is_let_through():
    prototypes = np.zeros((32, 4, 4), np.float32)
    check_outputs((np.zeros((4 + 2 + 32, 21), np.float32), prototypes), "segment", 2, None)
    check_outputs((np.ones((5, 38), np.float32), prototypes), "segment", 2, None)
    check_outputs((np.zeros((0, 38), np.float32), prototypes), "segment", 2, None)
    check_outputs((np.zeros((3, 4, 4), np.float32),), "semantic", 2, 0)
    check_outputs((np.zeros(2, np.float32),), "classify", 2, None)
