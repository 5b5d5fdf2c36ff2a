"""A small run with everything a bundle can hold, exported once."""

import json
from pathlib import Path
from typing import Any

import pytest

from make_steady import steady_weights
from predict.conftest import IMGSZ, weights
from seepseg.edge.export import export
from seepseg.measures.calibration import Calibration
from seepseg.measures.threshold_file import write_thresholds
from seepseg.measures.thresholds import Choice, PresenceChoice, Rule, Thresholds

__all__ = ["weights"]
NAMES = ("class0", "class1", "class2")
SCALE = {"kind": "db", "low": [-35.0], "high": [0.0], "bands": [1], "units": "dB", "nodata": -99.0}


def chosen_thresholds() -> Thresholds:
    """None alike, so that a mix-up of classes shows."""
    confidence = tuple(Choice(value, 0.9, 0.8, 0.85) for value in (0.3, 0.5, 0.4))
    presence = tuple(
        PresenceChoice(Choice(value), Calibration(slope, 0.5)) for value, slope in ((0.2, 1.0), (0.6, 2.0), (0.1, 0.5))
    )
    anything = PresenceChoice(Choice(0.15), Calibration(1.5, -0.25))
    return Thresholds(NAMES, Rule(), "abc", "val", 20, confidence, presence, anything)


@pytest.fixture(scope="session")
def edge_run(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As training and evaluation leave it."""
    folder = tmp_path_factory.mktemp("edge") / "runs/seep"
    (folder / "weights").mkdir(parents=True)
    steady_weights(torch, folder / "weights/best.pt")
    inputs = {"imgsz": IMGSZ, "scale": SCALE, "bands": [1], "metres_per_pixel": 20.0}
    (folder / "input.json").write_text(json.dumps(inputs))
    write_thresholds(folder / "thresholds.json", chosen_thresholds())
    return folder


@pytest.fixture(scope="session")
def edge_bundle(edge_run: Path) -> Path:
    return export(edge_run, edge_run.parent / "edge-bundle", ("torchscript", "onnx", "openvino"), images=1).path
