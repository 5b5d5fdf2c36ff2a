"""The page Analyse as a visitor meets it, from the upload to the files."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from app.conftest import zip_of
from make_geotiff import write_geotiff
from predict.conftest import picture
from seepseg.app.controls import DECIBELS
from seepseg.app.examples import EXAMPLES
from seepseg.app.settings import ROOT

SCRIPT = "from seepseg.app.main import _show\n_show('analyse')"
Files = dict[str, Callable[[], bytes]]
PATIENCE = 60


@pytest.fixture
def page(app_root: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv(ROOT, str(app_root))
    return AppTest.from_string(SCRIPT, default_timeout=PATIENCE).run()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    """What a click on each download makes, by the name of the file."""
    given: Files = {}
    before = MediaFileManager.add_deferred

    def add(self: Any, make: Any, mime: Any, coordinates: str, file_name: str, **more: Any) -> str:
        given[file_name] = make
        return before(self, make, mime, coordinates, file_name, **more)

    monkeypatch.setattr(MediaFileManager, "add_deferred", add)
    return given


def blobs(seed: int = 0) -> bytes:
    """What the untrained network finds things of all confidences in."""
    file = io.BytesIO()
    Image.fromarray(picture(64, 64, seed)).save(file, "PNG")
    return file.getvalue()


def hand_in(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    page.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files]).run()
    assert not page.exception
    return page


def panel(page: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in page.get("html"))


def viewer(page: AppTest) -> dict[str, Any]:
    return next(
        json.loads(one.proto.json) for one in page.get("bidi_component") if "viewer" in one.proto.component_name
    )


def test_one_is_asked_for_an_image_first(page: AppTest) -> None:
    assert not page.exception
    assert not page.get("bidi_component")
    assert len(page.get("pills") or page.button_group) == 1


def test_an_upload_has_a_verdict_a_picture_and_files(page: AppTest, files: Files) -> None:
    hand_in(page, ("sea.png", blobs()))
    assert "Potential finds" in panel(page)
    assert viewer(page)["name"] == "sea.png"
    assert len(json.loads(files["sea.geojson"]())["features"]) == len(viewer(page)["rows"]) > 0
    assert Image.open(io.BytesIO(files["sea-mask.png"]())).size == (64, 64)
    with zipfile.ZipFile(io.BytesIO(files["sea-seepseg.zip"]())) as archive:
        assert {"coco.json", "instances.csv", "masks/sea.png", "overlays/sea.png"} <= set(archive.namelist())


def test_the_slider_changes_picture_and_files_without_a_second_look(page: AppTest, files: Files) -> None:
    hand_in(page, ("sea.png", blobs()))
    scores = [row["score"] for row in viewer(page)["rows"]]
    page.slider[0].set_value(0.6).run()
    assert 0 < len(viewer(page)["rows"]) == sum(score > 0.6 for score in scores) < len(scores)
    assert len(json.loads(files["sea.geojson"]())["features"]) == len(viewer(page)["rows"])
    assert "You chose this threshold" in panel(page) or "no thresholds" in panel(page)


def test_one_class_may_have_a_threshold_of_its_own(page: AppTest) -> None:
    hand_in(page, ("sea.png", blobs()))
    before = viewer(page)["rows"]
    next(one for one in page.selectbox if one.label == "Threshold of").set_value("class1").run()
    page.slider[0].set_value(0.99).run()
    assert viewer(page)["rows"] != before
    left = [row["score"] for row in viewer(page)["rows"] if row["called"] != "class1"]
    assert left == [row["score"] for row in before if row["called"] != "class1"]
    assert all(row["score"] > 0.99 for row in viewer(page)["rows"] if row["called"] == "class1")


def test_the_way_back_to_the_thresholds_of_the_model(page: AppTest) -> None:
    hand_in(page, ("sea.png", blobs()))
    before = viewer(page)["rows"]
    page.slider[0].set_value(0.99).run()
    assert viewer(page)["rows"] != before
    back = next(one for one in page.button if "own" in one.label)
    back.click().run()
    assert viewer(page)["rows"] == before


def test_cleaning_drops_specks(page: AppTest) -> None:
    hand_in(page, ("sea.png", blobs()))
    page.select_slider(key="cleaning Drop specks below").set_value("200 px").run()
    assert all(row["area_value"] >= 200 for row in viewer(page)["rows"])
    assert '--clean "small:200"' in page.code[0].value


def test_an_example_can_be_looked_at(page: AppTest) -> None:
    example = EXAMPLES[0]
    page.button_group[0].set_value(example.title).run()
    assert not page.exception
    assert not page.error
    assert viewer(page)["name"] == example.file


def test_a_georeferenced_image_has_a_map_and_sizes_on_the_ground(page: AppTest, tmp_path: Path, files: Files) -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (80, 90), np.uint8)
    hand_in(page, ("place.tif", write_geotiff(tmp_path / "a.tif", pixels).read_bytes()))
    assert any("map" in one.proto.component_name for one in page.get("bidi_component"))
    assert viewer(page)["rows"][0]["area"].endswith("m²")
    longitude, latitude = json.loads(files["place.geojson"]())["bbox"][:2]
    assert (round(longitude), round(latitude)) == (3, 36)


@pytest.mark.parametrize("crs", ["EPSG:32631", None])
def test_float_values_are_shown_to_a_model_of_8_bit_images_once_somebody_says_how(
    page: AppTest, tmp_path: Path, files: Files, crs: str | None
) -> None:
    grey = picture(64, 64, 0)[..., 0].clip(1)
    decibels = (grey.astype(np.float32) - 1) / 254 * 35 - 35
    hand_in(page, ("sea.tif", write_geotiff(tmp_path / "a.tif", decibels, crs=crs).read_bytes()))
    assert "bit values, as the images did" in page.info[0].value
    assert not page.get("bidi_component")
    page.selectbox(key="values").set_value(DECIBELS).run()
    assert not page.exception
    assert any("dB became black to white, as chosen here" in one.value for one in page.caption)
    assert "--scale db:-35,0" in page.code[0].value
    with zipfile.ZipFile(io.BytesIO(files["sea-seepseg.zip"]())) as archive:
        mask = archive.read("masks/sea.tif" if crs else "masks/sea.png")
    hand_in(page, ("grey.tif", write_geotiff(tmp_path / "b.tif", grey, crs=crs).read_bytes()))
    assert not page.info
    with zipfile.ZipFile(io.BytesIO(files["grey-seepseg.zip"]())) as archive:
        same = archive.read("masks/grey.tif" if crs else "masks/grey.png")
    found = [np.array(Image.open(io.BytesIO(one))) for one in (mask, same)]
    assert found[0].any()
    assert np.array_equal(*found)


def test_other_ends_of_the_grey_values_are_another_look(page: AppTest, tmp_path: Path) -> None:
    decibels = np.linspace(-60, 0, 64 * 64, dtype=np.float32).reshape(64, 64)
    hand_in(page, ("sea.tif", write_geotiff(tmp_path / "a.tif", decibels).read_bytes()))
    page.selectbox(key="values").set_value(DECIBELS).run()
    page.slider(key="values dB").set_value((-50, -5)).run()
    assert not page.exception
    assert "--scale db:-50,-5" in page.code[0].value


def test_of_several_files_one_is_looked_at(page: AppTest) -> None:
    hand_in(page, ("pack.zip", zip_of({"a.png": blobs(seed=1), "b.png": blobs(seed=2)})))
    assert viewer(page)["name"] == "a.png"
    next(one for one in page.selectbox if one.label.startswith("Look at")).select_index(1).run()
    assert viewer(page)["name"] == "b.png"


def test_what_is_no_image_is_refused_in_a_sentence(page: AppTest) -> None:
    hand_in(page, ("virus.png", b"MZ" + bytes(200)))
    assert "virus" in page.warning[0].value
    assert not page.get("bidi_component")


def test_an_image_that_is_cut_off_is_a_sentence_in_place(page: AppTest) -> None:
    hand_in(page, ("half.png", blobs()[:-30]))
    said = " ".join(one.value for one in (*page.warning, *page.error))
    assert "cut off" in said
    assert not page.get("bidi_component")
