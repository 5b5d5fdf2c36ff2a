from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from make import write_image
from seepseg import rle
from seepseg.errors import SourceError, UsageError
from seepseg.labels.instances import read_instances
from seepseg.values import LabelledImage


def read(root: Path, mask: NDArray[Any], *names: str, suffix: str = ".png", **settings: Any) -> LabelledImage:
    height, width = mask.shape[:2]
    write_image(root / "images" / "a.jpg", np.zeros((height, width), np.uint8))
    (root / "masks").mkdir()
    Image.fromarray(mask).save(root / "masks" / f"a{suffix}")
    source = read_instances(root / "images", root / "masks", names=names or ["person"], **settings)
    return source.read(source.items[0], width, height)


def bitmaps(labels: LabelledImage) -> dict[Any, list[list[int]]]:
    size = [labels.height, labels.width]
    return {one.source_id: coco_mask.decode({"size": size, "counts": one.rle}).tolist() for one in labels.instances}


def test_each_value_is_an_object_even_where_they_touch(tmp_path: Path):
    labels = read(tmp_path, np.array([[1, 1, 2], [0, 3, 2]], np.uint8))
    assert bitmaps(labels) == {1: [[1, 1, 0], [0, 0, 0]], 2: [[0, 0, 1], [0, 0, 1]], 3: [[0, 0, 0], [0, 1, 0]]}
    assert {one.class_id for one in labels.instances} == {0}


def test_an_object_in_parts_is_one_instance_of_several_outlines(tmp_path: Path):
    (one,) = read(tmp_path, np.array([[7, 0, 7]], np.uint8)).instances
    assert len(one.outlines) == 2


@pytest.mark.parametrize("high", [300, 60_000])
def test_ids_of_sixteen_bits_are_kept(tmp_path: Path, high: int):
    labels = read(tmp_path, np.array([[0, 1, high]], np.uint16))
    assert set(bitmaps(labels)) == {1, high}


def test_ids_of_thirty_two_bits_are_kept(tmp_path: Path):
    labels = read(tmp_path, np.array([[0, 5, 2_000_000]], np.int32), suffix=".tif")
    assert set(bitmaps(labels)) == {5, 2_000_000}


def test_colours_may_be_ids(tmp_path: Path):
    mask = np.array([[[0, 0, 0], [1, 0, 0], [1, 2, 3]]], np.uint8)
    assert set(bitmaps(read(tmp_path, mask, rgb_ids=True))) == {1, 1 + 2 * 256 + 3 * 65536}


def test_another_background_is_no_object(tmp_path: Path):
    assert set(bitmaps(read(tmp_path, np.array([[0, 1, 9]], np.uint8), background="9"))) == {0, 1}


def test_void_beside_ids_must_be_decided(tmp_path: Path):
    with pytest.raises(SourceError, match="255 beside the ids 1-2; add --ignore 255"):
        read(tmp_path, np.array([[0, 1, 2, 255]], np.uint8))


def test_void_is_ignored_when_asked(tmp_path: Path):
    labels = read(tmp_path, np.array([[0, 1, 2, 255]], np.uint8), ignore="255")
    assert set(bitmaps(labels)) == {1, 2}
    assert labels.ignore is not None
    assert rle.decode(labels.ignore, 4, 1).tolist() == [[0, 0, 0, 1]]


def test_255_is_an_object_when_asked_or_alone(tmp_path: Path):
    assert set(bitmaps(read(tmp_path / "asked", np.array([[1, 255]], np.uint8), ignore="none"))) == {1, 255}
    assert set(bitmaps(read(tmp_path / "alone", np.array([[0, 255]], np.uint8)))) == {255}


def test_cityscapes_ids_hold_their_class(tmp_path: Path):
    mask = np.array([[7, 24_000, 24_001, 26_000, 26]], np.uint16)
    labels = read(tmp_path, mask, "person", "car", divisor=1000, values="24,26", background="0-23")
    assert [(one.class_id, one.source_id) for one in labels.instances] == [(0, 24_000), (0, 24_001), (1, 26_000)]
    assert [skip.reason for skip in labels.skipped] == ["group of objects without numbers, ignored"]
    assert labels.ignore is not None
    assert rle.decode(labels.ignore, 5, 1).tolist() == [[0, 0, 0, 0, 1]]


def test_a_class_without_a_name_is_listed(tmp_path: Path):
    with pytest.raises(SourceError, match=r"classes 3,7, which have no name"):
        read(tmp_path, np.array([[1000, 3000, 7]], np.uint16), "person", divisor=1000)


def test_an_empty_mask_holds_no_objects(tmp_path: Path):
    assert read(tmp_path, np.zeros((3, 4), np.uint8)) == LabelledImage(4, 3)


def test_jpeg_masks_are_refused(tmp_path: Path):
    with pytest.raises(SourceError, match=r"JPEG changes values.*\na\.jpg"):
        read(tmp_path, np.zeros((8, 8), np.uint8), suffix=".jpg")


@pytest.mark.parametrize(
    ("names", "settings", "problem"),
    [
        (["a", "b"], {}, "ids alone do not say a class"),
        (["a"], {"values": "3"}, "ids alone do not say a class"),
        (["a", "b"], {"divisor": 1000, "values": "3"}, "as many --values as --names"),
        (["a"], {"divisor": 1}, "--divisor of 2 or more"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    tmp_path: Path, names: list[str], settings: dict[str, Any], problem: str
):
    with pytest.raises(UsageError, match=problem):
        read_instances(tmp_path, tmp_path, names=names, **settings)
