import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.conftest import zip_of
from app.made_batch import Gate, loaded, tiles
from outputs.stand_in import StandIn
from seepseg.app.controls import DECIBELS
from seepseg.app.settings import FOLDERS, ROOT
from seepseg.predict.model_input import ModelInput
from seepseg.scaling import Rule

SCRIPT = "from seepseg.app.main import _show\n_show('batch')"


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv(ROOT, str(tmp_path))
    monkeypatch.delenv(FOLDERS, raising=False)
    model = Gate()
    model.opened.set()
    monkeypatch.setattr("seepseg.app.pages.batch.choose_model", lambda: loaded(model))
    yield model
    model.opened.set()


def visit() -> AppTest:
    return AppTest.from_string(SCRIPT, default_timeout=20).run()


def start(page: AppTest) -> AppTest:
    return next(button for button in page.button if button.label == "Start").click().run()


def wait(page: AppTest) -> AppTest:
    end = time.monotonic() + 10
    while not page.subheader and not page.error and time.monotonic() < end:
        time.sleep(0.05)
        page.run()
    assert not page.exception
    return page


def upload(page: AppTest, folder: Path) -> AppTest:
    files = [(file.name, file.read_bytes(), "image/png") for file in sorted(folder.iterdir())]
    return page.file_uploader[0].set_value(files).run()


def test_nothing_can_be_started_before_there_is_something_to_search() -> None:
    assert next(button for button in visit().button if button.label == "Start").disabled


def test_files_come_back_as_a_gallery_a_table_and_a_zip(tmp_path: Path) -> None:
    page = wait(start(upload(visit(), tiles(tmp_path / "tiles", 4))))
    assert page.subheader[0].value == "Potential finds in 3 of 4 images."
    assert list(page.dataframe[0].value["Image"]) == ["tile3.png", "tile2.png", "tile1.png", "tile0.png"]
    assert page.get("download_button")[0].label == "Download all as zip"


def test_how_float_values_are_read_is_asked_where_the_model_does_not_say_it(tmp_path: Path, model: Gate) -> None:
    page = visit()
    page.selectbox(key="batch values").set_value(DECIBELS).run()
    page = wait(start(upload(page, tiles(tmp_path / "tiles", 2))))
    assert any("is not known" in one.value for one in page.caption)
    model.input = ModelInput(rule=Rule("db", (-35.0,), (0.0,), (1,), "dB"))
    assert not [one for one in visit().selectbox if one.key == "batch values"]


def test_a_zip_with_something_else_in_it_is_searched_and_the_rest_is_told(tmp_path: Path) -> None:
    files = {file.name: file.read_bytes() for file in tiles(tmp_path / "tiles", 3).iterdir()}
    page = visit()
    page.file_uploader[0].set_value(
        ("tiles.zip", zip_of({**files, "notes.exe": b"MZ\x90 no image"}), "application/zip")
    )
    page = wait(start(page.run()))
    assert page.subheader[0].value == "Potential finds in 2 of 3 images."
    assert "notes" in page.warning[0].value


def test_an_upload_without_an_image_is_a_sentence_and_the_page_lives() -> None:
    page = visit()
    page.file_uploader[0].set_value(("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"))
    page = wait(start(page.run()))
    assert "no image to search" in page.error[0].value
    assert page.file_uploader


def test_the_filters_thin_out_the_table(tmp_path: Path) -> None:
    page = wait(start(upload(visit(), tiles(tmp_path / "tiles", 4))))
    page.segmented_control[0].set_value("Nothing").run()
    assert list(page.dataframe[0].value["Image"]) == ["tile0.png"]
    page.segmented_control[0].set_value("All")
    page.pills[0].set_value(["ship"]).run()
    assert list(page.dataframe[0].value["Image"]) == ["tile2.png"]
    page.pills[0].set_value([])
    page.selectbox[0].set_value("By name").run()
    assert page.dataframe[0].value["Image"].iloc[0] == "tile0.png"


def test_while_it_works_it_can_be_cancelled(tmp_path: Path, model: Gate) -> None:
    model.opened.clear()
    page = start(upload(visit(), tiles(tmp_path / "tiles", 12)))
    page.button[0].click().run()
    model.opened.set()
    page = wait(page)
    assert page.subheader[0].value.startswith("Cancelled ")


def test_a_new_batch_begins_with_an_empty_page(tmp_path: Path) -> None:
    page = wait(start(upload(visit(), tiles(tmp_path / "tiles", 2))))
    next(button for button in page.button if button.label == "New batch").click().run()
    assert page.file_uploader
    assert not page.subheader


def test_a_folder_that_was_named_at_the_start_is_searched_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiles(tmp_path / "flight", 3)
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    monkeypatch.setenv(FOLDERS, str(folder))
    page = visit()
    page.segmented_control[0].set_value("flight").run()
    page = wait(start(page))
    assert page.subheader[0].value == "Potential finds in 2 of 3 images."
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before


def test_two_folders_of_one_name_are_both_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tiles(tmp_path / year / "flight", count) for year, count in (("2023", 2), ("2024", 3))]
    monkeypatch.setenv(FOLDERS, os.pathsep.join(map(str, folders)))
    page = visit()
    page.segmented_control[0].set_value("2024/flight").run()
    assert wait(start(page)).subheader[0].value == "Potential finds in 2 of 3 images."


def test_a_picture_that_cannot_be_shown_is_a_sentence_and_the_table_stays(tmp_path: Path) -> None:
    page = wait(start(upload(visit(), tiles(tmp_path / "tiles", 2))))
    for file in (page.session_state["batch job"].wish.out / "overlays").iterdir():
        file.write_bytes(b"no picture")
    page.selectbox[0].set_value("By name").run()
    assert "did not foresee" in page.error[0].value
    assert list(page.dataframe[0].value["Image"]) == ["tile0.png", "tile1.png"]
    assert not page.exception


def test_without_named_folders_no_folder_of_the_server_is_offered() -> None:
    assert not visit().segmented_control
