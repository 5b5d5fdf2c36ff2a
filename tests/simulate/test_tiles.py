import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seepseg.errors import OutputError
from seepseg.simulate.tiles import TileSettings, write_tiles

FEW = TileSettings(count=40, size=128, seed=4)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tiles") / "few"
    write_tiles(out, FEW)
    return out


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def masks(folder: Path) -> list[np.ndarray]:
    return [np.array(Image.open(path)) for path in sorted(folder.glob("train_masks_*/*.tif"))]


def test_images_and_masks_have_the_same_names(few: Path) -> None:
    images = sorted(path.name for path in (few / "train_images_128").iterdir())
    assert images == sorted(path.name for path in (few / "train_masks_128").iterdir())
    assert len(images) == 40
    assert all(len(name) == len("041869.000064.tif") for name in images)


def test_tiles_are_8_bit_of_one_band(few: Path) -> None:
    for path in few.glob("train_*/*.tif"):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("L", (128, 128))


def test_the_record_counts_what_the_masks_hold(few: Path) -> None:
    totals = [0] * 7
    for mask in masks(few):
        for value in range(1, 8):
            totals[value - 1] += cv2.connectedComponents((mask == value).astype(np.uint8), connectivity=8)[0] - 1
    record = json.loads((few / "simulation.json").read_text())
    assert totals == list(record["instances"].values())
    assert min(totals) >= 1


def test_the_record_says_that_it_is_simulated(few: Path) -> None:
    record = json.loads((few / "simulation.json").read_text())
    assert record["about"].startswith("Simulated")
    assert record["settings"]["seed"] == 4
    assert str(few.parent) not in json.dumps(record)


def test_some_tiles_hold_nothing(few: Path) -> None:
    empty = np.mean([not mask.any() for mask in masks(few)])
    assert 0 < empty < 0.3


def test_tiles_of_a_scene_share_their_weather(few: Path) -> None:
    levels: dict[str, list[float]] = {}
    for path in sorted(few.glob("train_images_128/*.tif")):
        levels.setdefault(path.name[:6], []).append(float(np.median(np.array(Image.open(path)))))
    within = np.mean([np.std(values) for values in levels.values()])
    assert within < 0.6 * np.std([np.mean(values) for values in levels.values()])


def test_no_time_is_written_into_the_files(few: Path) -> None:
    with Image.open(next(few.glob("train_images_128/*.tif"))) as image:
        assert 306 not in image.tag_v2


@pytest.mark.slow
def test_the_same_bytes_come_from_any_number_of_workers(few: Path, tmp_path: Path) -> None:
    write_tiles(tmp_path / "two", FEW, workers=2)
    assert hashes(tmp_path / "two") == hashes(few)


def test_another_seed_gives_other_tiles(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_tiles(tmp_path / str(seed), TileSettings(count=2, size=128, seed=seed))
    assert not set(hashes(tmp_path / "0").values()) & set(hashes(tmp_path / "1").values())


@pytest.mark.parametrize(("dtype", "low", "high"), [("uint16", 100, 5000), ("float32", -30, -5)])
def test_other_values_are_read_back(tmp_path: Path, dtype: str, low: float, high: float) -> None:
    write_tiles(tmp_path / "out", TileSettings(count=1, size=128, dtype=dtype))
    pixels = np.array(Image.open(next((tmp_path / "out").glob("train_images_128/*.tif"))))
    assert pixels.dtype == dtype
    assert low < np.median(pixels) < high


def test_all_value_types_show_the_same_sea(tmp_path: Path) -> None:
    pixels = {}
    for dtype in ("uint8", "uint16", "float32"):
        write_tiles(tmp_path / dtype, TileSettings(count=1, size=128, dtype=dtype))
        pixels[dtype] = cv2.imread(str(next((tmp_path / dtype).glob("train_images_128/*.tif"))), cv2.IMREAD_UNCHANGED)
    decibels = pixels["float32"]
    np.testing.assert_allclose(pixels["uint8"] / 255 * 30 - 30, np.clip(decibels, -30, 0), atol=0.06)
    np.testing.assert_allclose(pixels["uint16"], 1e4 * 10 ** (decibels / 20), atol=0.6)


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        return False

    monkeypatch.setattr(cv2, "imwrite", fail)
    with pytest.raises(OutputError, match="could not be written"):
        write_tiles(tmp_path / "out", TileSettings(count=1, size=128))
    assert list(tmp_path.iterdir()) == []
