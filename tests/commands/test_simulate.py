import json
from pathlib import Path

import pytest

from seepseg.cli import main


def test_tiles_are_made_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "tiles", str(tmp_path / "out"), "--count", "3", "--size", "128", "--workers", "1"]) == 0
    assert len(list((tmp_path / "out" / "train_images_128").iterdir())) == 3
    assert "3 simulated tiles" in capsys.readouterr().out


def test_scenes_are_made_as_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", "scenes", str(tmp_path / "out"), "--size", "300", "--gsd", "10", "--json"]
    assert main(arguments) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["settings"] | {"size": 300, "gsd": 10, "count": 1} == record["settings"]
    assert len(list((tmp_path / "out" / "scenes").iterdir())) == 1


def test_one_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "tiles", str(tmp_path / "out"), "--count", "1", "--size", "128", "--workers", "1"]) == 0
    assert "1 simulated tile; instances" in capsys.readouterr().out


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for more in ([], ["--overwrite"]):
        assert main(["simulate", "tiles", str(tmp_path), "--count", "1", "--size", "128", *more]) == 2
        assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "seepseg: " in capsys.readouterr().err


def test_an_earlier_simulation_is_replaced_on_demand(tmp_path: Path) -> None:
    arguments = ["simulate", "tiles", str(tmp_path / "out"), "--size", "128", "--workers", "1"]
    assert main([*arguments, "--count", "2"]) == 0
    assert main([*arguments, "--count", "1"]) == 2
    assert main([*arguments, "--count", "1", "--overwrite"]) == 0
    assert len(list((tmp_path / "out" / "train_images_128").iterdir())) == 1


@pytest.mark.parametrize("flag", ["--count=0", "--size=64", "--seed=-1", "--looks=0", "--workers=0"])
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main(["simulate", "tiles", str(tmp_path / "out"), flag]) == 2
    assert flag.split("=")[0] in capsys.readouterr().err


def test_a_pixel_of_no_size_is_refused(tmp_path: Path) -> None:
    assert main(["simulate", "scenes", str(tmp_path / "out"), "--gsd", "0"]) == 2
