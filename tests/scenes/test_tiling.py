import tracemalloc
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from make_geotiff import write_geotiff
from make_scene import Stand, trained_on
from seepseg.errors import SourceError
from seepseg.scenes.find import find_objects
from seepseg.scenes.scene import open_scene
from seepseg.scenes.tiling import cut, overlap_px, read_ahead, trusted
from seepseg.values import Window


def recorder(read):
    return SimpleNamespace(read=lambda window: (read.append(window), (np.zeros((1, 1), np.uint8), None))[1])


@pytest.mark.parametrize(("asked", "pixels"), [(None, 128), (0.25, 160), (0, 0), (64, 64), (1, 1)])
def test_an_overlap_is_a_share_below_1_and_pixels_from_1_on(asked, pixels):
    assert overlap_px(640, asked) == pixels


@pytest.mark.parametrize(
    ("tile", "imgsz", "overlap", "pixels"),
    [
        (256, 256, None, 48),
        (128, 128, None, 32),
        (256, 640, None, 64),
        (250, 256, None, 50),
        (640, 640, 0, 0),
        (256, 256, 51, 51),
    ],
)
def test_a_share_is_brought_to_the_grid_of_the_network_and_pixels_are_not(tile, imgsz, overlap, pixels):
    assert overlap_px(tile, overlap, imgsz) == pixels


@given(st.integers(10, 700), st.sampled_from([64, 256, 640, 1024]), st.floats(0, 0.8))
def test_tiles_on_the_grid_still_overlap_about_as_much_as_asked(tile, imgsz, share):
    pixels = overlap_px(tile, share, imgsz)
    assert 0 <= pixels < tile
    assert abs(pixels - share * tile) <= tile / 16 + 1


@given(st.integers(1, 60), st.integers(1, 60), st.integers(10, 30), st.floats(0, 0.8))
def test_what_counts_of_all_tiles_is_every_pixel(width, height, tile, share):
    overlap = overlap_px(tile, share)
    covered = np.zeros((height, width), bool)
    for window in cut(SimpleNamespace(grid=SimpleNamespace(width=width, height=height)), tile, overlap):
        inside = trusted(window, (width, height), overlap)
        covered[inside.y : inside.y + inside.height, inside.x : inside.x + inside.width] = True
    assert covered.all()


def test_the_rim_of_a_tile_is_left_to_its_neighbours_but_not_at_the_edge_of_the_scene():
    assert trusted(Window(0, 60, 100, 100), (200, 160), 40) == Window(0, 70, 90, 90)


def test_tiles_cover_every_pixel_and_are_all_of_one_size():
    scene = SimpleNamespace(grid=SimpleNamespace(width=101, height=57))
    covered = np.zeros((57, 101), bool)
    for window in cut(scene, 20, 4):
        assert (window.width, window.height) == (20, 20)
        covered[window.y : window.y + 20, window.x : window.x + 20] = True
    assert covered.all()


def test_tiles_come_in_order_and_only_so_many_wait():
    windows = [Window(x, 0, 1, 1) for x in range(30)]
    read = []
    with closing(read_ahead(recorder(read), windows, 4)) as tiles:
        for number, (window, _, _) in enumerate(tiles, 1):
            assert window == windows[number - 1]
            assert len(read) <= number + 4
    assert number == 30


def test_leaving_early_reads_no_further():
    read = []
    with closing(read_ahead(recorder(read), [Window(x, 0, 1, 1) for x in range(100)], 4)) as tiles:
        next(tiles)
    assert len(read) <= 5


def test_what_goes_wrong_while_reading_is_raised_at_its_tile():
    def fail(window):
        raise SourceError(f"tile {window.x}")

    with closing(read_ahead(SimpleNamespace(read=fail), [Window(7, 0, 1, 1)], 4)) as tiles, pytest.raises(SourceError):
        next(tiles)


def test_memory_grows_with_a_batch_and_not_with_the_scene(tmp_path):
    values = np.full((512, 8192), -10, np.float32)
    path = write_geotiff(tmp_path / "a.tif", values, tiled=True, blockxsize=256, blockysize=256)
    tracemalloc.start()
    with open_scene(path, trained_on()) as scene:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        find_objects(Stand(lambda image: [], imgsz=256), scene, (0.5,), batch=4)
        peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < values.nbytes / 4
