"""What a model is run from: its weights, or a bundle of it with every engine."""

import subprocess
import sys
from pathlib import Path

FORMATS = ("torchscript", "onnx", "openvino")


def weights_of(model: Path) -> str:
    """Of a run folder or a .pt."""
    return str(model / "weights" / "best.pt" if model.is_dir() else model)


def export_bundle(model: Path, bundle: Path, imgsz: int | None = None) -> Path | None:
    """A bundle with every engine; None, told, where that fails."""
    if not bundle.exists():
        size = ["--imgsz", str(imgsz)] if imgsz else []
        command = [sys.executable, "-m", "seepseg", "export", model, "--out", bundle, "--formats", ",".join(FORMATS)]
        done = subprocess.run([*command, *size])
        if done.returncode:
            print(f"no bundle (exit {done.returncode}): the engines that need one are left out")
            return None
    return bundle
