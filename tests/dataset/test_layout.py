from pathlib import Path

import numpy as np
import pytest
import yaml

from make import write_image
from seepseg.dataset.layout import label_path, list_images, read_dataset, read_manifest, read_rows, read_yaml, resolve
from seepseg.errors import DatasetError

PIXELS = np.zeros((12, 12), np.uint8)


def write_yaml(root: Path, **keys):
    root.mkdir(exist_ok=True)
    (root / "data.yaml").write_text(yaml.safe_dump(keys))
    return root


def test_splits_are_found_beside_the_yaml(tmp_path):
    image = write_image(tmp_path / "images/train/a.png", PIXELS)
    dataset = read_dataset(write_yaml(tmp_path, train="images/train", names={0: "oil"}, seepseg={"imgsz": 320}))
    assert dataset.splits == {"train": (image,)}
    assert (dataset.names, dataset.imgsz) == (("oil",), 320)


def test_a_folder_above_as_roboflow_writes_it_is_found(tmp_path):
    image = write_image(tmp_path / "train/images/a.png", PIXELS)
    assert read_dataset(write_yaml(tmp_path, train="../train/images", names=["oil"])).splits["train"] == (image,)


def test_a_list_of_images_is_read_from_its_own_folder(tmp_path):
    image = write_image(tmp_path / "images/a.png", PIXELS)
    (tmp_path / "train.txt").write_text("./images/a.png\n\n./images/a.png\n")
    assert read_dataset(write_yaml(tmp_path, train="train.txt", names=["oil"])).splits["train"] == (image, image)


def test_hidden_and_other_files_are_no_images(tmp_path):
    for name in ("._a.png", "b.PNG", "c.txt", ".hidden/d.png", "e.gif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [image.name for image in list_images(tmp_path)] == ["b.PNG"]


def test_every_fault_of_the_yaml_is_told_at_once(tmp_path):
    root = write_yaml(tmp_path, train="nowhere", nc=3, names=["oil", "oil"], seepseg={"imgsz": "big"})
    with pytest.raises(DatasetError) as error:
        read_dataset(root)
    for words in ("nowhere is not there", "nc is 3, but names lists 2", "two names are the same", "imgsz must be"):
        assert words in str(error.value)


@pytest.mark.parametrize("imgsz", [0, -1, 16_385, 10**12, 640.0, True])
def test_an_image_size_that_no_training_has_is_a_problem(tmp_path, imgsz):
    dataset, problems = resolve(write_yaml(tmp_path, names=["oil"], seepseg={"imgsz": imgsz}))
    assert problems == [
        f"{tmp_path}/data.yaml: seepseg: imgsz must be a whole number of pixels, 16,384 at most, not {imgsz}"
    ]
    assert dataset.imgsz is None


def test_the_largest_image_size_is_taken(tmp_path):
    assert read_dataset(write_yaml(tmp_path, names=["oil"], seepseg={"imgsz": 16_384})).imgsz == 16_384


@pytest.mark.parametrize("read", [read_yaml, read_rows])
def test_what_cannot_be_read_is_told_without_the_error_number(tmp_path, read):
    with pytest.raises(DatasetError) as error:
        read(tmp_path)
    assert str(error.value) == f"{tmp_path}: cannot be read: Is a directory"


def test_what_can_be_resolved_is_there_beside_the_problems(tmp_path):
    image = write_image(tmp_path / "images/train/a.png", PIXELS)
    dataset, problems = resolve(write_yaml(tmp_path, train="images/train", val="nowhere", names=["oil"]))
    assert dataset.splits["train"] == (image,)
    assert len(problems) == 1


@pytest.mark.parametrize("names", [{0: "oil", 2: "ship"}, [], None, "oil"])
def test_names_with_a_gap_or_none_are_refused(tmp_path, names):
    with pytest.raises(DatasetError, match="names must be a list"):
        read_dataset(write_yaml(tmp_path, names=names))


def test_numbered_names_are_put_in_order(tmp_path):
    assert read_dataset(write_yaml(tmp_path, names={"1": "ship", "0": "oil"})).names == ("oil", "ship")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: [", b"- list"])
def test_what_is_no_yaml_of_keys_is_refused(tmp_path, content):
    (tmp_path / "data.yaml").write_bytes(content)
    with pytest.raises(DatasetError, match=r"data\.yaml"):
        read_dataset(tmp_path)


def test_a_class_number_given_twice_is_refused(tmp_path):
    (tmp_path / "data.yaml").write_text("train: images/train\nnames:\n  0: oil\n  0: ship\n")
    with pytest.raises(DatasetError, match=r"data\.yaml:4: 0 is given twice, first in line 3; take one out"):
        read_dataset(tmp_path)


def test_a_missing_yaml_says_what_to_give(tmp_path):
    with pytest.raises(DatasetError, match="give a dataset folder or its"):
        read_dataset(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    "image",
    ["/d/images/train/a.jpg", "/images/x/images/a.b.png", "/d/images.png/a.png", "/d/images/images/images.png"],
)
def test_labels_are_where_ultralytics_looks_for_them(image):
    from ultralytics.data.utils import img2label_paths

    assert str(label_path(Path(image))) == img2label_paths([image])[0]


def test_rows_are_shares_of_the_image(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("\ufeff1 0 0 1 0 1 1\n\n0 .5 .5 .75 .5 .75 .75\r\n")
    (first, polygon), (second, _) = read_rows(file)
    assert (first, second) == (1, 0)
    assert polygon.tolist() == [[0, 0], [1, 0], [1, 1]]


def test_a_missing_label_file_holds_no_rows(tmp_path):
    assert read_rows(tmp_path / "a.txt") == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("oil 0 0 1 0 1 1", "not a class id .*; run 'seepseg check'"),
        ("0 .1 .1 .2 .2", "a box, not a polygon; 'seepseg convert yolo FOLDER OUT --boxes box'"),
        ("0 0 0 1 0 1 1 1", "this has 7; run 'seepseg check'"),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(tmp_path, row, words):
    file = tmp_path / "a.txt"
    file.write_text(f"0 0 0 1 0 1 1\n{row}\n")
    with pytest.raises(DatasetError, match=rf"a\.txt:2: .*{words}"):
        read_rows(file)


def test_labels_that_are_no_text_are_named(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xff\xfe0")
    with pytest.raises(DatasetError, match=r"a\.txt: not readable as text"):
        read_rows(file)


def test_a_broken_line_of_the_manifest_is_named(tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"image": "a"}\n{"image":\n')
    with pytest.raises(DatasetError, match=r"manifest\.jsonl:2"):
        list(read_manifest(tmp_path))


def test_a_link_back_to_a_folder_above_is_not_followed_round_and_round(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "b" / "x.png", np.zeros((8, 8), np.uint8))
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "other").symlink_to(tmp_path / "a" / "b")
    assert list_images(tmp_path / "a") == [tmp_path / "a" / "b" / "x.png", tmp_path / "a" / "other" / "x.png"]
