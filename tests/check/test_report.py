import json
import os

import numpy as np
import pytest
import yaml

from make import ragged
from make_dataset import write_dataset
from seepseg.check.report import check_dataset
from seepseg.dataset.layout import label_path
from seepseg.errors import DatasetError


def masks(prefix, count=3, side=64):
    rng = np.random.default_rng(ord(prefix))
    both = [np.where(ragged(rng, side, side, 0.1), 2, ragged(rng, side, side)) for _ in range(count)]
    return {f"{prefix}{index}.png": mask.astype(np.uint8) for index, mask in enumerate(both)}


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "ds", {"train": masks("t"), "val": masks("v")}, imgsz=64)


def faults(root, **options):
    return {one.code: one.count for one in check_dataset(root, **options).findings if one.severity == "fault"}


def codes(root, **options):
    return {one.code for one in check_dataset(root, **options).findings}


def edit_yaml(root, **keys):
    data = {**yaml.safe_load((root / "data.yaml").read_text()), **keys}
    (root / "data.yaml").write_text(yaml.safe_dump({key: value for key, value in data.items() if value is not None}))


def test_a_sound_dataset_has_no_faults_and_stays_untouched(dataset):
    before = {file: file.stat().st_mtime_ns for file in dataset.rglob("*")}
    report = check_dataset(dataset)
    assert not report.faulty
    assert report.images == {"train": 3, "val": 3}
    assert {file: file.stat().st_mtime_ns for file in dataset.rglob("*")} == before


def test_objects_are_counted_by_split_and_class(dataset):
    report = check_dataset(dataset)
    rows = [line[0] for file in (dataset / "labels/train").glob("*.txt") for line in file.read_text().splitlines()]
    assert report.instances["train"] == (rows.count("0"), rows.count("1"))


def test_two_workers_find_what_one_finds(tmp_path):
    root = write_dataset(tmp_path, {"train": masks("t", 70, 24), "val": masks("v", 2, 24)})
    (root / "labels/train/t5.txt").write_text("9 0 0 1 0 1 1")
    one, two = (check_dataset(root, workers=workers, sample=2).as_json() for workers in (1, 2))
    assert one == two


def test_a_dataset_of_others_has_no_truth_to_compare_with(tmp_path):
    root = write_dataset(tmp_path, {"train": masks("t"), "val": masks("v")}, truth=False)
    report = check_dataset(root)
    assert report.fidelity == ()
    assert not report.faulty
    assert report.imgsz == 640


def test_all_faults_are_collected(dataset):
    (dataset / "labels/train/t0.txt").write_text("9 0 0 1 0 1 1\n0 .1 .1\n")
    (dataset / "images/train/t1.png").write_bytes(b"nothing")
    (dataset / "labels/val/orphan.txt").write_text("")
    edit_yaml(dataset, nc=5)
    found = faults(dataset)
    assert {"label-class", "label-points", "image-unreadable", "label-orphan", "yaml", "changed"} <= found.keys()


@pytest.mark.parametrize("keys", [{"val": None}, {"train": None}])
def test_a_split_that_training_needs_is_missed(dataset, keys):
    edit_yaml(dataset, **keys)
    assert "split-missing" in faults(dataset)


def test_an_empty_split_is_a_fault(dataset):
    (dataset / "images/none").mkdir()
    edit_yaml(dataset, test="images/none")
    assert faults(dataset)["split-empty"] == 1


def test_training_data_as_validation_is_told(dataset):
    edit_yaml(dataset, val="images/train")
    found = codes(dataset)
    assert "split-same" in found
    assert "leak-copy" not in found


def test_labels_that_ultralytics_does_not_look_for_are_a_fault(tmp_path):
    root = write_dataset(tmp_path, {"train": masks("t"), "val": masks("v")}, truth=False)
    (root / "images").rename(root / "pictures")
    edit_yaml(root, train="pictures/train", val="pictures/val")
    found = faults(root)
    assert found["labels-folder"] == 2
    assert "label-missing" not in found


def test_images_without_labels_are_backgrounds(dataset):
    (dataset / "labels/train/t0.txt").unlink()
    (finding,) = [one for one in check_dataset(dataset).findings if one.code == "label-missing"]
    assert (finding.severity, finding.count) == ("warning", 1)


