import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from make_geotiff import write_geotiff
from seepseg import rasterfile
from seepseg.rasterfile import open_raster, read_values
from seepseg.values import Window


def test_threads_open_files_without_a_place_and_without_a_warning(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.zeros((4, 4), np.float32), crs=None)

    def look(_):
        with open_raster(path) as dataset:
            return dataset.transform.is_identity

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(look, range(200)))


def test_the_filter_is_there_once_however_many_files_are_opened(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.zeros((4, 4), np.float32))
    for _ in range(3):
        with open_raster(path):
            pass
    assert sum(one[2].__name__ == "NotGeoreferencedWarning" for one in warnings.filters) == 1


@pytest.mark.parametrize("size", [(7, 5), (60, 45), (150, 110)])
def test_in_strips_missing_values_are_those_of_the_whole(tmp_path, monkeypatch, size):
    values = np.random.default_rng(0).choice([0, 7], (90, 120), p=[0.05, 0.95]).astype(np.float32)
    step, window = (120 / size[0], 90 / size[1]), Window(0, 0, *size)
    with open_raster(write_geotiff(tmp_path / "a.tif", values)) as dataset:
        whole = read_values(dataset, window, (1,), 0.0, step=step)[1]
        monkeypatch.setattr(rasterfile, "_STRIP_PIXELS", 500)
        assert np.array_equal(read_values(dataset, window, (1,), 0.0, step=step)[1], whole)


def test_memory_does_not_grow_with_a_scene_that_is_asked_for_at_a_small_size(tmp_path, monkeypatch):
    monkeypatch.setattr(rasterfile, "_STRIP_PIXELS", 1 << 16)
    path = write_geotiff(tmp_path / "a.tif", np.ones((2000, 1000), np.uint8))
    tracemalloc.start()
    with open_raster(path) as dataset:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        read_values(dataset, Window(0, 0, 50, 100), (1,), 0.0, step=(20.0, 20.0))
        peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 2000 * 1000
