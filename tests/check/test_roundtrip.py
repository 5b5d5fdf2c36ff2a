import numpy as np
import pytest
from pycocotools import mask as coco_mask

from make import ragged, thin
from make_dataset import write_dataset
from seepseg import outline
from seepseg.check.findings import Ledger
from seepseg.check.roundtrip import RoundTrip, Sampled, _judge, measure
from seepseg.dataset.layout import label_path, read_dataset
from seepseg.dataset.truth import TrueObject, annotations_path, read_truth

BLOCK = np.zeros((64, 64), np.uint8)
BLOCK[8:56, 8:50] = 1


def sample_of(tmp_path, masks, imgsz=96):
    dataset = read_dataset(write_dataset(tmp_path, {"val": masks}, imgsz=imgsz))
    truths = read_truth(annotations_path(dataset.root, "val"), set(masks))
    return [Sampled(image, image.name, truths[image.name]) for image in dataset.splits["val"]]


def judge(sample, imgsz=96):
    ledger = Ledger()
    return measure(sample, 2, imgsz, ledger), [(one.code, one.count) for one in ledger.findings()]


def test_traced_labels_come_back_and_thin_ones_are_counted_apart(tmp_path):
    rng = np.random.default_rng(0)
    masks = {"a.png": ragged(rng, 64, 64), "b.png": thin(rng, 64, 64)}
    trip, found = judge(sample_of(tmp_path, masks, imgsz=160), imgsz=160)
    assert found == []
    assert (len(trip.traced), len(trip.traced_thin), trip.drawn) == (1, 1, [])
    assert trip.traced[0] > 0.999
    assert trip.traced_thin[0] > 0.97


def test_outlines_written_for_another_size_miss_the_bound(tmp_path):
    rng = np.random.default_rng(1)
    sample = sample_of(tmp_path, {f"{k}.png": ragged(rng, 64, 64) for k in range(3)}, imgsz=64)
    trip, _ = judge(sample, imgsz=150)
    assert float(np.mean(trip.all())) < 0.999


def test_a_mean_under_the_bound_is_a_fault():
    ledger = Ledger()
    _judge(RoundTrip(640, images=4, traced=[1.0, 0.99], traced_thin=[0.995, 0.995]), ledger)
    (finding,) = ledger.findings()
    assert finding.places == ("masks: mean IoU 0.9950 at imgsz 640, under 0.999",)


def test_an_outline_as_drawn_is_not_held_to_the_bound_of_traced_ones(tmp_path):
    (one,) = sample_of(tmp_path, {"a.png": BLOCK})
    label_path(one.image).write_text(outline.format_rows([(0, np.array([[8, 8], [50, 8], [50, 56], [8, 56]]) / 64)]))
    trip, found = judge([one])
    assert len(trip.drawn) == 1
    assert trip.drawn[0] < 0.999
    assert found == []


@pytest.mark.parametrize(("shift", "found"), [(0, []), (5, [("fidelity-object", 1)])])
def test_a_tip_narrower_than_a_pixel_is_no_fault_but_a_moved_one_is(tmp_path, shift, found):
    spike = np.array([[6, 30], [14, 26], [55, 30.2], [14, 34]])
    (drawn,) = coco_mask.frPyObjects([spike.ravel().tolist()], 64, 64)
    (one,) = sample_of(tmp_path, {"a.png": BLOCK})
    one.truth.objects[:] = [TrueObject(0, drawn["counts"], (0,))]
    label_path(one.image).write_text(outline.format_rows([(0, (spike + (0, shift)) / 64)]))
    assert coco_mask.toBbox(drawn)[2] <= 45
    assert judge([one])[1] == found


@pytest.mark.parametrize("shift", [(6, 0), (0, -5)])
def test_a_label_that_was_moved_is_a_fault(tmp_path, shift):
    (one,) = sample_of(tmp_path, {"a.png": BLOCK})
    corners = np.array([[8, 8], [50, 8], [50, 56], [8, 56]]) + shift
    label_path(one.image).write_text(outline.format_rows([(0, corners / 64)]))
    assert judge([one])[1] == [("fidelity-object", 1)]


def test_a_label_of_the_wrong_class_is_a_fault_of_both(tmp_path):
    (one,) = sample_of(tmp_path, {"a.png": BLOCK})
    labels = label_path(one.image)
    labels.write_text("1" + labels.read_text()[1:])
    assert judge([one])[1] == [("fidelity-object", 2)]


def test_parts_joined_by_a_seam_are_no_fault(tmp_path):
    two = np.zeros((64, 64), np.uint8)
    two[5:20, 5:20] = two[40:60, 40:60] = 1
    (one,) = sample_of(tmp_path, {"a.png": two})
    corners = [np.array([[5, 5], [19, 5], [19, 19], [5, 19]]), np.array([[40, 40], [59, 40], [59, 59], [40, 59]])]
    label_path(one.image).write_text(outline.format_rows([(0, outline.join_parts([part / 64 for part in corners]))]))
    one.truth.objects[:] = [TrueObject(0, merged(one.truth), (0,))]
    assert judge([one])[1] == []


def merged(truth):
    parts = [{"size": [truth.height, truth.width], "counts": one.rle} for one in truth.objects]
    return coco_mask.merge(parts)["counts"]


def test_images_larger_than_the_size_are_told_with_their_figure(tmp_path):
    trip, found = judge(sample_of(tmp_path, {"a.png": ragged(np.random.default_rng(2), 64, 64)}), imgsz=40)
    assert found == [("imgsz-below", 1)]
    assert len(trip.reduced) == 1
    assert trip.traced == trip.traced_thin == []


def test_an_image_that_the_loader_drops_is_a_fault(tmp_path):
    first, second = sample_of(tmp_path, {"a.png": BLOCK, "b.png": BLOCK})
    label_path(first.image).write_text("0 .1 .1 7 7 .1 .2")
    trip, found = judge([first, second])
    assert ("fidelity-dropped", 1) in found
    assert trip.images == 1