def test_two_images_that_share_one_label_file_are_a_fault(dataset):
    (dataset / "images/train/t0.jpg").write_bytes((dataset / "images/train/t0.png").read_bytes())
    assert faults(dataset)["image-twice-named"] == 1


def test_a_list_may_name_an_image_many_times(dataset):
    (dataset / "train.txt").write_text("./images/train/t0.png\n" * 3 + "./images/train/t1.png\n./images/train/t2.png\n")
    edit_yaml(dataset, train="train.txt")
    report = check_dataset(dataset)
    assert not report.faulty
    assert report.images["train"] == 3


def test_a_cache_older_than_its_labels_is_stale(dataset):
    cache = dataset / "labels/train.cache"
    cache.touch()
    os.utime(cache, (1, 1))
    assert "cache-stale" in codes(dataset)


def test_a_class_without_objects_in_train_is_a_fault_and_in_val_a_warning(tmp_path):
    only = {name: (mask == 1).astype(np.uint8) for name, mask in masks("t").items()}
    assert faults(write_dataset(tmp_path / "a", {"train": only, "val": masks("v")})) == {"class-untrained": 1}
    root = write_dataset(tmp_path / "b", {"train": masks("v"), "val": only})
    assert faults(root) == {}
    assert "class-unmeasured" in codes(root)


def test_a_scene_on_two_sides_is_a_fault(tmp_path):
    groups = {"t0.png": "scene", "v0.png": "scene"}
    root = write_dataset(tmp_path, {"train": masks("t"), "val": masks("v")}, groups=groups)
    assert faults(root) == {"leak-group": 1}


def test_an_image_that_changed_after_the_conversion_is_a_fault(dataset):
    (dataset / "images/train/t0.png").write_bytes((dataset / "images/train/t1.png").read_bytes())
    assert faults(dataset)["changed"] == 1


def test_an_image_that_left_and_one_that_came_are_told(dataset):
    (dataset / "images/train/t0.png").rename(dataset / "images/train/new.png")
    assert {"manifest-missing", "manifest-unknown", "label-orphan"} <= codes(dataset)


def test_a_deleted_row_does_not_fit_the_truth(dataset):
    labels = dataset / "labels/val/v0.txt"
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[1:]))
    assert faults(dataset)["truth-rows"] == 1


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"images": [{}], "annotations": [{}]})])
def test_annotations_that_are_broken_are_a_fault(dataset, content):
    (dataset / "annotations/val.json").write_text(content)
    assert "truth-broken" in faults(dataset)


def test_a_manifest_that_is_broken_is_a_fault(dataset):
    (dataset / "manifest.jsonl").write_text("{}\n")
    assert "truth-broken" in faults(dataset)


def test_another_training_size_warns_with_both_figures(dataset):
    report = check_dataset(dataset, imgsz=96)
    (finding,) = [one for one in report.findings if one.code == "imgsz-other"]
    assert "at 64 as declared" in finding.places[0]
    assert "at 96" in finding.places[0]
    assert [trip.imgsz for trip in report.fidelity] == [64, 96]


def test_boxes_written_as_polygons_are_told(tmp_path):
    root = write_dataset(tmp_path, {"train": masks("t"), "val": masks("v")}, truth=False)
    for file in (root / "labels").rglob("*.txt"):
        file.write_text("0 .1 .1 .5 .1 .5 .6 .1 .6\n1 .6 .6 .9 .6 .9 .9 .6 .9\n")
    assert "object-rectangles" in codes(root)


def test_places_are_counted_beyond_those_shown(dataset):
    for image in sorted((dataset / "images").rglob("*.png")):
        label_path(image).write_text("9 0 0 1 0 1 1\n" * 2)
    (finding,) = [one for one in check_dataset(dataset).findings if one.code == "label-class"]
    assert (finding.count, len(finding.places), finding.more) == (12, 5, True)


def test_no_dataset_at_all_is_an_error(tmp_path):
    with pytest.raises(DatasetError):
        check_dataset(tmp_path)
