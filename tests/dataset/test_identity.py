import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from make_dataset import write_dataset
from seepseg.dataset.identity import dataset_hash
from seepseg.dataset.layout import label_path, read_dataset
from seepseg.errors import DatasetError


def a_dataset(root: Path, *, truth: bool = True) -> Path:
    splits = {"train": {"a.png": np.eye(32, dtype=np.uint8), "b.png": 2 * np.eye(32, dtype=np.uint8)}}
    return write_dataset(root, {**splits, "val": {"c.png": np.zeros((32, 32), np.uint8)}}, truth=truth)


def hash_of(path: Path) -> str:
    return dataset_hash(read_dataset(path))


def test_the_hash_is_the_same_wherever_the_folder_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hash_of(a_dataset(tmp_path / "images" / "one"))
    shutil.copytree(tmp_path / "images" / "one", tmp_path / "two")
    assert hash_of(tmp_path / "two") == first
    monkeypatch.chdir(tmp_path / "two")
    assert hash_of(Path("data.yaml")) == first


def test_with_and_without_a_manifest_it_is_the_same(tmp_path: Path) -> None:
    assert hash_of(a_dataset(tmp_path / "one")) == hash_of(a_dataset(tmp_path / "two", truth=False))


def test_images_in_the_manifest_are_not_read_again(tmp_path: Path) -> None:
    root = a_dataset(tmp_path)
    before = hash_of(root)
    for image in (root / "images").rglob("*.png"):
        image.write_bytes(b"")
    assert hash_of(root) == before


def test_a_rendered_image_counts_by_its_own_pixels(tmp_path: Path) -> None:
    root = a_dataset(tmp_path)
    lines = [json.loads(line) for line in (root / "manifest.jsonl").read_text().splitlines()]
    (root / "manifest.jsonl").write_text("".join(json.dumps({**line, "rendered": True}) + "\n" for line in lines))
    before = hash_of(root)
    (root / "images" / "train" / "a.png").write_bytes(b"rendered otherwise")
    assert hash_of(root) != before


@pytest.mark.parametrize("change", ["labels", "names", "split", "image"])
def test_what_is_learnt_from_changes_it(tmp_path: Path, change: str) -> None:
    root = a_dataset(tmp_path, truth=False)
    before = hash_of(root)
    image = root / "images" / "train" / "a.png"
    if change == "labels":
        label_path(image).write_text("")
    elif change == "names":
        (root / "data.yaml").write_text((root / "data.yaml").read_text().replace("ship", "seep"))
    elif change == "split":
        moved = root / "images" / "val" / "a.png"
        label_path(image).rename(label_path(moved))
        image.rename(moved)
    else:
        image.write_bytes((root / "images" / "train" / "b.png").read_bytes())
    assert hash_of(root) != before


def test_names_of_files_and_repeats_in_a_list_do_not_count(tmp_path: Path) -> None:
    root = a_dataset(tmp_path, truth=False)
    before = hash_of(root)
    for kind, suffix in (("images", "png"), ("labels", "txt")):
        (root / kind / "train" / f"a.{suffix}").rename(root / kind / "train" / f"z.{suffix}")
    (root / "train.txt").write_text("./images/train/z.png\n./images/train/b.png\n./images/train/z.png\n")
    (root / "data.yaml").write_text((root / "data.yaml").read_text().replace("images/train", "train.txt"))
    assert hash_of(root) == before


def test_a_listed_image_that_is_missing_is_a_sentence(tmp_path: Path) -> None:
    root = a_dataset(tmp_path, truth=False)
    (root / "train.txt").write_text("./images/train/none.png\n")
    (root / "data.yaml").write_text((root / "data.yaml").read_text().replace("images/train", "train.txt"))
    with pytest.raises(DatasetError, match=r"none\.png: cannot be read.*seepseg check"):
        hash_of(root)
