"""The model that comes with the project, on tiles that somebody else has laid out as the SOS set is."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from look_alikes import save
from seepseg.cli import main

MODEL = Path(__file__).parents[1] / "runs" / "sos"


def write_tiles(root: Path) -> None:
    """Six of each sensor, of which four hold a dark patch; masks with greys, as interpolation leaves them."""
    rng = np.random.default_rng(0)
    for sensor, first in (("palsar", 10001), ("sentinel", 20001)):
        for number in range(first, first + 6):
            sea, mask = rng.gamma(4, 30, (256, 256)), np.zeros((256, 256), np.uint8)
            if number % 3:
                x, y, angle = (int(value) for value in rng.integers((80, 80, 0), (176, 176, 180)))
                cv2.ellipse(mask, (x, y), (70, 28), angle, 0, 360, 255, -1)
            sea[mask > 0] *= 0.35
            save(
                root / sensor / f"{number}_sat.jpg", np.clip(cv2.GaussianBlur(sea, (0, 0), 1), 0, 255).astype(np.uint8)
            )
            save(root / sensor / f"{number}_mask.png", cv2.GaussianBlur(mask, (0, 0), 1))


@pytest.mark.slow
def test_it_is_evaluated_on_any_folder_of_that_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_tiles(tmp_path / "sos")
    pairs = ["--pair", "{}_sat.jpg", "{}_mask.png"]
    assert main(["convert", "masks", "sos", "sos", "data", "--names", "oil", "--threshold", "127", *pairs]) == 0
    assert main(["eval", str(MODEL), "data/data.yaml", "--split", "train", "--out", "out", "--no-pictures"]) == 0
    metrics = json.loads(Path("out/metrics.json").read_text())
    figures = {"pixels.miou": 0.9, "pixels.f1": 0.9, "presence.f1": 1.0}
    for name, least in figures.items():
        section, figure = name.split(".")
        low, high = metrics["ci95"][name]
        assert least <= metrics[section][figure] <= high
        assert low < high
