import base64
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from make_analysis import blocks, look, write_scene
from outputs.stand_in import StandIn
from seepseg.app.analysis import Analysis, cut
from seepseg.app.instances_table import rows_of
from seepseg.app.viewer import describe


@pytest.fixture
def analysis(tmp_path: Path) -> Analysis:
    file = tmp_path / "tile.png"
    assert cv2.imwrite(str(file), blocks())
    return look(StandIn(), file)


def shown(analysis: Analysis, limit: float = 0.1, most: int = 200) -> dict:
    prediction = cut(analysis, (limit, limit))
    return describe(analysis, prediction, rows_of(analysis, prediction, most), key=str(analysis.pixels.shape))


def picture(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))))


def test_the_browser_gets_values_that_json_can_hold(analysis: Analysis) -> None:
    assert json.loads(json.dumps(shown(analysis)))["name"] == "tile.png"


def test_each_row_has_its_pixels_and_each_pixel_its_row(analysis: Analysis) -> None:
    told = shown(analysis)
    numbers = picture(told["numbers"])[..., 0]
    times = told["width"] // 48
    for row in told["rows"]:
        assert (numbers == row["number"]).sum() == row["area_value"] * times**2
    assert set(np.unique(numbers)) == {0, *(row["number"] for row in told["rows"])}


def test_the_photo_is_what_the_model_sees(analysis: Analysis) -> None:
    assert np.array_equal(picture(shown(analysis)["photo"]), blocks())


def test_the_photo_stays_when_a_slider_moves(analysis: Analysis) -> None:
    low, high = shown(analysis), shown(analysis, 0.8)
    assert low["photo"] == high["photo"]
    assert (len(low["rows"]), len(high["rows"])) == (3, 1)


def test_objects_without_a_row_are_told_and_not_painted(analysis: Analysis) -> None:
    told = shown(analysis, most=1)
    assert "2 more" in told["more"]
    assert picture(told["numbers"])[..., 0].max() == 1


def test_of_a_scene_a_view_is_sent(tmp_path: Path) -> None:
    file = write_scene(tmp_path / "scene.tif", np.full((1500, 3000), 221, np.uint8))
    told = shown(look(StandIn(imgsz=1024, sha256="e0" * 32), file))
    assert (told["width"], told["height"]) == (1024, 512)
    assert picture(told["photo"]).shape[:2] == (512, 1024)
