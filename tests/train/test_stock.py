import json
from pathlib import Path

import numpy as np
import pytest

from make import Bitmap, grey_image
from make_dataset import write_dataset
from seepseg import rle
from seepseg.dataset.layout import read_dataset, read_rows
from seepseg.errors import DatasetError, UsageError
from seepseg.raster import read_pixels
from seepseg.train.stock import closed_of, own_instances, read_stock

WHOLE = (slice(None), slice(None))


def classes_of(*boxes: tuple[int, int, int, int, int]) -> Bitmap:
    classes = np.zeros((64, 64), np.uint8)
    for value, x, y, width, height in boxes:
        classes[y : y + height, x : x + width] = value
    return classes


TWO = classes_of((1, 5, 5, 20, 8), (2, 40, 30, 9, 20))


@pytest.mark.parametrize("truth", [True, False])
def test_objects_are_the_same_from_truth_and_from_rows(tmp_path: Path, truth: bool) -> None:
    write_dataset(tmp_path, {"train": {"a.png": TWO}}, truth=truth)
    (tile,) = read_stock(read_dataset(tmp_path))
    masks = {class_id: rle.decode(counts, tile.width, tile.height) for class_id, counts in tile.objects}
    assert np.array_equal(masks[0], TWO == 1)
    assert np.array_equal(masks[1], TWO == 2)


def test_an_image_listed_twice_is_one_tile(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"train": {"a.png": TWO, "b.png": TWO}})
    (tmp_path / "twice.txt").write_text("./images/train/a.png\n./images/train/b.png\n./images/train/a.png\n")
    text = (tmp_path / "data.yaml").read_text().replace("train: images/train", "train: twice.txt")
    (tmp_path / "data.yaml").write_text(text)
    assert [tile.stem for tile in read_stock(read_dataset(tmp_path))] == ["a", "b"]


def test_rows_that_others_drew_stay_as_they_are(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"train": {"a.png": TWO}}, truth=False)
    (tile,) = read_stock(read_dataset(tmp_path))
    rows = read_rows(tmp_path / "labels/train/a.txt")
    for (class_id, polygon), one in zip(rows, own_instances(tile), strict=True):
        assert one.class_id == class_id
        assert one.outlines[0].points == pytest.approx(polygon * 64)


def test_pixels_of_objects_ignored_pixels_and_no_data_are_closed(tmp_path: Path) -> None:
    sea = grey_image(np.random.default_rng(0), 64, 64)
    sea[:10] = 0
    write_dataset(tmp_path, {"train": {"a.png": TWO}}, pixels={"a.png": sea})
    ignored = np.zeros((64, 64), np.uint8)
    ignored[60:, :5] = 1
    document = json.loads((tmp_path / "annotations/train.json").read_text())
    document["images"][0]["ignore"] = {"size": [64, 64], "counts": rle.encode(ignored).decode()}
    (tmp_path / "annotations/train.json").write_text(json.dumps(document))
    (tile,) = read_stock(read_dataset(tmp_path))
    closed = closed_of(tile, read_pixels(tile.image), WHOLE)
    black = np.zeros((64, 64), bool)
    black[:10] = True
    assert np.array_equal(closed, (TWO > 0) | (ignored > 0) | black)


def test_the_object_that_is_lifted_is_not_closed(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"train": {"a.png": TWO}})
    (tile,) = read_stock(read_dataset(tmp_path))
    index = [class_id for class_id, _ in tile.objects].index(1)
    assert np.array_equal(closed_of(tile, read_pixels(tile.image), WHOLE, but=index), TWO == 1)


def test_an_unknown_class_is_told(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"train": {"a.png": TWO}}, names=("oil", "ship"), truth=False)
    (tmp_path / "labels/train/a.txt").write_text("7 0.1 0.1 0.5 0.1 0.5 0.5\n")
    with pytest.raises(DatasetError, match=r"a\.png: class 7 is not in names \(0-1\)"):
        read_stock(read_dataset(tmp_path))


def test_a_dataset_without_training_images_is_told(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"val": {"a.png": TWO}})
    with pytest.raises(UsageError, match="no images in train"):
        read_stock(read_dataset(tmp_path))
