import numpy as np
import pytest
from PIL import Image

from make import write_pairs
from make_dataset import write_dataset
from seepseg.cli import main

MASK = np.eye(30, dtype=np.uint8)


def test_the_sheet_is_written_and_told(tmp_path, capsys):
    root = write_dataset(tmp_path / "ds", {"train": {"a.png": MASK}, "val": {"b.png": MASK}})
    out = tmp_path / "new" / "sheet.png"
    assert main(["preview", str(root), "--out", str(out), "--split", "train"]) == 0
    with Image.open(out) as sheet:
        assert sheet.width > 1000
    assert "1 of train, IoU 1.0000" in capsys.readouterr().out
    assert list(out.parent.iterdir()) == [out]


def test_of_a_dataset_without_val_images_train_is_shown(tmp_path, capsys):
    write_pairs(tmp_path, 4)
    words = ["convert", "masks", str(tmp_path / "images"), str(tmp_path / "masks"), str(tmp_path / "ds")]
    assert main([*words, "--names", "a,b", "--split", "1,0,0", "--workers", "1"]) == 0
    assert main(["preview", str(tmp_path / "ds"), "--out", str(tmp_path / "sheet.png")]) == 0
    assert "sheet.png: 4 of train, IoU" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--out", "a.gif"], ["--out", "a.png", "--count", "0"]])
def test_what_cannot_be_drawn_exits_2(tmp_path, arguments):
    root = write_dataset(tmp_path / "ds", {"val": {"b.png": MASK}})
    assert main(["preview", str(root), *arguments]) == 2
