import os
from pathlib import Path

import numpy as np
import pytest

from make_dataset import write_dataset
from seepseg.app.datasets import as_columns, class_columns, find_datasets, select, stamp_of, survey


def square(class_id: int, side: int, *, size: int = 40) -> np.ndarray:
    classes = np.zeros((size, size), np.uint8)
    classes[3 : 3 + side, 3 : 3 + side] = class_id + 1
    return classes


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    splits = {
        "train": {"a.png": square(0, 10), "b.png": square(1, 20), "c.png": np.zeros((40, 40), np.uint8)},
        "val": {"d.png": square(0, 12)},
    }
    groups = {"a.png": "one", "b.png": "one", "c.png": "two", "d.png": "three"}
    return write_dataset(tmp_path / "datasets/made", splits, groups=groups) / "data.yaml"


def test_datasets_are_found_by_their_data_yaml(dataset: Path) -> None:
    (dataset.parent.parent / "recipe.yaml").touch()
    assert find_datasets(dataset.parent.parent) == {"made": dataset}


def test_objects_are_counted_by_split_and_class(dataset: Path) -> None:
    overview = survey(dataset)
    assert overview.count("train") == (1, 1)
    assert as_columns(overview) == {
        "Split": ["train", "val"],
        "Images": [3, 1],
        "With objects": [2, 1],
        "Objects": [2, 1],
        "Scenes or groups": [2, 1],
    }


def test_sizes_are_those_of_the_objects(dataset: Path) -> None:
    # A label's polygon runs through the centres of the outermost pixels or close to it.
    assert class_columns(survey(dataset))["Median side, px"] == [pytest.approx(11, abs=1), pytest.approx(20, abs=1)]


def test_images_are_chosen_by_class_and_empty_ones_only_where_asked(dataset: Path) -> None:
    overview = survey(dataset)
    assert [one.image.name for one in select(overview, "train")] == ["a.png", "b.png"]
    assert [one.image.name for one in select(overview, "train", [1])] == ["b.png"]
    assert len(select(overview, "train", empty=True)) == 3


def test_a_dataset_of_others_has_no_groups_to_tell(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "plain", {"train": {"a.png": square(0, 5)}}, truth=False)
    assert "Scenes or groups" not in as_columns(survey(folder / "data.yaml"))
    assert survey(folder / "data.yaml").sides[0][0] == pytest.approx(5, abs=1)


def test_a_label_that_is_none_is_left_to_the_check(dataset: Path) -> None:
    (dataset.parent / "labels/train/c.txt").write_text("9 .1 .1 .2 .2 .3 .1\nx\n0 .5 .5 .1 .1\n")
    assert survey(dataset).count("train") == (2, 1)


def test_what_is_wrong_with_a_data_yaml_is_told(dataset: Path) -> None:
    dataset.write_text(dataset.read_text().replace("images/val", "images/gone"))
    assert "gone" in survey(dataset).problems[0]


@pytest.mark.parametrize("file", ["labels/train/a.txt", "images/val/d.png", "data.yaml"])
def test_the_stamp_changes_with_any_file_and_only_then(dataset: Path, file: str) -> None:
    before = stamp_of(dataset)
    assert stamp_of(dataset) == before
    os.utime(dataset.parent / file, (5, 5))
    assert stamp_of(dataset) != before


def test_what_the_manifest_counted_is_not_read_again(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr("seepseg.app.datasets._read_classes", lambda label, count: read.append(Path(label).name) or ())
    (dataset.parent / "labels/train/c.txt").write_text("0 .1 .1 .2 .2 .3 .1\n")
    assert survey(dataset).count("train") == (1, 1)
    assert read == ["c.txt"]
