from pathlib import Path

import cv2
import pytest

from seepseg.cli import main
from seepseg.dataset.layout import read_dataset


@pytest.mark.slow
def test_the_demo_runs_twice_and_names_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["demo", "--tiles", "80"]) == 0
    shown = capsys.readouterr().out
    for command in ("simulate tiles", "convert masks", "check", "preview"):
        assert shown.count(f"$ seepseg {command}") == 2
    assert "simulated" in shown.splitlines()[0]
    assert sum(map(len, read_dataset(Path("runs/demo/dataset")).splits.values())) == 80
    assert cv2.imread("runs/demo/preview.png") is not None


def test_too_few_tiles_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--tiles", "3"]) == 2
    assert "at least 40" in capsys.readouterr().err
