from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from make import write_image
from seepseg.errors import SourceError, UsageError
from seepseg.labels.objects import read_objects
from seepseg.values import LabelledImage, Source

IMAGE = np.zeros((4, 6), np.uint8)


def box(x: int, y: int, width: int, height: int, value: int = 255) -> NDArray[np.uint8]:
    bitmap = IMAGE.copy()
    bitmap[y : y + height, x : x + width] = value
    return bitmap


def write_sample(root: Path, name: str, *masks: NDArray[np.uint8]) -> Path:
    write_image(root / name / "images" / f"{name}.png", IMAGE)
    for number, mask in enumerate(masks):
        write_image(root / name / "masks" / f"m{number}.png", mask)
    return root


def read(source: Source, number: int = 0) -> LabelledImage:
    return source.read(source.items[number], 6, 4)


def bitmaps(labels: LabelledImage) -> dict[Any, NDArray[np.uint8]]:
    size = [labels.height, labels.width]
    return {one.source_id: coco_mask.decode({"size": size, "counts": one.rle}) for one in labels.instances}


def test_each_file_is_an_object_even_where_they_overlap(tmp_path: Path):
    masks = {"m0": box(0, 0, 3, 3), "m1": box(2, 1, 4, 3)}
    source = read_objects(write_sample(tmp_path, "a", *masks.values()), names=["nucleus"])
    found = bitmaps(read(source))
    assert set(found) == set(masks)
    assert all(np.array_equal(found[name], masks[name] > 0) for name in masks)


def test_an_object_lies_where_its_mask_has_it(tmp_path: Path):
    (one,) = read(read_objects(write_sample(tmp_path, "a", box(2, 1, 3, 2)), names=["nucleus"])).instances
    assert (one.bbox, one.area) == ((2, 1, 3, 2), 6)
    assert one.outlines[0].points.min(axis=0).tolist() == [2, 1]


def test_an_object_in_parts_is_one_instance(tmp_path: Path):
    mask = box(0, 0, 1, 1) | box(4, 2, 2, 2)
    (one,) = read(read_objects(write_sample(tmp_path, "a", mask), names=["nucleus"])).instances
    assert len(one.outlines) == 2


def test_masks_may_lie_in_a_folder_of_the_stem(tmp_path: Path):
    write_image(tmp_path / "images" / "a.png", IMAGE)
    write_image(tmp_path / "images" / "b.png", IMAGE)
    write_image(tmp_path / "masks" / "a" / "1.png", box(0, 0, 1, 1))
    (tmp_path / "masks" / "b").mkdir()
    source = read_objects(tmp_path, names=["nucleus"])
    assert [len(read(source, number).instances) for number in (0, 1)] == [1, 0]


def test_samples_below_split_folders_keep_their_split(tmp_path: Path):
    write_sample(tmp_path / "train", "a", box(0, 0, 1, 1))
    write_sample(tmp_path / "test", "b", box(0, 0, 1, 1))
    assert {item.stem: item.split for item in read_objects(tmp_path, names=["n"]).items} == {"a": "train", "b": "test"}


def test_an_empty_object_is_counted(tmp_path: Path):
    labels = read(read_objects(write_sample(tmp_path, "a", box(0, 0, 1, 1), IMAGE), names=["n"]))
    assert len(labels.instances) == 1
    assert [(skip.reason, skip.where) for skip in labels.skipped] == [("empty object mask", "a/masks/m1.png")]


def test_an_object_given_twice_counts_once(tmp_path: Path):
    labels = read(read_objects(write_sample(tmp_path, "a", box(0, 0, 1, 1), box(0, 0, 1, 1, 1)), names=["n"]))
    assert len(labels.instances) == 1
    assert [skip.reason for skip in labels.skipped] == ["object given twice"]


def test_greys_need_a_threshold(tmp_path: Path):
    root = write_sample(tmp_path, "a", box(0, 0, 2, 2) | box(4, 0, 1, 1, 100))
    with pytest.raises(SourceError, match=r"m0\.png: holds 2 values beside 0, .* --threshold 127"):
        read(read_objects(root, names=["n"]))
    (one,) = read(read_objects(root, names=["n"], threshold=127)).instances
    assert one.area == 4


def test_an_object_of_another_size_is_an_error(tmp_path: Path):
    write_image(tmp_path / "a" / "images" / "a.png", IMAGE)
    write_image(tmp_path / "a" / "masks" / "m.png", np.zeros((5, 5), np.uint8))
    with pytest.raises(SourceError, match="mask is 5×5, its image 6×4"):
        read(read_objects(tmp_path, names=["n"]))


def test_an_image_without_masks_is_an_error_or_follows_the_rule(tmp_path: Path):
    write_sample(tmp_path, "a", box(0, 0, 1, 1))
    write_sample(tmp_path, "b")
    with pytest.raises(SourceError, match=r"b/images/b\.png"):
        read_objects(tmp_path, names=["n"])
    assert [item.stem for item in read_objects(tmp_path, names=["n"], unmatched="skip").items] == ["a"]
    background = read_objects(tmp_path, names=["n"], unmatched="background")
    assert read(background, 1) == LabelledImage(6, 4)
    assert [skip.where for skip in background.skipped] == ["b/images/b.png"]


def test_an_empty_folder_of_masks_is_an_image_of_nothing(tmp_path: Path):
    write_sample(tmp_path, "a")
    (tmp_path / "a" / "masks").mkdir()
    assert not read(read_objects(tmp_path, names=["n"])).instances


def test_stray_masks_and_files_are_counted(tmp_path: Path):
    write_sample(tmp_path, "a", box(0, 0, 1, 1))
    write_image(tmp_path / "b" / "masks" / "m.png", IMAGE)
    write_image(tmp_path / "cover.png", IMAGE)
    (tmp_path / "solution.csv").touch()
    assert sorted((skip.reason, skip.where) for skip in read_objects(tmp_path, names=["n"]).skipped) == [
        ("mask without an image", "b/masks/m.png"),
        ("not a picture", "solution.csv"),
        ("outside the image and mask folders", "cover.png"),
    ]


def test_two_images_for_one_folder_of_masks_are_an_error(tmp_path: Path):
    write_sample(tmp_path, "a", box(0, 0, 1, 1))
    write_image(tmp_path / "a" / "images" / "b.png", IMAGE)
    with pytest.raises(SourceError, match="2 images share one folder"):
        read_objects(tmp_path, names=["n"])


def test_another_layout_is_refused_with_the_layouts_known(tmp_path: Path):
    write_image(tmp_path / "a.png", IMAGE)
    with pytest.raises(SourceError, match=r"masks/STEM/\*\.png"):
        read_objects(tmp_path, names=["n"])


def test_several_names_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="give one name, not 2"):
        read_objects(tmp_path, names=["a", "b"])


def test_a_threshold_that_no_object_reaches_is_refused(tmp_path: Path):
    write_sample(tmp_path, "s1", box(1, 1, 3, 3, value=1))
    with pytest.raises(SourceError, match="no mask value is above --threshold 127; the greatest is 1"):
        read_objects(tmp_path, names=["cell"], threshold=127)
