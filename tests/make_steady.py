"""An untrained network whose answer hangs less on the last digit of what it computes, as that of a trained one does."""

from pathlib import Path
from typing import Any

import pytest

from predict import conftest


def steady_weights(torch: Any, file: Path, architecture: str = "yolov8n-seg", classes: int = 3) -> Path:
    """Normalised by many pictures, in both orders of channels."""

    def pictures(torch: Any) -> Any:
        stack = torch.stack([torch.from_numpy(conftest.picture(128, 128, seed)) for seed in range(6)])
        return torch.cat([stack, stack.flip(3)]).permute(0, 3, 1, 2) / 255

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conftest, "pictures", pictures)
        model = conftest.untrained(torch, architecture, classes)
    torch.save({"model": model, "train_args": {"imgsz": conftest.IMGSZ, "task": model.task}}, file)
    return file
