import json
from pathlib import Path

import pytest

from make import write_pairs
from seepseg.cli import main


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pairs(tmp_path, 10)
    monkeypatch.chdir(tmp_path)


MASKS = ("convert", "masks", "images", "masks", "out", "--names", "a,b", "--workers", "1")


@pytest.mark.usefixtures("pairs")
def test_decisions_come_first_then_what_went_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(MASKS) == 0
    shown = capsys.readouterr()
    assert "10 pairs" in shown.err
    assert "train" in shown.out
    assert "mean IoU" in shown.out
    assert shown.out.rstrip().endswith("next: seepseg check out")


@pytest.mark.usefixtures("pairs")
def test_a_program_gets_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MASKS, "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["images"] == 10
    assert written["fidelity"]["mean_iou"] > 0.999


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--imgsz", "8"], "--imgsz 8: give a whole number from 32 to 16,384"),
        (["--imgsz", "10000000"], "--imgsz 10000000"),
        (["--seed", "-1"], "--seed -1"),
        (["--scale", "wrong"], "--scale"),
        (["--split", ".7,.7"], "adding up to 1"),
        (["--split", "most"], "--split most"),
        (["--folds", "1"], "--folds 1: give 2 or more"),
        (["--workers", "0"], "--workers 0"),
        (["--bands", "1,2"], "one band or three"),
        (["--gsd", "-1"], "--gsd -1"),
        (["--nodata", "nan"], "--nodata nan: is no data anyway"),
        (["--nodata", "0"], "--nodata 0 is for 16-bit"),
        (["--group", "(", "--groups", "g.csv"], "give one"),
        (["--groups", "g.csv"], "g.csv: no such file"),
        (["--group", "tile"], "--group"),
        (["--names", "a,a"], "a name of its own"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_written(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*MASKS, *flags]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("pairs")
def test_a_dataset_that_is_there_is_left_alone_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(MASKS) == 0
    assert main(MASKS) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*MASKS, "--overwrite"]) == 0


@pytest.mark.usefixtures("pairs")
def test_the_source_is_never_replaced_by_its_conversion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "yolo", "images", "images", "--names", "a", "--overwrite"]) == 2
    assert "images is what is to be read" in capsys.readouterr().err
