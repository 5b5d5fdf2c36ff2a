import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from make import ragged, thin
from make_dataset import write_dataset
from seepseg import instances, outline, rle
from seepseg.dataset.fidelity import compare, iou, load_rows, measure_classes, paint_row, sample
from seepseg.dataset.layout import label_path, read_dataset, read_rows
from seepseg.dataset.loader import load_through_ultralytics


def rows_of(classes, imgsz):
    height, width = classes.shape
    found = instances.from_classes(classes)
    placed = [outline.place(one.outlines, width, height, imgsz)[0] for one in found]
    return [(one.class_id, polygon) for one, polygon in zip(found, placed, strict=True)], found


def test_a_ragged_mask_comes_back():
    rng = np.random.default_rng(1)
    classes = ragged(rng, 50, 70)
    rows, found = rows_of(classes, 128)
    fidelity = compare(load_rows(rows, 70, 50, 128), [(one.class_id, one.rle) for one in found], 70, 50)
    assert min(fidelity.classes.values()) > 0.99
    assert len(fidelity.objects) == len(found)


def test_a_class_that_labels_lack_has_no_overlap():
    truth = [(1, np.ones((20, 20), np.uint8))]
    assert compare(load_rows([], 20, 20, 40), truth, 20, 20).classes == {1: 0.0}


def test_a_row_of_the_wrong_class_counts_against_both():
    square = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]])
    fidelity = compare(load_rows([(0, square)], 20, 20, 20), [(1, np.ones((20, 20), np.uint8))], 20, 20)
    assert fidelity.classes == {0: 0.0, 1: 0.0}


def test_objects_are_measured_by_the_rows_that_are_theirs():
    classes = np.zeros((40, 40), np.uint8)
    classes[5:15, 5:15] = classes[20:35, 20:35] = 1
    rows, _ = rows_of(classes, 40)
    loaded, truth = load_rows(rows, 40, 40, 40), [(0, classes)]
    assert compare(loaded, truth, 40, 40).objects == ()
    assert compare(loaded, truth, 40, 40, owners=[(0, 1)]).objects == (1.0,)


def test_sampling_takes_the_pixel_under_the_middle():
    rng = np.random.default_rng(2)
    bitmap = ragged(rng, 30, 41)
    for width, height in ((82, 60), (128, 94), (20, 15)):
        ys = np.floor((np.arange(height) + 0.5) * 30 / height).astype(int)
        xs = np.floor((np.arange(width) + 0.5) * 41 / width).astype(int)
        assert np.array_equal(sample(bitmap, width, height), bitmap[ys][:, xs])


def test_a_row_painted_as_a_crop_is_the_object():
    rng = np.random.default_rng(3)
    classes = ragged(rng, 40, 60)
    components, count = ndimage.label(classes, np.ones((3, 3)))
    painted = np.zeros_like(classes)
    rows, _ = rows_of(classes, 60)
    assert len(rows) == count
    for _, polygon in rows:
        crop, x, y = paint_row(polygon, 60, 40)
        painted[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop
    assert np.array_equal(painted, components > 0)


@given(seed=st.integers(0, 2**32 - 1), points=st.integers(3, 9))
def test_a_crop_is_painted_as_the_whole_canvas_is(seed, points):
    polygon = np.random.default_rng(seed).uniform(-0.3, 1.3, (points, 2))
    whole = np.zeros((30, 40), np.uint8)
    cv2.fillPoly(whole, [(polygon * (40, 30)).astype(np.int32)], 1)
    crop, x, y = paint_row(polygon, 40, 30)
    painted = np.zeros_like(whole)
    painted[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    assert np.array_equal(painted, whole)


def test_two_empty_bitmaps_agree():
    assert iou(np.zeros((3, 3), np.uint8), np.zeros((3, 3), np.uint8)) == 1.0


@pytest.mark.parametrize("imgsz", [48, 96, 97, 160])
def test_the_replica_equals_the_loader_bit_for_bit(tmp_path, imgsz):
    rng = np.random.default_rng(imgsz)
    shapes = [(40, 40), (31, 64), (57, 33), (96, 96), (13, 90)]
    images = {}
    for number in range(15):
        make = thin if number % 3 == 0 else ragged
        images[f"{number:02d}.png"] = make(rng, *shapes[number % 5]) * int(rng.integers(1, 3))
    dataset = read_dataset(write_dataset(tmp_path, {"val": images}, imgsz=96))
    before = sorted(tmp_path.rglob("*"))
    seen = dict(load_through_ultralytics(dataset.splits["val"], 2, imgsz))
    assert list(seen) == list(dataset.splits["val"])
    assert sorted(tmp_path.rglob("*")) == before
    for image, loaded in seen.items():
        height, width = images[image.name].shape
        ours = load_rows(read_rows(label_path(image)), width, height, imgsz)
        assert (ours.class_ids, ours.width, ours.height) == (loaded.class_ids, loaded.width, loaded.height)
        for row in range(len(ours.class_ids)):
            assert np.array_equal(ours.paint(row), loaded.paint(row))


def test_the_loader_is_silent_and_leaves_out_what_it_drops(tmp_path, capfd):
    images = {"a.png": np.ones((20, 20), np.uint8), "b.png": np.ones((20, 20), np.uint8)}
    dataset = read_dataset(write_dataset(tmp_path, {"val": images}))
    label_path(dataset.splits["val"][0]).write_text("0 0.1 0.1 5 0.1 5 5\n")
    seen = dict(load_through_ultralytics(dataset.splits["val"], 2, 64))
    assert [image.name for image in seen] == ["b.png"]
    assert capfd.readouterr() == ("", "")


def test_run_lengths_and_bitmaps_of_the_truth_measure_the_same():
    rng = np.random.default_rng(5)
    classes = ragged(rng, 33, 47)
    rows, found = rows_of(classes, 64)
    loaded = load_rows(rows, 47, 33, 64)
    by_rle = [(one.class_id, one.rle) for one in found]
    by_bitmap = [(one.class_id, rle.decode(one.rle, 47, 33)) for one in found]
    assert compare(loaded, by_rle, 47, 33) == compare(loaded, by_bitmap, 47, 33)


def test_classes_measured_together_agree_with_objects_painted_one_by_one() -> None:
    rng = np.random.default_rng(3)
    classes = ragged(rng, 90, 70) * rng.integers(1, 4, (90, 70), dtype=np.uint8)
    found = instances.from_classes(classes)
    rows = [(one.class_id, placed) for one in found for placed in outline.place(one.outlines, 70, 90, 200)]
    unions = {k: rle.encode((classes == k + 1).astype(np.uint8)) for k in range(3)}
    expected = compare(load_rows(rows, 70, 90, 200), [(one.class_id, one.rle) for one in found], 70, 90).classes
    assert measure_classes(rows, unions, 70, 90, 200) == expected
    assert measure_classes(rows[1:], unions, 70, 90, 200) != expected
