import io
from pathlib import Path

import numpy as np
from PIL import Image

from make_dataset import write_dataset
from seepseg.app.datasets_labels import draw_label
from seepseg.palette import colour_of


def test_labels_are_laid_where_the_objects_are(tmp_path: Path) -> None:
    classes = np.zeros((32, 32), np.uint8)
    classes[4:28, 4:16] = 2
    grey = np.full((32, 32), 120, np.uint8)
    folder = write_dataset(tmp_path, {"val": {"a.png": classes}}, pixels={"a.png": grey})
    drawn = np.asarray(Image.open(io.BytesIO(draw_label(folder / "images/val/a.png", 64))), int)
    assert drawn.shape == (320, 320, 3)
    assert np.abs(drawn[160, 100] - (0.45 * 120 + 0.55 * np.array(colour_of(1)))).max() < 6
    assert np.abs(drawn[160, 250] - 120).max() < 6


def test_the_image_alone_has_no_labels(tmp_path: Path) -> None:
    grey = np.full((20, 40), 90, np.uint8)
    folder = write_dataset(tmp_path, {"val": {"a.png": np.ones_like(grey)}}, pixels={"a.png": grey})
    drawn = np.asarray(Image.open(io.BytesIO(draw_label(folder / "images/val/a.png", 64, labels=False))), int)
    assert drawn.shape == (160, 320, 3)
    assert np.abs(drawn - 90).max() < 6
