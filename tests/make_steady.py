"""An untrained network whose answer hangs less on the last digit of what it computes, as that of a trained one does."""

from pathlib import Path
from typing import Any

import pytest

from predict import conftest

SMALL = """
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, C2f, [32]]
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [64, 3, 2]]
head:
  - [[3, 4, 5], 1, Segment, [nc, 32, 64]]
"""
"""Few layers in front of the head of YOLOv8: an export takes half as long."""


def steady_weights(torch: Any, file: Path, classes: int = 3) -> Path:
    """Normalised by many pictures, in both orders of channels."""

    def pictures(torch: Any) -> Any:
        stack = torch.stack([torch.from_numpy(conftest.picture(128, 128, seed)) for seed in range(6)])
        return torch.cat([stack, stack.flip(3)]).permute(0, 3, 1, 2) / 255

    architecture = file.with_name("small-seg.yaml")
    architecture.write_text(f"nc: {classes}{SMALL}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conftest, "pictures", pictures)
        model = conftest.untrained(torch, str(architecture.with_suffix("")), classes)
    architecture.unlink()
    torch.save({"model": model, "train_args": {"imgsz": conftest.IMGSZ, "task": model.task}}, file)
    return file
