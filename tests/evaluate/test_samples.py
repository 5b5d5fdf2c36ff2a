import json

import numpy as np
import pytest

from make import grey_image, write_image
from make_subject import evaluate_made, exact, scenes_dataset, sloppy
from seepseg import rle
from seepseg.dataset.layout import read_dataset
from seepseg.errors import DatasetError, UsageError
from seepseg.evaluate.samples import groups_of, pick_split, read_samples, truth_of
from seepseg.raster import read_pixels


@pytest.fixture
def data(tmp_path):
    return scenes_dataset(tmp_path / "data")


def test_test_is_reported_unless_there_is_none(tmp_path, data):
    assert pick_split(read_dataset(data), None) == "test"
    assert pick_split(read_dataset(scenes_dataset(tmp_path / "b", splits=("train", "val"))), None) == "val"


def test_a_split_that_is_not_there_is_refused_with_those_that_are(data):
    with pytest.raises(UsageError, match="no train split with images in it; it has val and test"):
        pick_split(read_dataset(data), "train")


def test_images_come_with_exact_truth_and_scene(data):
    samples, notes = read_samples(read_dataset(data), "test")
    assert [sample.name for sample in samples] == [f"test{number}.png" for number in range(6)]
    assert [sample.group for sample in samples[1:3]] == ["scene test 0", "scene test 1"]
    assert (len(samples[0].truth.objects) > 1, notes) == (True, [])


def test_images_without_a_scene_are_scenes_of_their_own(tmp_path, data):
    samples, _ = read_samples(read_dataset(data), "test")
    lines = (data / "manifest.jsonl").read_text().splitlines(keepends=True)
    (data / "manifest.jsonl").write_text("".join(line for line in lines if "test0" not in line))
    assert len(set(groups_of(read_samples(read_dataset(data), "test")[0]))) == 4
    (data / "manifest.jsonl").unlink()
    assert groups_of(read_samples(read_dataset(data), "test")[0]) is None
    assert len(set(groups_of(samples))) == 3


def test_label_rows_are_the_truth_where_no_other_is_kept(tmp_path, data):
    exactly, _ = read_samples(read_dataset(data), "test")
    for file in (data / "annotations").iterdir():
        file.unlink()
    painted, notes = read_samples(read_dataset(data), "test")
    assert "label rows count" in notes[0]
    for one, other in zip(exactly, painted, strict=True):
        union = [rle.union([each.rle for each in truth_of(sample, 40, 40).objects], 40, 40) for sample in (one, other)]
        assert union[0] == union[1]


def test_a_dataset_without_any_truth_is_refused(tmp_path, data):
    for file in [*(data / "annotations").iterdir(), *(data / "labels/test").iterdir()]:
        file.unlink()
    with pytest.raises(DatasetError, match="none of its images has a label file"):
        evaluate_made(tmp_path / "out", data, exact)


def test_every_image_that_the_truth_forgot_is_named(data):
    file = data / "annotations/test.json"
    document = json.loads(file.read_text())
    document["images"] = document["images"][2:]
    file.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=r"(?s)no truth for test0.png.*no truth for test1.png"):
        read_samples(read_dataset(data), "test")


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"size": [40, 40], "counts": "abc"}, "broken run lengths for test0.png"),
        ({"size": [40, 40], "counts": "5"}, "broken run lengths for test0.png"),
        ([[1, 1, 9, 9, 1, 9]], "not what 'seepseg convert' writes"),
        (None, "not what 'seepseg convert' writes"),
    ],
)
def test_a_truth_that_others_changed_is_refused_before_it_is_used(data, shape, reason):
    file = data / "annotations/test.json"
    document = json.loads(file.read_text())
    document["annotations"][0]["segmentation"] = shape
    file.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=rf"test\.json: {reason}"):
        read_samples(read_dataset(data), "test")


def test_an_image_that_was_resized_since_is_refused(tmp_path, data):
    write_image(data / "images/test/test2.png", grey_image(np.random.default_rng(0), 30, 40))
    with pytest.raises(DatasetError, match=r"test2\.png: 40 × 30 pixels, but its truth is of 40 × 40"):
        evaluate_made(tmp_path / "out", data, sloppy)


def test_an_image_that_cannot_be_read_is_named(data):
    (data / "images/test/test2.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(DatasetError, match=r"test2\.png: not readable as an image"):
        read_pixels(data / "images/test/test2.png")
