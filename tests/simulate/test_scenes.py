import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize
from rasterio.warp import transform_geom

from seepseg.simulate.scenes import SceneSettings, write_scenes

SETTINGS = SceneSettings(size=700, seed=2, gsd=25, border=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes") / "out"
    write_scenes(out, SETTINGS)
    return out


def read(folder: Path, kind: str) -> np.ndarray:
    with rasterio.open(next((folder / kind).glob("*.tif"))) as file:
        return file.read(1)


def test_a_scene_is_a_tiled_geotiff_in_decibels(folder: Path) -> None:
    with rasterio.open(next((folder / "scenes").glob("*.tif"))) as file:
        assert file.crs.to_epsg() == 32631
        assert file.res == (25, 25)
        assert (file.dtypes, file.block_shapes) == (("float32",), [(256, 256)])
        assert file.compression.name == "deflate"
        assert -30 < np.nanmedian(file.read(1)) < -5


def test_scene_and_truth_lie_on_one_grid(folder: Path) -> None:
    with (
        rasterio.open(next((folder / "scenes").glob("*.tif"))) as scene,
        rasterio.open(next((folder / "truth").glob("*.tif"))) as truth,
    ):
        assert (scene.transform, scene.crs, scene.shape) == (truth.transform, truth.crs, truth.shape)


def test_the_border_has_no_data_and_no_seeps(folder: Path) -> None:
    missing = np.isnan(read(folder, "scenes"))
    assert 0.05 < missing.mean() < 0.35
    assert not read(folder, "truth")[missing].any()
    assert missing[0].argmin() != missing[-1].argmin() or missing[0, -1] != missing[-1, -1]


def test_the_record_counts_the_components(folder: Path) -> None:
    truth = read(folder, "truth")
    record = json.loads((folder / "simulation.json").read_text())
    counts = [
        cv2.connectedComponents((truth == value).astype(np.uint8), connectivity=8)[0] - 1 for value in range(1, 8)
    ]
    assert counts == list(record["instances"].values())
    assert sum(counts) > 0


def test_the_polygons_are_the_truth(folder: Path) -> None:
    features = json.loads(next((folder / "polygons").glob("*.geojson")).read_text())["features"]
    with rasterio.open(next((folder / "truth").glob("*.tif"))) as file:
        truth, transform = file.read(1), file.transform
    shapes = [
        (transform_geom("EPSG:4326", "EPSG:32631", feature["geometry"]), feature["properties"]["mask_value"])
        for feature in features
    ]
    np.testing.assert_array_equal(rasterize(shapes, truth.shape, transform=transform), truth)
    assert sum(feature["properties"]["area_m2"] for feature in features) == pytest.approx(625 * (truth > 0).sum())


def test_the_time_of_acquisition_comes_from_the_seed(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path / "again", SETTINGS)
    for path in sorted(folder.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(folder)).read_bytes()
    with rasterio.open(next((folder / "scenes").glob("*.tif"))) as file:
        assert file.tags()["ACQUISITION_TIME"].startswith("2024-")


def test_strips_join_without_a_seam(folder: Path) -> None:
    rows = np.nan_to_num(read(folder, "scenes"), nan=-15.0)
    steps = np.abs(np.diff(rows, axis=0)).mean(axis=1)
    assert steps[255] < 1.15 * np.median(steps)
    assert steps[511] < 1.15 * np.median(steps)
