import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from make_dataset import write_dataset
from seepseg.app.datasets import stamp_of
from seepseg.app.datasets_desk import check_question, desk
from seepseg.app.settings import ROOT

SCRIPT = "from seepseg.app.main import _show\n_show('data')"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ROOT, str(tmp_path))
    oil, ship = np.zeros((2, 40, 40), np.uint8)
    oil[5:20, 5:20], ship[3:9, 3:30] = 1, 2
    write_dataset(tmp_path / "datasets/made", {"train": {"a.png": oil, "b.png": ship}, "val": {"c.png": oil}})
    return tmp_path


def visit() -> AppTest:
    page = AppTest.from_string(SCRIPT, default_timeout=20).run()
    assert not page.exception
    return page


def pictures(page: AppTest) -> str:
    return "".join(one.proto.body for one in page.get("html") if 'class="gallery"' in one.proto.body)


class Answered:
    """A command that is done."""

    running, error, step = False, None, None

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def wait(self) -> str:
        return self.answer


def test_a_dataset_is_told_in_numbers(root: Path) -> None:
    page = visit()
    assert page.markdown[0].value.startswith("3 images with 3 objects of 2 classes.")
    splits, classes = (frame.value for frame in page.dataframe[:2])
    assert list(splits["Objects"]) == [2, 1]
    assert list(classes["All"]) == [2, 1]


def test_labels_are_shown_split_by_split_and_class_by_class(root: Path) -> None:
    page = visit()
    assert "a.png" in pictures(page)
    page.pills[0].set_value(["ship"]).run()
    assert "b.png" in pictures(page)
    assert "a.png" not in pictures(page)
    page.segmented_control[0].set_value("val").run()
    assert "No image of this split" in page.info[0].value


def test_an_image_whose_label_is_broken_says_so_beside_the_others(root: Path) -> None:
    (root / "datasets/made/labels/train/a.txt").write_text("0 .1 .1 .2 half .3 .1\n")
    page = visit()
    assert "datasets/made/labels/train/a.txt:1: not a class id followed by numbers" in pictures(page)
    assert "b.png" in pictures(page)
    assert str(root) not in pictures(page)
    assert not page.error


def test_a_report_of_the_check_is_told_in_words(root: Path) -> None:
    yaml = root / "datasets/made/data.yaml"
    finding = {"code": "leak-copy", "severity": "fault", "count": 2, "text": "one image on two sides"}
    report = {
        "faults": 1,
        "warnings": 0,
        "imgsz": 64,
        "sizes": [{"name": "oil", "objects": 2, "thin": 1, "tiny": 0, "imgsz_enough": 96}],
        "findings": [finding | {"places": ["a.png = c.png"], "way_out": "convert again"}],
    }
    question = check_question(yaml, stamp_of(yaml))
    desk()._commands[question] = Answered(json.dumps(report))  # type: ignore[assignment]
    page = visit()
    assert "one image on two sides" in page.error[0].value
    assert "1 fault to mend, 0 warnings." in [one.value for one in page.markdown]
    assert "a.png = c.png" in page.text[0].value
    del desk()._commands[question]


def test_a_dataset_whose_yaml_is_broken_is_a_sentence_and_others_can_be_chosen(root: Path) -> None:
    broken = root / "datasets/broken"
    broken.mkdir()
    (broken / "data.yaml").write_text("- no mapping")
    page = visit()
    assert "not a data" in page.error[0].value
    page.selectbox[0].set_value("made").run()
    assert not page.error


def test_without_datasets_the_page_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT, str(tmp_path))
    assert "seepseg convert" in visit().info[0].value
