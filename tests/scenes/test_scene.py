import cv2
import numpy as np
import pytest
from PIL import Image
from rasterio.transform import Affine
from shapely.geometry import box

from make_geotiff import speckle, utm, write_geojson, write_geotiff
from make_scene import DB, trained_on
from seepseg.errors import SourceError, UsageError
from seepseg.raster import open_picture
from seepseg.scaling import Rule, untouched
from seepseg.scenes.scene import open_scene
from seepseg.values import Item, Window

SEA = speckle(90, 120)
AMPLITUDE = Rule("db", (20.0,), (50.0,), (1,), "amplitude")


def read(path, window=None, model=None, **settings):
    with open_scene(path, model or trained_on(), **settings) as scene:
        return scene.read(window or Window(0, 0, scene.grid.width, scene.grid.height))


def about(path, model=None, **settings):
    with open_scene(path, model or trained_on(), **settings) as scene:
        return scene


def test_a_window_is_what_conversion_would_write(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", SEA)
    window = Window(30, 20, 50, 40)
    converted = open_picture(Item(path, "a", window=window), DB)
    assert np.array_equal(read(path, window)[0], converted.pixels)


@pytest.mark.parametrize("gsd", [7.0, 23.0])
def test_a_resampled_window_is_what_conversion_would_write(tmp_path, gsd):
    path = write_geotiff(tmp_path / "a.tif", SEA)
    window = Window(3, 2, 20, 25)
    converted = open_picture(Item(path, "a", window=window), DB, gsd=gsd)
    assert np.array_equal(read(path, window, gsd=gsd)[0], converted.pixels)


def test_the_spacing_of_training_is_taken_and_said(tmp_path):
    scene = about(write_geotiff(tmp_path / "a.tif", SEA), trained_on(metres=20.0))
    assert (scene.grid.width, scene.grid.height, scene.grid.metres) == (60, 45, (20, 20))
    assert scene.notes == ("a.tif: resampled from 10 m to 20 m per pixel, as the model was trained on",)


def test_what_is_asked_for_wins_over_training(tmp_path):
    scene = about(write_geotiff(tmp_path / "a.tif", SEA), trained_on(metres=20.0), gsd=30.0)
    assert scene.grid.metres == (30, 30)
    assert scene.notes[0].endswith("30 m per pixel, as asked")


def test_spacings_that_hardly_differ_are_left_alone(tmp_path):
    scene = about(write_geotiff(tmp_path / "a.tif", SEA), trained_on(metres=10.4))
    assert (scene.grid.width, scene.notes) == (120, ())


def test_pixels_that_are_far_from_square_are_spoken_of(tmp_path):
    degrees = Affine(1e-4, 0, 3.0, 0, -1e-4, 60.0)
    path = write_geotiff(tmp_path / "a.tif", SEA, crs="EPSG:4326", transform=degrees)
    (note,) = about(path, trained_on(metres=7.9)).notes
    assert "5.58 × 11.1 m" in note
    assert about(path, trained_on(metres=7.9), gsd=7.9).grid.metres == (7.9, 7.9)


def test_without_a_crs_places_are_pixels_and_that_is_said(tmp_path):
    scene = about(write_geotiff(tmp_path / "a.tif", SEA, crs=None), trained_on(metres=10.0))
    assert scene.grid.crs is None
    assert "places and areas are in pixels" in scene.notes[0]
    assert "taken as the model's 10 m" in scene.notes[1]


@pytest.mark.parametrize("gsd", [0.0, -3.0, float("nan"), float("inf")])
def test_no_gsd_below_or_beyond_all_numbers(tmp_path, gsd):
    with pytest.raises(UsageError, match="give metres per pixel"):
        about(write_geotiff(tmp_path / "a.tif", SEA), gsd=gsd)


def test_a_gsd_without_a_place_is_refused(tmp_path):
    with pytest.raises(SourceError, match="needs a georeferenced file"):
        about(write_geotiff(tmp_path / "a.tif", SEA, crs=None), gsd=20.0)


def test_sentinel_1_as_delivered_is_laid_by_its_points_and_said_to_be_approximate(tmp_path):
    amplitude = np.random.default_rng(0).uniform(30, 200, (80, 100)).astype(np.uint16)
    scene = about(write_geotiff(tmp_path / "a.tif", amplitude, gcps=True), trained_on(AMPLITUDE))
    assert scene.grid.approximate
    assert scene.grid.transform[:6] == pytest.approx(utm()[:6])
    assert "by its 9 control points" in scene.notes[0]
    assert "off by up to 0 m" in scene.notes[0]


def test_control_points_on_both_sides_of_the_antimeridian_are_refused(tmp_path):
    """From -179.9 to 179.9 degrees, as the corners of a narrow scene there are told."""
    wide = Affine(359.8 / 120, 0, -179.9, 0, -1e-4, -17.0)
    path = write_geotiff(tmp_path / "a.tif", SEA, crs="EPSG:4326", transform=wide, gcps=True)
    with pytest.raises(SourceError, match=r"both sides of the antimeridian \(-179\.90 to 179\.90 degrees\)"):
        about(path)


def test_missing_data_is_told_by_nan_and_by_the_nodata_value_of_training(tmp_path):
    values = SEA.copy()
    values[:10], values[20:30] = np.nan, -99
    path = write_geotiff(tmp_path / "a.tif", values)
    rule = Rule("db", (-35.0,), (0.0,), (1,), "dB", nodata=-99)
    pixels, nodata = read(path, model=trained_on(rule))
    assert np.flatnonzero(nodata.all(axis=1)).tolist() == [*range(10), *range(20, 30)]
    assert not pixels[nodata > 0].any()


def test_data_everywhere_is_no_bitmap(tmp_path):
    assert read(write_geotiff(tmp_path / "a.tif", SEA))[1] is None


def test_the_mask_of_a_file_and_land_are_both_missing_data(tmp_path):
    values = np.where(np.arange(120) < 20, np.nan, SEA).astype(np.float32)
    land = write_geojson(tmp_path / "land.geojson", [(box(100, 0, 110, 90), {})])
    _, nodata = read(write_geotiff(tmp_path / "a.tif", values), mask_vector=land)
    assert np.flatnonzero(nodata.any(axis=0)).tolist() == [*range(20), *range(100, 110)]


def test_land_that_lies_elsewhere_is_told(tmp_path):
    land = write_geojson(tmp_path / "land.geojson", [(box(9000, 0, 9010, 90), {})])
    scene = about(write_geotiff(tmp_path / "a.tif", SEA), mask_vector=land)
    assert scene.notes == ("land.geojson covers nothing of a.tif",)


def test_a_coloured_picture_comes_in_the_order_of_opencv(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    assert np.array_equal(read(tmp_path / "a.png", model=trained_on(None))[0], pixels)


def test_transparent_pixels_hold_no_data(tmp_path):
    pixels = np.full((30, 40, 4), 90, np.uint8)
    pixels[:, :7, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    _, nodata = read(tmp_path / "a.png", model=trained_on(None))
    assert np.flatnonzero(nodata.any(axis=0)).tolist() == list(range(7))


def test_a_palette_gives_its_colours(tmp_path):
    image = Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20), "P")
    image.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
    image.save(tmp_path / "a.png")
    with open_scene(tmp_path / "a.png", trained_on(None)) as scene:
        pixels, _ = scene.read(Window(5, 3, 8, 4))
        small, _ = scene.overview(10)
    assert np.array_equal(pixels, np.asarray(image.convert("RGB"))[3:7, 5:13, ::-1])
    assert (small.shape, set(small[..., 0].ravel().tolist())) == ((5, 10, 3), {7})


def test_a_picture_that_is_stored_turned_is_refused(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    with pytest.raises(SourceError, match="save it upright first"):
        about(tmp_path / "a.jpg", trained_on(None))


def test_a_jpeg_that_is_cut_off_is_refused(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90), dtype=np.uint8)).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="is cut off"):
        about(tmp_path / "a.jpg", trained_on(None))


