"""What comes out trains with plain Ultralytics."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from make import write_pairs
from seepseg.dataset.write import Settings, convert
from seepseg.labels.masks import read_masks


@pytest.mark.slow
@pytest.mark.parametrize("data", ["data.yaml", "folds/1.yaml"])
def test_plain_yolo_trains_on_the_dataset_and_finds_nothing_corrupt(data: str, tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path / "in", 24, size=64)
    convert(read_masks(images, masks, names=["a", "b"]), tmp_path / "out", Settings(imgsz=64, folds=3))
    command = ["segment", "train", f"data={tmp_path / 'out' / data}", "model=yolov8n-seg.yaml", "epochs=1", "imgsz=64"]
    command += ["batch=8", "device=cpu", "workers=0", "plots=False", f"project={tmp_path / 'runs'}"]
    environment = {
        "YOLO_VERBOSE": "true",
        "YOLO_CONFIG_DIR": str(tmp_path),
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
    }
    yolo = Path(sys.executable).with_name("yolo")
    run = subprocess.run(
        [yolo, *command], env=os.environ | environment, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    scans = re.findall(r"(\d+) images, (\d+) backgrounds, (\d+) corrupt", run.stdout + run.stderr)
    assert scans
    assert all(corrupt == "0" for _, _, corrupt in scans)
    assert list((tmp_path / "runs").rglob("weights/last.pt"))
