import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from make import grey_image, ragged, write_image
from make_dataset import write_dataset
from seepseg import outline
from seepseg.errors import SourceError, UsageError
from seepseg.labels.yolo import read_yolo

PIXELS = grey_image(np.random.default_rng(0), 30, 40)
TRIANGLE = "0 .1 .1 .9 .1 .9 .9\n"


def folder(root: Path, files: dict[str, str | None], **data):
    """Label texts by 'path of the image below root'; None: no label file."""
    for name, text in files.items():
        image = write_image(root / name, PIXELS)
        if text is not None:
            labels = Path(*["labels" if part == "images" else part for part in image.parts]).with_suffix(".txt")
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text(text)
    if data:
        (root / "data.yaml").write_text(yaml.safe_dump(data))
    return root


def read_all(source):
    return {item.stem: source.read(item, 40, 30) for item in source.items}


def read_one(root, text, **options):
    options.setdefault("names", ("oil", "ship"))
    source = read_yolo(folder(root, {"images/a.png": text}), **options)
    return read_all(source)["a"]


def bitmap(instance):
    return coco_mask.decode({"size": [30, 40], "counts": instance.rle})


def reasons(labelled):
    return [(skip.reason, skip.where) for skip in labelled.skipped]


def test_a_simple_polygon_passes_through_unchanged(tmp_path):
    (one,) = read_one(tmp_path, "1 .1 .2 .5 .2 .5 .8\n").instances
    assert one.class_id == 1
    assert one.source_id == 1
    assert outline.place(one.outlines, 40, 30, 640)[0].tolist() == [[0.1, 0.2], [0.5, 0.2], [0.5, 0.8]]


@given(seed=st.integers(0, 2**32 - 1), points=st.integers(5, 12))
def test_a_polygon_that_crosses_itself_becomes_what_ultralytics_paints(tmp_path_factory, seed, points):
    polygon = np.random.default_rng(seed).random((points, 2))
    row = "0 " + " ".join(map(repr, polygon.ravel().tolist()))
    labelled = read_one(tmp_path_factory.mktemp("yolo"), row)
    painted = np.zeros((30, 40), np.uint8)
    cv2.fillPoly(painted, [(polygon * (40, 30)).astype(np.int32)], 1)
    if labelled.skipped:
        assert np.array_equal(np.bitwise_or.reduce([bitmap(one) for one in labelled.instances]), painted)
    else:
        assert labelled.instances[0].outlines[0].inward is None


def test_a_traced_repair_is_counted_with_its_line(tmp_path):
    labelled = read_one(tmp_path, TRIANGLE + "0 .1 .1 .9 .9 .9 .1 .1 .9\n")
    ((reason, where),) = reasons(labelled)
    assert "traced as Ultralytics paints it" in reason
    assert where == "labels/a.txt:2"
    assert len(labelled.instances) == 2


def test_rows_given_twice_and_of_too_few_points_are_left_out(tmp_path):
    labelled = read_one(tmp_path, f"{TRIANGLE}\n{TRIANGLE}0 .1 .1\n")
    assert reasons(labelled) == [
        ("row given twice", "labels/a.txt:3"),
        ("row of under three points", "labels/a.txt:4"),
    ]
    assert len(labelled.instances) == 1


def test_what_lies_just_outside_is_clipped_and_counted(tmp_path):
    labelled = read_one(tmp_path, "0 -.05 .1 .5 .1 .5 .9 -.05 .9\n")
    assert [reason for reason, _ in reasons(labelled)] == ["polygon clipped to the image"]
    (one,) = labelled.instances
    assert one.bbox == (0, 3, 20, 24)


def test_pixels_instead_of_shares_are_an_error(tmp_path):
    with pytest.raises(SourceError, match=r"labels/a\.txt:1: coordinates run from 4 to 36.*divide pixels"):
        read_one(tmp_path, "0 4 4 36 4 36 24\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 0,1 0,1 0,9 0,1 0,9 0,9\n", "commas read as decimal points"),
        ("0,.1,.1,.9,.1,.9,.9\n", "commas read as dividers"),
        ("0, .1, .1, .9, .1, .9, .9\n", "commas read as dividers"),
        ("\ufeff" + TRIANGLE, "byte-order mark taken out"),
        ("0.0 .1 .1 .9 .1 .9 .9\r\n", None),
    ],
)
def test_other_ways_to_write_numbers_are_read_and_counted(tmp_path, text, reason):
    labelled = read_one(tmp_path, text)
    assert np.array_equal(bitmap(labelled.instances[0]), bitmap(read_one(tmp_path / "b", TRIANGLE).instances[0]))
    assert [found for found, _ in reasons(labelled)] == ([reason] if reason else [])


