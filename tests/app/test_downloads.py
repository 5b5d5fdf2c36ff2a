import io
import json
import zipfile
from pathlib import Path

import cv2
import pytest
import rasterio

from make_analysis import blocks, loaded, look, write_scene
from outputs.stand_in import StandIn, predict_folder, stored
from seepseg.app.downloads import Files, files_of, name_of, pick, zipped
from seepseg.cleaning.pipeline import Cleaning, parse_cleaning
from seepseg.errors import SourceError
from seepseg.outputs.place import JOURNAL, PROOF

SAME = {PROOF, JOURNAL}
"""These tell where and when they were made."""


def model() -> StandIn:
    return StandIn(thresholds=stored(), sha256="b0" * 32)


@pytest.fixture
def tile(tmp_path: Path) -> Path:
    file = tmp_path / "tile.png"
    assert cv2.imwrite(str(file), blocks())
    return file


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif")


def as_page(path: Path, limits: tuple[float, ...] | None = None, cleaning: Cleaning | None = None) -> Files:
    one = model()
    analysis = look(one, path)
    seen = one.seen
    files = files_of(loaded(one), analysis, path, limits or analysis.confidence.limits, cleaning)
    assert one.seen == seen
    return files


def as_command(path: Path, out: Path, **asked: object) -> Files:
    predict_folder(model(), path, out, **asked)  # type: ignore[arg-type]
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*") if file.is_file()}


@pytest.mark.parametrize("which", ["tile", "scene"])
def test_files_are_those_of_the_command_line(which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(which)
    expected = as_command(path, tmp_path / "out")
    files = as_page(path)
    assert {name: files.get(name) for name in expected if name not in SAME} == {
        name: data for name, data in expected.items() if name not in SAME
    }


@pytest.mark.parametrize("which", ["tile", "scene"])
def test_so_they_are_at_another_confidence(which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(which)
    cleaning = parse_cleaning("small:20")
    expected = as_command(path, tmp_path / "out", conf={"oil": 0.3, "ship": 0.2}, cleaning=cleaning)
    files = as_page(path, (0.3, 0.2), cleaning)
    for name in ("coco.json", "instances.csv", "summary.csv"):
        assert files[name] == expected[name]


def test_an_image_without_a_place_has_its_outlines_in_pixels(tile: Path) -> None:
    shapes = json.loads(as_page(tile)["tile.geojson"])
    assert shapes["seepseg"]["coordinates"] == "pixels"
    assert sorted(one["properties"]["area_px"] for one in shapes["features"]) == [12, 156]
    assert shapes["features"][0]["properties"]["threshold"] == 0.5


def test_the_mask_of_a_scene_lies_where_the_scene_lies(scene: Path) -> None:
    mask = rasterio.MemoryFile(pick(as_page(scene), "mask"))
    with rasterio.open(scene) as before, mask, mask.open() as after:
        assert (after.crs, after.transform, after.shape) == (before.crs, before.transform, before.shape)


@pytest.mark.parametrize("which", ["tile", "scene"])
@pytest.mark.parametrize("kind", ["overlay", "mask", "geojson", "coco", "instances", "summary"])
def test_each_kind_can_be_had_alone(which: str, kind: str, request: pytest.FixtureRequest) -> None:
    assert pick(as_page(request.getfixturevalue(which)), kind)


def test_a_kind_that_is_not_there_is_a_sentence(tile: Path) -> None:
    with pytest.raises(SourceError, match="take the zip"):
        pick(as_page(tile), "film")


def test_names_tell_files_of_two_images_apart() -> None:
    assert name_of("mask", "sea", scene=False) == "sea-mask.png"
    assert name_of("mask", "sea", scene=True) == "sea-mask.tif"


def test_the_zip_holds_all_and_is_the_same_each_time(tile: Path) -> None:
    files = as_page(tile)
    packed = zipped(files)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
    assert zipped(files) == packed


def test_the_record_names_no_folder_of_the_server(tile: Path) -> None:
    record = as_page(tile)[PROOF].decode()
    assert str(tile.parent) not in record
    assert json.loads(record)["model"]["file"] == "best.pt"


def test_a_file_that_is_gone_is_a_sentence(tile: Path) -> None:
    analysis = look(model(), tile)
    tile.unlink()
    with pytest.raises(SourceError, match=r"tile\.png is no longer on the server"):
        files_of(loaded(model()), analysis, tile, analysis.confidence.limits)
