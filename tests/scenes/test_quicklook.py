from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import ImageDraw
from rasterio.crs import CRS
from rasterio.transform import Affine

from make_scene_objects import DEGREES_60_N, UTM_31, block, found, grid_at
from seepseg.georeference import Grid
from seepseg.palette import colour_of
from seepseg.scenes import map_panel, quicklook
from seepseg.scenes.features import make_features
from seepseg.scenes.ground import ground_of

NAMES = ("oil", "ship")


@pytest.fixture
def words(monkeypatch):
    """All that is written on a picture."""
    said = []
    write = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, xy, text, *more, **how: (said.append(text), write(self, xy, text, *more, **how)),
    )
    return said


def draw(objects, grid, *, nodata=None, names=NAMES, acquired=None):
    """Of a scene all of 100, without a file."""

    def overview(longest):
        shrink = max(1.0, max(grid.width, grid.height) / longest)
        return np.full((max(1, int(grid.height / shrink)), max(1, int(grid.width / shrink))), 100, np.uint8), nodata

    scene = SimpleNamespace(grid=grid, overview=overview, path=Path("S1A.tif"), acquired=acquired)
    ground = ground_of(grid)
    about = [one.properties for one in make_features(objects, ground, names, {})]
    return quicklook.draw_quicklook(scene, objects, about, names, ground)


def has(picture, colour):
    return bool((np.asarray(picture) == colour).all(axis=2).any())


def test_objects_have_the_colour_of_their_class():
    picture = draw([found(block(60, 40), 300, 300, class_id=1)], grid_at(*UTM_31), names=("oil", "ship"))
    share = (np.asarray(picture) == colour_of(1)).all(axis=2).sum()
    assert share > 2 * (60 + 40)


def test_the_legend_counts_each_class(words):
    draw([found(block(60, 40), 300, 300), found(block(50, 40), 100, 100)], grid_at(*UTM_31))
    assert [words[words.index(name) + 1].split()[0] for name in NAMES] == ["2", "0"]


def test_the_ten_largest_are_numbered(words):
    objects = [found(block(10 + size, 10), 70 * size, 400) for size in range(13)]
    draw(objects, grid_at(*UTM_31))
    table = words[words.index("confidence") + 1 :][::5][:10]
    assert table == [str(number) for number in range(13, 3, -1)]
    assert "and 3 smaller" in words


def test_where_all_are_numbered_none_is_said_to_be_left(words):
    draw([found(block(10 + size, 10), 70 * size, 400) for size in range(10)], grid_at(*UTM_31))
    assert not any("smaller" in word for word in words)


@pytest.mark.parametrize("place", [UTM_31, None])
def test_pixels_under_two_objects_count_once(words, place):
    """Two of 60 × 40 pixels of 10 m that share a half."""
    grid = grid_at(*place) if place else Grid(300, 200, Affine.identity(), None, (1.0, 1.0), None)
    draw([found(block(60, 40), 100, 100), found(block(60, 40), 130, 100)], grid, names=("oil",))
    area = "0.360 km²" if place else "3,600 px"
    assert words[words.index("oil") + 1] == f"2  ({area})"
    assert words[-1].endswith(f"·  {area}")


def test_the_scene_and_its_time_are_named(words):
    draw([], grid_at(*UTM_31), acquired="2024-03-05T06:07:08")
    assert words[-2:] == ["S1A.tif", "nothing found  ·  acquired 2024-03-05T06:07:08"]


def test_the_scale_is_that_of_the_ground(words):
    """A map of 1000 px is 10 km wide; a fifth of it is 2 km."""
    draw([], grid_at(*UTM_31))
    assert "2 km" in words
    assert "N" in words


def test_without_a_place_there_is_neither_scale_nor_north(words):
    draw([found(block(20, 20))], Grid(300, 200, Affine.identity(), None, (1.0, 1.0), None))
    assert "not georeferenced: sizes are in pixels" in words
    assert "N" not in words
    assert "400 px" in words


def test_a_kilometre_is_as_wide_as_it_is_high(monkeypatch):
    """At 60° north a degree of longitude is half as long as one of latitude."""
    sizes = []
    monkeypatch.setattr(
        quicklook, "paint_objects", lambda _, grid, size: sizes.append(size) or np.zeros(size[::-1], np.int32)
    )
    draw([], grid_at(*DEGREES_60_N, (2000, 2000)))
    assert sizes[0][1] / sizes[0][0] == pytest.approx(111.4 / 56.6, rel=0.02)


@pytest.mark.parametrize("turn", [1, -1])
def test_the_arrow_points_north_wherever_that_is(monkeypatch, turn):
    """Of a scene that begins in the south, or in the north."""
    ways = []
    arrow = map_panel.draw_north
    monkeypatch.setattr(map_panel, "draw_north", lambda way, letters: ways.append(way) or arrow(way, letters))
    draw([], grid_at("EPSG:32631", Affine(10, 0, 500_000, 0, 10 * turn, 6_650_000)))
    assert ways[0] == pytest.approx((0, turn), abs=0.01)


def test_pixels_without_data_are_hatched():
    nodata = np.zeros((800, 1000), np.uint8)
    nodata[:400] = 1
    picture = draw([], grid_at(*UTM_31), nodata=nodata)
    assert all(has(picture, colour) for colour in map_panel.HATCH)


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (30_000, 5), (40, 30)])
def test_any_shape_of_scene_has_a_quick_look(size):
    picture = draw([found(block(1, 1), size[0] - 1, size[1] - 1)], grid_at(*UTM_31, size))
    assert max(picture.size) < 3000


def test_a_map_is_not_larger_than_it_may_be():
    picture = draw([], grid_at(*UTM_31, (9000, 4500)))
    assert 2000 <= picture.width < 2200


def test_thousands_of_classes_are_not_all_listed(words):
    draw([found(block(9, 9), class_id=70)], grid_at(*UTM_31), names=[f"class {index}" for index in range(80)])
    assert [word for word in words if word.startswith("class ")] == ["class 70"] * 2


def test_a_grid_over_a_pole_has_square_kilometres_and_no_north(words):
    draw(
        [found(block(10, 10))],
        Grid(200, 200, Affine(1000, 0, -100_000, 0, -1000, 100_000), CRS.from_epsg(3413), (1.0, 1.0), None),
    )
    assert "no scale: it differs from place to place" in words
    assert "N" not in words
    assert any(word.endswith("km²") for word in words)
