import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from pyproj import Geod
from rasterio.errors import RasterioIOError
from rasterio.features import rasterize
from rasterio.warp import transform_geom

from make import ragged
from make_geotiff import UTM, utm
from make_scene import trained_on
from make_scene import write_scene as write_sea
from make_scene_objects import block, found
from seepseg import __version__
from seepseg.errors import OutputError, SourceError, UsageError
from seepseg.scenes import class_mask, geopackage, scene
from seepseg.scenes.scene import open_scene
from seepseg.scenes.write_scene import PLACES, write_scene

ALL = tuple(PLACES)
MADE = {"model_sha256": "ab" * 32, "confidence": [0.25], "hysteresis": None, "overlap": 32}


def write(tmp_path, objects, *, save=ALL, provenance=MADE, stem="sea", names=("oil",), **profile):
    scene_file = tmp_path / "sea 油.tif"
    if not scene_file.exists():
        write_sea(scene_file, np.zeros((90, 120), np.uint8), **profile)
    with open_scene(scene_file, trained_on()) as opened:
        return write_scene(tmp_path / "out", stem, opened, objects, names=names, provenance=provenance, save=save)


def features(tmp_path):
    return json.loads((tmp_path / "out/sea.geojson").read_text(encoding="utf-8"))


def test_files_have_the_names_of_the_prediction_folder(tmp_path):
    paths = write(tmp_path, [found(block(5, 5), 9, 9)])
    written = [path.relative_to(tmp_path / "out").as_posix() for path in paths]
    assert written == ["sea.geojson", "sea.gpkg", "masks/sea.tif", "sea.png"]
    assert sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file()) == sorted(paths)


@pytest.mark.parametrize("save", ALL)
def test_what_is_saved_is_what_was_asked_for(tmp_path, save):
    assert [path.name for path in write(tmp_path, [], save=[save])] == [PLACES[save].format("sea").split("/")[-1]]


def test_what_no_scene_has_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"geojson, geopackage, masks and quicklook can be saved, not coco"):
        write(tmp_path, [], save=["coco"])


def test_stems_keep_their_folders(tmp_path):
    paths = write(tmp_path, [], stem="2024/a b")
    assert (tmp_path / "out/masks/2024/a b.tif") in paths
    assert all(path.is_file() for path in paths)


def test_nothing_found_is_written_too(tmp_path):
    paths = write(tmp_path, [])
    assert features(tmp_path)["features"] == []
    with rasterio.open(paths[2]) as file:
        assert not file.read().any()
    Image.open(paths[3]).verify()


def test_each_feature_says_where_it_came_from(tmp_path):
    write(tmp_path, [found(block(5, 5), 9, 9)], tags={"TIFFTAG_DATETIME": "2024:03:05 06:07:08"})
    row = features(tmp_path)["features"][0]["properties"]
    said = {name: row[name] for name in ("scene", "model_sha256", "threshold", "potential", "seepseg", "approximate")}
    assert said == {
        "scene": "sea 油.tif",
        "model_sha256": "ab" * 32,
        "threshold": 0.25,
        "potential": "potential slick",
        "seepseg": __version__,
        "approximate": False,
    }
    assert row["acquired"].startswith("2024-03-05T06:07:08")


def test_the_collection_keeps_all_provenance(tmp_path):
    write(tmp_path, [])
    kept = features(tmp_path)["seepseg"]
    assert MADE.items() <= kept.items()
    assert kept["scene_crs"] == UTM


@pytest.mark.parametrize("seed", [0.95, [0.95]])
def test_with_a_hysteresis_the_threshold_is_its_seed(tmp_path, seed):
    levels = {"seed": seed, "outline": 0.5, "group": 0.1}
    write(tmp_path, [found(block(5, 5), 9, 9)], provenance=MADE | {"hysteresis": levels}, save=["geojson"])
    assert features(tmp_path)["features"][0]["properties"]["threshold"] == 0.95


def test_rasterised_from_the_geojson_the_mask_comes_back(tmp_path):
    mask = ragged(np.random.default_rng(0), 60, 80)
    paths = write(tmp_path, [found(mask, 20, 10)])
    (feature,) = features(tmp_path)["features"]
    placed = transform_geom("EPSG:4326", UTM, feature["geometry"])
    back = rasterize([placed], (90, 120), transform=utm())
    with rasterio.open(paths[2]) as file:
        assert np.array_equal(file.read(1), back)
    assert np.array_equal(back[10:70, 20:100], mask)


