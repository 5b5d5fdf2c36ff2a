import re
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from make_analysis import blocks, look, write_scene
from make_geotiff import write_geotiff
from outputs.stand_in import StandIn
from seepseg.app.analysis import Analysis, cut
from seepseg.app.instances_table import rows_of
from seepseg.app.map import draw_map


def drawn(analysis: Analysis) -> ElementTree.Element:
    prediction = cut(analysis, (0.1, 0.1))
    svg = draw_map(analysis, prediction, rows_of(analysis, prediction))
    assert svg is not None
    return ElementTree.fromstring(svg)


def points(path: ElementTree.Element) -> np.ndarray:
    return np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.attrib["d"]), float)


def test_every_object_is_on_it(tmp_path: Path) -> None:
    root = drawn(look(StandIn(), write_scene(tmp_path / "scene.tif")))
    assert len(root.findall("path[@class='find']")) == 3


def test_objects_lie_on_it_as_they_do_in_the_scene(tmp_path: Path) -> None:
    root = drawn(look(StandIn(), write_scene(tmp_path / "scene.tif")))
    frame = points(root.find("path[@class='frame']"))  # type: ignore[arg-type]
    surest = points(root.findall("path[@class='find']")[-1])
    size = np.ptp(frame, axis=0)
    low, high = (surest.min(axis=0) - frame.min(axis=0)) / size, (surest.max(axis=0) - frame.min(axis=0)) / size
    # Columns 10 to 140 of 150, rows 40 to 46 of 100; meridians converge a little across the scene.
    assert low == pytest.approx([10 / 150, 0.40], abs=0.02)
    assert high == pytest.approx([140 / 150, 0.46], abs=0.02)


def test_all_of_it_lies_within_the_drawing(tmp_path: Path) -> None:
    root = drawn(look(StandIn(), write_scene(tmp_path / "scene.tif")))
    wide, high = map(float, root.attrib["viewBox"].split()[2:])
    every = np.concatenate([points(path) for path in root.findall("path") if "L" in path.attrib["d"]])
    assert (every >= 0).all()
    assert (every <= (wide, high)).all()


def test_a_scene_across_the_antimeridian_is_one_piece(tmp_path: Path) -> None:
    from rasterio.transform import Affine

    transform = Affine(0.001, 0, 179.95, 0, -0.001, 10)
    pixels = np.zeros((60, 100), np.uint8)
    pixels[20:30, 40:60] = 221
    file = write_geotiff(tmp_path / "east.tif", pixels, crs="EPSG:4326", transform=transform)
    root = drawn(look(StandIn(), file))
    shape = points(root.find("path[@class='find']"))  # type: ignore[arg-type]
    frame = points(root.find("path[@class='frame']"))  # type: ignore[arg-type]
    assert np.ptp(shape[:, 0]) / np.ptp(frame[:, 0]) == pytest.approx(0.2, abs=0.01)


def test_names_of_classes_are_words_and_no_markup(tmp_path: Path) -> None:
    model = StandIn(names=("oil", "<b>ship&"), sha256="c0" * 32)
    root = drawn(look(model, write_scene(tmp_path / "scene.tif"), "<i>.tif"))
    titles = [title.text or "" for title in root.iter("title")]
    assert any("<b>ship&" in title for title in titles)
    assert "<i>.tif" in root.attrib["aria-label"]


def test_without_a_place_there_is_no_map(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "tile.png"), blocks())
    analysis = look(StandIn(), tmp_path / "tile.png")
    assert draw_map(analysis, cut(analysis, (0.1, 0.1)), []) is None
