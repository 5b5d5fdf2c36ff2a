from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from make import Bitmap, ragged
from make_dataset import write_dataset
from seepseg.dataset.layout import read_dataset
from seepseg.train.patches import Patch, Turn, cut_patch, draw_turn, find_free_places, part_of, turn_patch
from seepseg.train.seam import REACH, Seam
from seepseg.train.stock import read_stock

WHOLE = (False, False, False, False)
SEAM = Seam("speckle")


def patch_of(mask: Bitmap, cut: tuple[bool, bool, bool, bool] = WHOLE) -> Patch:
    return Patch(mask, np.repeat(mask[..., None], 2, axis=2).astype(np.float32), cut)


def blob(seed: int = 0) -> Bitmap:
    return np.pad(ragged(np.random.default_rng(seed), 20, 26), 8)


def parts(mask: Bitmap) -> int:
    return int(ndimage.label(mask, np.ones((3, 3)))[1])


def take(tmp_path: Path, classes: Bitmap) -> Patch:
    write_dataset(tmp_path, {"train": {"a.png": classes}})
    return cut_patch(read_stock(read_dataset(tmp_path))[0], 0, SEAM)


def test_a_patch_is_the_object_and_what_is_around_it(tmp_path: Path) -> None:
    classes = np.zeros((64, 64), np.uint8)
    classes[20:30, 25:40] = 1
    patch = take(tmp_path, classes)
    assert patch.mask.shape == (10 + 2 * REACH, 15 + 2 * REACH)
    assert np.array_equal(patch.mask[REACH:-REACH, REACH:-REACH], np.ones((10, 15)))
    assert patch.cut == WHOLE


def test_a_patch_knows_which_edges_cut_it_off(tmp_path: Path) -> None:
    classes = np.zeros((64, 64), np.uint8)
    classes[50:, :9] = 1
    patch = take(tmp_path, classes)
    assert patch.cut == (True, False, False, True)
    assert patch.mask[-1, 0] == 1


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("flipped", [False, True])
def test_quarter_turns_are_exact(quarters: int, flipped: bool) -> None:
    mask = blob()
    turned = turn_patch(patch_of(mask), Turn(90.0 * quarters, flipped, 1.0))
    assert turned is not None
    assert np.array_equal(turned.mask, np.rot90(mask[:, ::-1] if flipped else mask, quarters))
    assert np.array_equal(turned.content[..., 0], turned.mask)


def test_cut_sides_turn_with_the_patch() -> None:
    mask = np.pad(np.ones((6, 9), np.uint8), ((8, 8), (0, 8)))
    for quarters in range(4):
        for flipped in (False, True):
            turned = turn_patch(patch_of(mask, (True, False, False, False)), Turn(90.0 * quarters, flipped, 1.0))
            assert turned is not None
            sides = turned.mask[:, 0], turned.mask[0], turned.mask[:, -1], turned.mask[-1]
            assert turned.cut == tuple(side.any() for side in sides)


@pytest.mark.parametrize("degrees", [90.0, 17.0, 143.0, 301.5])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.4])
def test_the_area_grows_with_the_scale_squared(degrees: float, scale: float) -> None:
    mask = np.pad(ndimage.binary_dilation(blob(), iterations=2).astype(np.uint8), 4)
    mask = (ndimage.label(mask)[0] == 1).astype(np.uint8)
    turned = turn_patch(patch_of(mask), Turn(degrees, False, scale))
    assert turned is not None
    assert turned.mask.sum() == pytest.approx(mask.sum() * scale**2, rel=0.1)


def test_an_odd_angle_turns_mask_and_content_alike() -> None:
    mask = np.pad(np.ones((30, 12), np.uint8), 8)
    turned = turn_patch(patch_of(mask), Turn(33.0, False, 1.0))
    assert turned is not None
    assert turned.content[..., 0][turned.mask > 0].min() > 0.3
    assert turned.content[..., 0][turned.mask == 0].max() < 0.7
    rows, columns = np.nonzero(turned.mask)
    # Anticlockwise by 33 degrees, an upright bar leans to the left.
    assert np.corrcoef(rows, columns)[0, 1] > 0.5


def test_no_turn_breaks_a_thin_line_into_pieces() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[30, 10:50] = 1
    rng, kept = np.random.default_rng(0), 0
    for _ in range(60):
        turned = turn_patch(patch_of(mask), draw_turn(rng, patch_of(mask)))
        if turned is not None:
            kept += 1
            assert parts(turned.mask) == 1
    assert kept > 20


def test_objects_cut_off_are_turned_by_quarters_alone() -> None:
    rng = np.random.default_rng(0)
    patch = patch_of(blob(), (False, True, False, False))
    assert all(draw_turn(rng, patch).degrees % 90 == 0 for _ in range(40))
    assert any(draw_turn(rng, patch_of(blob())).degrees % 90 for _ in range(40))


def test_every_place_found_is_free() -> None:
    rng = np.random.default_rng(3)
    near = np.pad(ragged(rng, 70, 70, share=0.4), 5)
    patch = patch_of(np.pad(np.ones((5, 11), np.uint8), 8))
    places = find_free_places(patch, near, rng)
    assert places
    for x, y in places:
        there, of_patch = part_of(patch, x, y, 80, 80)
        assert patch.mask[of_patch].sum() == patch.mask.sum()
        assert not (near[there] & patch.mask[of_patch]).any()


def test_the_only_free_place_is_found() -> None:
    near = np.ones((200, 200), np.uint8)
    near[150:157, 31:44] = 0
    patch = patch_of(np.pad(np.ones((7, 13), np.uint8), 8))
    assert find_free_places(patch, near, np.random.default_rng(0)) == [(31 - 8, 150 - 8)]


def test_where_there_is_no_free_place_none_is_found() -> None:
    near = np.ones((60, 60), np.uint8)
    near[20:26, 20:32] = 0
    patch = patch_of(np.pad(np.ones((7, 13), np.uint8), 8))
    assert find_free_places(patch, near, np.random.default_rng(0)) == []


def test_an_object_larger_than_the_tile_has_no_place() -> None:
    patch = patch_of(np.ones((30, 90), np.uint8))
    assert find_free_places(patch, np.zeros((64, 64), np.uint8), np.random.default_rng(0)) == []


def test_what_an_edge_cut_off_lies_at_that_edge_again() -> None:
    patch = patch_of(np.pad(np.ones((6, 9), np.uint8), ((8, 8), (8, 0))), (False, False, True, False))
    places = find_free_places(patch, np.zeros((64, 64), np.uint8), np.random.default_rng(0))
    assert {x + patch.mask.shape[1] for x, _ in places} == {64}
    assert len({y for _, y in places}) > 3