def test_areas_are_geodesic(tmp_path):
    write(tmp_path, [found(ragged(np.random.default_rng(0), 60, 80), 20, 10)])
    (feature,) = features(tmp_path)["features"]
    area = Geod(ellps="WGS84").geometry_area_perimeter(shapely.geometry.shape(feature["geometry"]))[0]
    assert feature["properties"]["area_km2"] == pytest.approx(area / 1e6, rel=1e-4)


def test_geopackage_and_geojson_say_the_same(tmp_path):
    paths = write(tmp_path, [found(block(5, 5), 9, 9), found(block(7, 3), 50, 50)])
    with closing(sqlite3.connect(paths[1])) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("SELECT * FROM objects")]
    for row, feature in zip(rows, features(tmp_path)["features"], strict=True):
        geometry = shapely.from_wkb(row.pop("geom")[40:])
        assert row == feature["properties"]
        assert geometry.equals(shapely.geometry.shape(feature["geometry"]))


def test_a_scene_placed_by_control_points_says_so(tmp_path):
    paths = write(tmp_path, [found(block(50, 50), 30, 20)], gcps=True)
    (feature,) = features(tmp_path)["features"]
    assert feature["properties"]["approximate"] is True
    assert feature["properties"]["area_km2"] == pytest.approx(0.25, rel=5e-3)
    with rasterio.open(paths[2]) as file:
        assert len(file.gcps[0]) == 9


def test_a_scene_without_a_place_is_in_pixels(tmp_path):
    write(tmp_path, [found(block(5, 4), 9, 9)], crs=None)
    collection = features(tmp_path)
    assert collection["seepseg"]["coordinates"] == "pixels"
    assert collection["bbox"] == [9, 9, 14, 13]


def test_a_second_time_replaces_the_first(tmp_path):
    write(tmp_path, [found(block(5, 5), 9, 9)])
    write(tmp_path, [])
    assert features(tmp_path)["features"] == []


def test_the_scene_itself_is_not_written_over(tmp_path):
    path = write_sea(tmp_path / "masks/sea.tif", np.zeros((90, 120), np.uint8))
    before = path.read_bytes()
    with (
        open_scene(path, trained_on()) as opened,
        pytest.raises(OutputError, match=r"sea\.tif: would be written over .* give another folder"),
    ):
        write_scene(tmp_path, "sea", opened, [], names=("oil",), provenance=MADE, save=["geojson", "masks"])
    assert path.read_bytes() == before
    assert not (tmp_path / "sea.geojson").exists()


def test_what_fails_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(class_mask, "paint", fail)
    with pytest.raises(OutputError, match=r"masks/sea\.tif: the disk is full"):
        write(tmp_path, [], save=["masks"])
    assert list((tmp_path / "out/masks").iterdir()) == []


@pytest.mark.parametrize("room", [300, 1200, 5000, 5500, 6000])
def test_a_disk_that_is_full_when_gdal_closes_a_mask_is_told_too(tmp_path, room):
    resource = pytest.importorskip("resource")
    write_sea(tmp_path / "sea 油.tif", np.zeros((1100, 1100), np.uint8))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(OutputError, match=r"masks/sea\.tif: .*full"):
            write(tmp_path, [found(block(900, 900), 9, 9)], save=["masks"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "out/masks").iterdir()) == []


def test_a_scene_that_cannot_be_read_to_its_end_is_not_taken_for_a_full_disk(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RasterioIOError("Read failed")

    monkeypatch.setattr(scene, "read_values", fail)
    for kind in ("masks", "quicklook"):
        with pytest.raises(SourceError, match=r"sea 油\.tif: not readable to its end"):
            write(tmp_path, [], save=[kind])


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path, [])


def test_a_disk_that_is_full_for_sqlite_is_told(tmp_path, monkeypatch):
    def fail(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(geopackage, "as_blob", fail)
    with pytest.raises(OutputError, match=r"sea\.gpkg: cannot be written: database or disk is full"):
        write(tmp_path, [found(block(2, 2))], save=["geojson", "geopackage"])
    assert list((tmp_path / "out").iterdir()) == []
