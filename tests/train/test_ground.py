from pathlib import Path

import numpy as np
import pytest

from make import Bitmap
from make_dataset import write_dataset
from seepseg.dataset.layout import read_dataset
from seepseg.train.ground import Ground
from seepseg.train.patches import Patch
from seepseg.train.seam import Seam
from seepseg.train.stock import read_stock

SIDE = 64
SPECKLE = Seam("speckle")
WHOLE = (False, False, False, False)


def ground_of(tmp_path: Path, pixels: Bitmap, seam: Seam = SPECKLE, classes: Bitmap | None = None) -> Ground:
    classes = np.zeros((SIDE, SIDE), np.uint8) if classes is None else classes
    write_dataset(tmp_path, {"train": {"a.png": classes}}, pixels={"a.png": pixels})
    return Ground(read_stock(read_dataset(tmp_path))[0], seam)


def sea(level: float = 130) -> Bitmap:
    return np.clip(np.random.default_rng(0).normal(level, 9, (SIDE, SIDE)), 1, 254).astype(np.uint8)


def square(change: float) -> Patch:
    mask = np.pad(np.ones((10, 10), np.uint8), 8)
    return Patch(mask, np.repeat(mask[..., None] * np.float32(change), 2, axis=2), WHOLE)


def test_a_ship_is_kept_clear_of(tmp_path: Path) -> None:
    pixels = sea()
    pixels[30:34, 30:34] = 250
    near = ground_of(tmp_path, pixels).near()
    assert near[26:38, 26:38].all()
    assert not near[:15].any()


def test_plain_sea_is_free_to_its_edges(tmp_path: Path) -> None:
    assert not ground_of(tmp_path, sea()).near().any()


def test_sea_beside_no_data_is_free(tmp_path: Path) -> None:
    pixels = sea()
    pixels[:40] = 0
    near = ground_of(tmp_path, pixels).near()
    assert near[:40].all()
    assert not near[52:].any()


def test_a_patch_beyond_the_edge_is_laid_as_far_as_the_tile_goes(tmp_path: Path) -> None:
    ground = ground_of(tmp_path, sea())
    mask = ground.lay(square(-40), -8, SIDE - 18)
    assert mask is not None
    assert mask[-10:, :10].all()
    assert mask.sum() == 100
    assert ground.pixels[-8:, :8].mean() == pytest.approx(sea()[-8:, :8].mean() - 40, abs=1)


def test_what_was_laid_is_kept_clear_of(tmp_path: Path) -> None:
    ground = ground_of(tmp_path, sea())
    ground.lay(square(-40), 4, 4)
    assert ground.near()[14:20, 5:29].all()


def test_an_object_that_could_hardly_be_seen_is_not_laid(tmp_path: Path) -> None:
    dark = sea(level=14)
    ground = ground_of(tmp_path, dark)
    assert ground.lay(square(-60), 10, 10) is None
    assert np.array_equal(ground.pixels, dark)
    assert not ground.near().any()


def test_a_line_of_one_pixel_is_seen_well_enough(tmp_path: Path) -> None:
    mask = np.zeros((17, 40), np.uint8)
    mask[8, 8:32] = 1
    line = Patch(mask, np.full((17, 40, 2), (-40, 0), np.float32), WHOLE)
    assert ground_of(tmp_path, sea()).lay(line, 10, 10) is not None


def test_grey_tiles_of_a_colour_dataset_become_colour(tmp_path: Path) -> None:
    assert ground_of(tmp_path, sea(), Seam("copy")).pixels.shape == (SIDE, SIDE, 3)