@pytest.mark.parametrize("content", [b"", b"no picture at all"])
def test_what_is_no_raster_is_refused(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.tif: not readable"):
        about(tmp_path / "a.tif")


def test_an_overview_shows_the_whole_scene_in_the_same_greys(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", SEA)
    with open_scene(path, trained_on()) as scene:
        pixels, nodata = scene.overview(40)
    blocks = SEA.reshape(30, 3, 40, 3).mean(axis=(1, 3))[None]
    assert np.abs(pixels.astype(int) - DB.apply(blocks, np.ones(blocks.shape, bool))).max() <= 1
    assert nodata is None


def test_an_overview_shows_land(tmp_path):
    land = write_geojson(tmp_path / "land.geojson", [(box(60, 0, 120, 90), {})])
    with open_scene(write_geotiff(tmp_path / "a.tif", SEA), trained_on(), mask_vector=land) as scene:
        _, nodata = scene.overview(40)
    assert nodata.shape == (30, 40)
    assert np.flatnonzero(nodata.any(axis=0)).tolist() == list(range(20, 40))


def test_an_overview_is_never_larger_than_the_scene(tmp_path):
    with open_scene(write_geotiff(tmp_path / "a.tif", SEA), trained_on()) as scene:
        assert scene.overview(5000)[0].shape == (90, 120)


def test_the_rule_of_a_scene_without_one_keeps_its_values(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (30, 40), dtype=np.uint8)
    scene = about(write_geotiff(tmp_path / "a.tif", grey), trained_on(None))
    assert scene.rule == untouched((1,))
