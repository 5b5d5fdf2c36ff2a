import json
from pathlib import Path
from typing import Any

import pytest

from app.conftest import zip_of
from edge.conftest import chosen_thresholds
from seepseg.app.cards import read_metrics, write_card
from seepseg.measures.threshold_file import write_thresholds

METRICS: dict[str, Any] = {
    "images": 40,
    "split": "test",
    "names": ["oil_slick"],
    "mask": {"map50": 0.512, "per_class": {"oil_slick": {"ap50": 0.512, "instances": 1234}}},
    "pixels": {"miou_foreground": None, "per_class": {"oil_slick": {"iou": None, "precision": 0.25, "recall": 1.0}}},
    "presence": None,
    "ci95": {"mask.map50": [0.4, 0.6]},
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/best.pt").touch()
    return tmp_path


def card_of(path: Path) -> str:
    card = write_card(path)
    assert card is not None
    return card


def test_the_card_that_a_bundle_brings_is_shown_as_it_is(run: Path) -> None:
    (run / "bundle").mkdir()
    (run / "bundle/MODEL.md").write_text("# Mine\n")
    assert write_card(run) == "# Mine\n"


def test_figures_come_with_their_intervals(run: Path) -> None:
    (run / "metrics.json").write_text(json.dumps(METRICS))
    assert "**0.51** (95 % sure: 0.40 to 0.60) mAP50" in card_of(run)


def test_a_figure_that_is_not_there_is_left_out(run: Path) -> None:
    (run / "metrics.json").write_text(json.dumps(METRICS))
    assert "mIoU" not in card_of(run)
    assert r"| oil\_slick | 1,234 | 0.51 | – | 0.25 | 1.00 |" in card_of(run)


def test_an_evaluation_in_a_folder_of_the_run_counts_too(run: Path) -> None:
    (run / "test").mkdir()
    (run / "test/metrics.json").write_text(json.dumps(METRICS))
    found = read_metrics(run)
    assert found is not None
    assert found[1] == run / "test/metrics.json"


def test_a_run_that_was_never_evaluated_says_so(run: Path) -> None:
    assert "Not evaluated yet" in card_of(run)


def test_a_training_that_is_not_finished_is_named(run: Path) -> None:
    (run / "record.json").write_text(json.dumps({"status": "interrupted", "started": "2026-01-02T03:04:05"}))
    assert "training is interrupted" in card_of(run)
    assert "2026-01-02" in card_of(run)


def test_what_decides_is_told_with_the_images_that_it_was_chosen_on(run: Path) -> None:
    write_thresholds(run / "thresholds.json", chosen_thresholds())
    assert "from a confidence of 0.15 on" in card_of(run)
    assert "20 images of the val split" in card_of(run)


def test_a_damaged_file_hides_nothing_else(run: Path) -> None:
    (run / "metrics.json").write_text("{")
    (run / "input.json").write_text(json.dumps({"names": ["oil"], "imgsz": 256}))
    assert "Finds one class: oil." in card_of(run)


def test_nothing_is_made_up_about_a_file_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "best.pt").touch()
    (tmp_path / "odd.zip").write_bytes(zip_of({"a": b""}))
    assert write_card(tmp_path / "best.pt") is None
    assert write_card(tmp_path / "odd.zip") is None


def test_the_card_of_a_packed_bundle_is_read(tmp_path: Path) -> None:
    from seepseg.edge.bundle import write_manifest
    from seepseg.edge.packing import pack

    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "MODEL.md").write_text("# Packed\n")
    (folder / "model.torchscript").write_bytes(b"x")
    facts = {"task": "segment", "names": ["oil"], "imgsz": 64, "stride": 32, "dynamic": False, "models": {}}
    write_manifest(folder, facts)
    pack(folder, tmp_path / "bundle.zip")
    assert write_card(tmp_path / "bundle.zip") == "# Packed\n"