def test_sixteen_bit_text_is_read(tmp_path):
    root = folder(tmp_path, {"images/a.png": ""})
    (root / "labels/a.txt").write_bytes(TRIANGLE.encode("utf-16"))
    assert len(read_all(read_yolo(root, names=["oil"]))["a"].instances) == 1


def test_boxes_are_refused_with_their_places(tmp_path):
    with pytest.raises(SourceError, match=r"2 rows are boxes without an outline \(labels/a\.txt:2.*--boxes box"):
        read_one(tmp_path, TRIANGLE + "0 .5 .5 .2 .2\n0 .5 .5 .4 .2\n")


def test_boxes_become_masks_where_asked_for(tmp_path):
    labelled = read_one(tmp_path, TRIANGLE + "1 .5 .5 .5 .2\n", boxes="box")
    assert [one.bbox for one in labelled.instances][1] == (10, 12, 20, 6)
    assert reasons(labelled) == [("box taken as the mask", "labels/a.txt:2")]


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    root = folder(
        tmp_path,
        {
            "images/a.png": "7 .1 .1 .9 .1 .9 .9\n",
            "images/b.png": "oil 1 2 3\n",
            "images/c.png": "0 .1 .1 .9 .1 .9 .9 .5\n",
        },
    )
    with pytest.raises(SourceError) as error:
        read_yolo(root, names=("oil",))
    for words in (
        "labels/a.txt: class 7 is not in names (0-0: oil)",
        "labels/b.txt:1: 'oil' is no class id",
        "labels/c.txt:1: 7 num",
    ):
        assert words in str(error.value)


def test_a_row_of_words_is_an_error_with_its_line(tmp_path):
    with pytest.raises(SourceError, match=r"labels/a\.txt:2: not a class id followed by numbers"):
        read_one(tmp_path, TRIANGLE + "0 .1 .1 .9 x .9 .9\n")


@pytest.mark.parametrize("name", ["classes.txt", "obj.names", "labels/classes.txt"])
def test_names_are_taken_from_the_files_of_other_tools(tmp_path, name):
    root = folder(tmp_path, {"images/a.png": TRIANGLE})
    (root / name).write_text("oil\nship\n\n")
    source = read_yolo(root)
    assert source.names == ("oil", "ship")
    assert f"classes from {name}: oil, ship" in source.notes
    assert source.skipped == ()


def test_names_of_the_user_go_before_those_of_the_folder(tmp_path):
    root = folder(tmp_path, {"images/a.png": TRIANGLE}, names=["a"])
    assert read_yolo(root, names=("oil",)).names == ("oil",)
    assert read_yolo(root / "data.yaml").names == ("a",)


def test_without_any_names_the_ids_are_told(tmp_path):
    with pytest.raises(UsageError, match=r"ids 0 to 3.*--names"):
        read_yolo(folder(tmp_path, {"images/a.png": TRIANGLE + "3 .1 .1 .9 .1 .9 .9\n"}))


