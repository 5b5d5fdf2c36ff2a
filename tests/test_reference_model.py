"""The models that come with the project, on tiles that somebody else has laid out as the SOS set is."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from look_alikes import save
from seepseg.cli import main
from seepseg.edge.bundle import open_bundle
from seepseg.edge.counterparts import match
from seepseg.predict.engine import open_model

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
@pytest.mark.parametrize("model", [MODEL, MODEL.with_name("sos-semantic")], ids=lambda model: model.name)
def test_it_is_evaluated_on_any_folder_of_that_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tiles(tmp_path / "sos")
    pairs = ["--pair", "{}_sat.jpg", "{}_mask.png"]
    assert main(["convert", "masks", "sos", "sos", "data", "--names", "oil", "--threshold", "127", *pairs]) == 0
    assert main(["eval", str(model), "data/data.yaml", "--split", "train", "--out", "out", "--no-pictures"]) == 0
    metrics = json.loads(Path("out/metrics.json").read_text())
    figures = {"pixels.miou": 0.9, "pixels.f1": 0.9, "presence.f1": 1.0}
    for name, least in figures.items():
        section, figure = name.split(".")
        low, high = metrics["ci95"][name]
        assert least <= metrics[section][figure] <= high
        assert low < high


def test_the_two_models_can_be_set_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(MODEL), str(MODEL.with_name("sos-semantic")), "--out", str(tmp_path / "out")]) == 0
    assert "sos-semantic is higher in IoU of oil" in capsys.readouterr().out


def test_its_bundle_was_made_of_its_weights_and_says_where_they_come_from() -> None:
    weights, bundle = MODEL / "weights/best.pt", MODEL / "bundle"
    of = open_bundle(bundle).facts["weights"]
    assert isinstance(of, dict)
    assert of["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert (bundle / "thresholds.json").read_bytes() == (MODEL / "thresholds.json").read_bytes()
    card = (bundle / "MODEL.md").read_text(encoding="utf-8")
    assert [said for said in ("Deep-SAR Oil Spill", "for scientific use", "AGPL-3.0") if said not in card] == []
    assert sum(file.stat().st_size for file in (weights, *bundle.iterdir())) <= 30e6


def test_its_bundle_is_used_and_finds_what_the_weights_find(tmp_path: Path) -> None:
    write_tiles(tmp_path)
    tiles = [cv2.imread(str(file)) for file in sorted(tmp_path.rglob("*_sat.jpg"))]
    ours, theirs = open_model(MODEL, device="cpu"), open_model(MODEL / "weights/best.pt", device="cpu")
    assert (ours.engine, theirs.engine) == ("torchscript", "torch")
    assert ours.thresholds == theirs.thresholds
    conf = 0.08
    pairs = zip(theirs.predict(tiles, conf=conf), ours.predict(tiles, conf=conf), strict=True)
    matched = [match(expected, found, conf) for expected, found in pairs]
    assert sum(len(one.pairs) for one in matched) >= 8
    assert sum(one.differing for one in matched) == 0
