import json
from pathlib import Path

import cv2
import pytest

from seepseg.cli import main
from seepseg.commands.demo import steps
from seepseg.dataset.layout import read_dataset

QUICK = ["demo", "--tiles", "80", "--epochs", "1"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch and Ultralytics warn of what they do inside
def test_the_demo_goes_from_simulated_tiles_to_slicks_on_a_map_and_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(QUICK) == 0
    shown = capsys.readouterr().out
    commands = ("simulate tiles", "simulate scenes", "convert masks", "check", "preview", "train", "eval", "export")
    assert [shown.count(f"$ seepseg {command} ") for command in (*commands, "predict")] == [2] * 9
    assert "simulated" in shown.splitlines()[0]
    assert "starting from the reference model runs/sos" in shown
    assert sum(map(len, read_dataset(Path("runs/demo/dataset")).splits.values())) == 80
    assert cv2.imread("runs/demo/preview.png") is not None
    assert "mIoU" in Path("runs/demo/trained/report.html").read_text()
    (found,) = Path("runs/demo/predictions").glob("*.geojson")
    assert json.loads(found.read_text())["seepseg"]["model_sha256"]
    assert Path("runs/demo/trained/bundle/bundle.json").is_file()


def test_every_step_is_a_command_that_a_user_can_give() -> None:
    from seepseg.cli import build_parser

    for step in steps(Path("runs/demo"), 160, 6, None):
        assert build_parser(step).parse_args(step).run


def test_a_run_that_no_demo_made_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trained" / "weights").mkdir(parents=True)
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "no demo made it; give another --out" in capsys.readouterr().err
    assert (tmp_path / "trained" / "weights").is_dir()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tiles", "3"], "--tiles 3: give at least 40"),
        (["--epochs", "0"], "--epochs 0: give at least 1"),
        (["--weights", "runs/mine"], "--weights runs/mine: no such file"),
        (["--weights", "runs/demo/trained"], "which the demo makes anew"),
    ],
)
def test_what_would_stop_a_later_step_is_refused_before_anything_is_made(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", *words]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "$ seepseg" not in shown.out
    assert not (tmp_path / "runs").exists()
