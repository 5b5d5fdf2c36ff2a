import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import Affine, from_gcps

from make_scene_objects import UTM_31, block, found, grid_at, ring
from seepseg.errors import UsageError
from seepseg.georeference import Grid
from seepseg.palette import colour_of
from seepseg.scenes.class_mask import paint, write_class_mask
from seepseg.values import Window

NAMES = ("oil", "ship")


def scene_on(grid, nodata=None, control=None):
    """A scene without a file: `nodata` is of the whole of it."""

    def read(window):
        part = None
        if nodata is not None:
            part = nodata[window.y : window.y + window.height, window.x : window.x + window.width]
        return np.zeros((window.height, window.width), np.uint8), part

    return SimpleNamespace(grid=grid, read=read, path="scene.tif", control=control)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mask.tif"


def values(path):
    with rasterio.open(path) as file:
        return file.read(1)


def test_a_pixel_holds_its_class_id_and_one(path):
    write_class_mask(path, scene_on(grid_at(*UTM_31)), [found(ring(), 600, 500, class_id=1)], NAMES)
    expected = np.zeros((800, 1000), np.uint8)
    expected[500:509, 600:609] = 2 * ring()
    assert np.array_equal(values(path), expected)


def test_the_surest_lies_on_top(path):
    objects = [found(block(4, 4), score=0.9), found(block(4, 4), 2, class_id=1, score=0.5)]
    write_class_mask(path, scene_on(grid_at(*UTM_31, (20, 10))), objects, NAMES)
    assert values(path)[0, :8].tolist() == [1, 1, 1, 1, 2, 2, 0, 0]


def test_an_object_over_many_blocks_is_whole(path):
    write_class_mask(path, scene_on(grid_at(*UTM_31)), [found(block(900, 700), 50, 60)], NAMES)
    assert values(path).sum() == 900 * 700
    assert values(path)[60:760, 50:950].all()


def test_pixels_without_data_are_told_from_pixels_without_objects(path):
    nodata = np.zeros((800, 1000), np.uint8)
    nodata[:, 700:] = 1
    write_class_mask(path, scene_on(grid_at(*UTM_31), nodata), [], NAMES)
    with rasterio.open(path) as file:
        assert file.nodata == 255
        assert np.array_equal(file.read_masks(1) == 0, nodata > 0)


def test_with_255_classes_every_value_is_a_class(path):
    nodata = np.ones((10, 20), np.uint8)
    objects = [found(block(2, 2), class_id=254)]
    write_class_mask(path, scene_on(grid_at(*UTM_31, (20, 10)), nodata), objects, ["x"] * 255)
    with rasterio.open(path) as file:
        assert file.nodata is None
        assert np.unique(file.read(1)).tolist() == [0, 255]


def test_more_classes_than_a_byte_holds_are_refused(path):
    with pytest.raises(UsageError, match="255 classes at most, and the model has 256"):
        write_class_mask(path, scene_on(grid_at(*UTM_31)), [], ["x"] * 256)


def test_it_lies_where_the_scene_lies(path):
    grid = grid_at(*UTM_31)
    write_class_mask(path, scene_on(grid), [], NAMES)
    with rasterio.open(path) as file:
        assert (file.crs, file.transform) == (grid.crs, grid.transform)


def test_it_is_tiled_packed_and_has_overviews(path):
    write_class_mask(path, scene_on(grid_at(*UTM_31)), [], NAMES)
    with rasterio.open(path) as file:
        assert (file.block_shapes, file.compression.name) == ([(512, 512)], "deflate")
        assert file.overviews(1) == [2]


def test_it_has_the_colours_and_names_of_the_classes(path):
    write_class_mask(path, scene_on(grid_at(*UTM_31, (20, 10))), [], NAMES)
    with rasterio.open(path) as file:
        assert [file.colormap(1)[value][:3] for value in (1, 2)] == [colour_of(0), colour_of(1)]
        assert file.tags(1)["CLASS_2"] == "ship"


def test_control_points_move_with_the_spacing(path):
    points = [GroundControlPoint(row, column, 3 + column, 60 - row) for row in (0, 40) for column in (0, 60)]
    grid = Grid(30, 10, from_gcps(points), CRS.from_epsg(4326), (2.0, 4.0), None, approximate=True)
    write_class_mask(path, scene_on(grid, control=(points, grid.crs)), [], NAMES)
    with rasterio.open(path) as file:
        moved, crs = file.gcps
    assert crs.to_epsg() == 4326
    assert [(p.row, p.col, p.x, p.y) for p in moved] == [(p.row / 4, p.col / 2, p.x, p.y) for p in points]


def test_without_a_place_it_has_none(path):
    write_class_mask(path, scene_on(Grid(20, 10, Affine.identity(), None, (1.0, 1.0), None)), [], NAMES)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as file:
        assert file.crs is None


def test_painting_a_window_cuts_objects_at_its_edges():
    painted = paint([found(block(10, 10), 5, 5)], Window(8, 12, 20, 20))
    assert painted.sum() == 7 * 3
    assert painted[:3, :7].all()


def test_memory_does_not_grow_with_the_height_of_the_scene(path):
    def peak(height):
        tracemalloc.start()
        write_class_mask(path, scene_on(grid_at(*UTM_31, (600, height))), [found(block(5, 5))], NAMES)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)
    assert peak(8000) < 2 * peak(1000)