LAYOUTS = {
    "flat": {"images/a.png": TRIANGLE, "images/b.png": TRIANGLE},
    "split below": {"images/train/a.png": TRIANGLE, "images/val/b.png": TRIANGLE},
    "split above": {"train/images/a.png": TRIANGLE, "valid/images/b.png": TRIANGLE},
    "side by side": {"a.png": TRIANGLE, "b.png": TRIANGLE},
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_found_with_its_own_splits(tmp_path, name):
    source = read_yolo(folder(tmp_path, LAYOUTS[name]), names=("oil",))
    assert [item.stem for item in source.items] == ["a", "b"]
    assert [item.split for item in source.items] == (["train", "val"] if "split" in name else [None, None])
    assert all(len(labelled.instances) == 1 for labelled in read_all(source).values())


def test_splits_of_the_yaml_go_before_those_of_the_folders(tmp_path):
    files = {"images/one/a.png": TRIANGLE, "images/two/b.png": TRIANGLE}
    source = read_yolo(folder(tmp_path, files, names=["oil"], train="images/two", val="images/one"))
    assert {item.stem: item.split for item in source.items} == {"a": "val", "b": "train"}


def test_a_yaml_that_validates_on_its_training_images_is_split_anew(tmp_path):
    source = read_yolo(folder(tmp_path, LAYOUTS["flat"], names=["oil"], train="images", val="images"))
    assert [item.split for item in source.items] == [None, None]
    assert any("in two splits" in note for note in source.notes)


def test_equal_stems_keep_their_folder(tmp_path):
    files = {"images/train/a.png": TRIANGLE, "images/val/a.png": TRIANGLE}
    assert [item.stem for item in read_yolo(folder(tmp_path, files), names=["oil"]).items] == ["train/a", "val/a"]


def test_two_images_for_one_label_file_are_an_error(tmp_path):
    root = folder(tmp_path, {"images/a.png": TRIANGLE, "images/a.jpg": None})
    with pytest.raises(SourceError, match=r"labels/a\.txt: images/a\.jpg and images/a\.png share it"):
        read_yolo(root, names=["oil"])


def test_strays_are_counted_by_what_they_are(tmp_path):
    root = folder(tmp_path, {"images/a.png": TRIANGLE, "images/b.png": None})
    write_image(root / "plot.png", PIXELS)
    (root / "labels/c.txt").write_text(TRIANGLE)
    (root / "notes.docx").touch()
    (root / "README.txt").touch()
    found = {skip.where: skip.reason for skip in read_yolo(root, names=["oil"]).skipped}
    assert found == {
        "images/b.png": "image without a label file: taken as background",
        "labels/c.txt": "label file without an image",
        "notes.docx": "file that is neither image nor label",
        "plot.png": "picture outside the image folders",
    }


def test_upper_case_suffixes_are_read(tmp_path):
    root = folder(tmp_path, {"images/a.png": TRIANGLE})
    (root / "images/a.png").rename(root / "images/A.PNG")
    (root / "labels/a.txt").rename(root / "labels/A.TXT")
    assert len(read_all(read_yolo(root, names=["oil"]))["A"].instances) == 1


def test_an_image_without_labels_is_a_background(tmp_path):
    source = read_yolo(folder(tmp_path, {"images/a.png": TRIANGLE, "images/b.png": None}), names=["oil"])
    assert read_all(source)["b"].instances == ()


def test_no_labels_at_all_are_an_error(tmp_path):
    with pytest.raises(SourceError, match="no image here has a label file"):
        read_yolo(folder(tmp_path, {"images/a.png": None}), names=["oil"])


def test_a_dataset_of_our_own_comes_back_bit_for_bit(tmp_path):
    mask = ragged(np.random.default_rng(3), 30, 40)
    source = read_yolo(write_dataset(tmp_path, {"train": {"a.png": mask}, "val": {"b.png": mask}}, imgsz=640))
    for labelled in read_all(source).values():
        assert np.array_equal(np.bitwise_or.reduce([bitmap(one) for one in labelled.instances]), mask)
        assert labelled.skipped == ()


def test_the_reader_can_be_sent_to_a_worker(tmp_path):
    source = read_yolo(folder(tmp_path, {"images/a.png": TRIANGLE}), names=["oil"])
    labelled = pickle.loads(pickle.dumps(source.read))(*pickle.loads(pickle.dumps((source.items[0], 40, 30))))
    assert [one.rle for one in labelled.instances] == [one.rle for one in read_all(source)["a"].instances]


@pytest.mark.parametrize("linked", [("images",), ("labels",), ("images", "labels")])
def test_folders_may_be_links(tmp_path, linked):
    root = folder(tmp_path / "root", LAYOUTS["split below"], names=["oil"], train="images/train", val="images/val")
    for name in linked:
        (root / name).rename(tmp_path / f"real {name}")
        (root / name).symlink_to(tmp_path / f"real {name}")
    source = read_yolo(root)
    assert [item.split for item in source.items] == ["train", "val"]
    assert all(len(labelled.instances) == 1 for labelled in read_all(source).values())
    assert source.skipped == ()


def test_a_pipe_among_the_labels_is_counted_and_not_waited_for(tmp_path):
    root = folder(tmp_path, {"images/a.png": TRIANGLE, "images/b.png": None})
    os.mkfifo(root / "labels/b.txt")
    found = {skip.where: skip.reason for skip in read_yolo(root, names=["oil"]).skipped}
    assert found["labels/b.txt (no regular file)"] == "file that is neither image nor label"
