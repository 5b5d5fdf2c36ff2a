import numpy as np
import pytest
from pyproj import Geod
from rasterio.transform import Affine

from make import grey_image, write_image
from make_geotiff import utm, write_geotiff
from seepseg.errors import SourceError, UsageError
from seepseg.georeference import describe, grid_of, mean_metres, spacing, to_pixels
from seepseg.rasterfile import open_raster
from seepseg.values import Item, Window

SEA = np.full((40, 60), -15, np.float32)
DEGREES = Affine(1e-4, 0, 3.0, 0, -1e-4, 60.0)


def items(*paths, window=None):
    return [Item(path, path.stem, window=window) for path in paths]


def grid(path, gsd=None):
    with open_raster(path) as dataset:
        return grid_of(dataset, gsd)


def test_metres_of_a_projected_file_are_its_own(tmp_path):
    assert spacing(items(write_geotiff(tmp_path / "a.tif", SEA)), None) == 10


def test_feet_become_metres(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", SEA, crs="EPSG:2263")
    assert mean_metres(grid(path)) == pytest.approx(10 * 1200 / 3937, abs=1e-4)


def test_degrees_become_metres_at_the_centre_of_the_file(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", SEA, crs="EPSG:4326", transform=DEGREES)
    x, y = 3.0 + 30e-4, 60.0 - 20e-4
    geod = Geod(ellps="WGS84")
    assert grid(path).metres == pytest.approx(
        (geod.inv(x, y, x + 1e-4, y)[2], geod.inv(x, y, x, y - 1e-4)[2]), rel=1e-6
    )


def test_web_mercator_is_measured_on_the_ground(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", SEA, crs="EPSG:3857", transform=Affine(10, 0, 0, 0, -10, 8399737.9))
    assert mean_metres(grid(path)) == pytest.approx(5, rel=0.01)


def test_so_is_the_mercator_of_sea_charts(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", SEA, crs="EPSG:3395", transform=Affine(10, 0, 0, 0, -10, 8362698.5))
    assert mean_metres(grid(path)) == pytest.approx(5.013, rel=0.001)


def test_a_crs_without_a_place_in_it_is_no_place(tmp_path):
    found = grid(write_geotiff(tmp_path / "a.tif", SEA, transform=Affine.identity()))
    assert (found.crs, found.metres) == (None, None)


def test_metres_under_a_crs_of_degrees_are_refused_in_a_sentence(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", SEA, crs="EPSG:4326", transform=utm())
    with pytest.raises(
        SourceError, match=r"a\.tif: says that it is in EPSG:4326, and no place .* y 3,999,800; give it"
    ):
        grid(path)


def test_a_plain_picture_has_no_metres(tmp_path):
    path = write_image(tmp_path / "a.png", grey_image(np.random.default_rng(0), 20, 20))
    assert spacing(items(path), None) is None


def test_mixed_spacings_are_refused_with_a_file_of_each(tmp_path):
    paths = [write_geotiff(tmp_path / f"{metres}.tif", SEA, transform=utm(metres)) for metres in (10, 20)]
    with pytest.raises(SourceError, match=r"(?s)--gsd.*10 m: 1 files.*10\.tif.*20 m: 1 files.*20\.tif"):
        spacing(items(*paths), None)


def test_mixed_spacings_pass_with_a_gsd(tmp_path):
    paths = [write_geotiff(tmp_path / f"{metres}.tif", SEA, transform=utm(metres)) for metres in (10, 20)]
    assert spacing(items(*paths, window=Window(0, 0, 8, 8)), 20.0) == 20


def test_one_spacing_in_degrees_is_not_mixed_at_two_latitudes(tmp_path):
    places = [Affine(1e-4, 0, 3.0, 0, -1e-4, latitude) for latitude in (5.0, 60.0)]
    paths = [
        write_geotiff(tmp_path / f"{number}.tif", SEA, crs="EPSG:4326", transform=place)
        for number, place in enumerate(places)
    ]
    assert 7 < spacing(items(*paths), None) < 12


def test_a_gsd_without_windows_is_refused(tmp_path):
    with pytest.raises(UsageError, match="convert scenes"):
        spacing(items(write_geotiff(tmp_path / "a.tif", SEA)), 20.0)


def test_a_gsd_for_a_file_without_a_place_is_refused(tmp_path):
    with pytest.raises(SourceError, match="--gsd 20 needs a georeferenced file"):
        grid(write_geotiff(tmp_path / "a.tif", SEA, crs=None), 20.0)


def test_the_record_of_a_window_starts_at_its_corner(tmp_path):
    found = describe(grid(write_geotiff(tmp_path / "a.tif", SEA)), Window(3, 4, 10, 10))
    assert found == {"crs": "EPSG:32631", "transform": [10, 0, 500030, 0, -10, 3999960]}


def test_a_resampled_grid_covers_the_same_ground(tmp_path):
    found = grid(write_geotiff(tmp_path / "a.tif", SEA), 20.0)
    assert (found.width, found.height, found.metres) == (30, 20, (20, 20))
    assert found.transform[:6] == (20, 0, 500000, 0, -20, 4000000)


def test_ground_control_points_place_a_file_and_are_said_to_be_approximate(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", SEA, gcps=True)
    found = grid(path)
    assert mean_metres(found) == pytest.approx(10)
    assert describe(found, None)["approximate"] is True


@pytest.mark.parametrize("gcps", [False, True])
@pytest.mark.parametrize("gsd", [None, 20.0])
def test_places_on_the_ground_come_back_as_pixels(tmp_path, gcps, gsd):
    with open_raster(write_geotiff(tmp_path / "a.tif", SEA, gcps=gcps)) as dataset:
        grid = grid_of(dataset, gsd)
        found = to_pixels(dataset, grid, np.array([500125.0, 500300.0]), np.array([3999937.0, 3999800.0]))
    assert found == pytest.approx(np.array([[12.5, 6.3], [30, 20]]) * 10 / (gsd or 10), abs=1e-6)


@pytest.mark.parametrize("content", [b"not a tif", b"II*\0", None])
def test_what_is_no_raster_is_refused_in_a_sentence_that_names_it_once(tmp_path, content):
    path = tmp_path / "a.tif"
    if content:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.tif: not readable as an image: \w") as error, open_raster(path):
        pass
    assert str(error.value).count("a.tif") == 1
