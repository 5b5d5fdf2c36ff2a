import hashlib
import struct
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from rasterio.enums import ColorInterp
from ultralytics.utils.patches import imread as ultralytics_imread

from make import grey_image, write_image
from make_geotiff import speckle, utm, write_geotiff
from seepseg.errors import SourceError
from seepseg.raster import is_flat, open_picture
from seepseg.scaling import Rule
from seepseg.values import Item, Window

DB = Rule("db", (-35.0,), (0.0,), (1,), "dB")
FORMS = [("JPEG", ".jpg"), ("PNG", ".png"), ("BMP", ".bmp"), ("WEBP", ".webp"), ("TIFF", ".tif")]


def colours(height: int = 30, width: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, form: str, pixels: np.ndarray, **settings) -> Path:
    Image.fromarray(pixels).save(path, form, **settings)
    return path


def opened(path: Path, rule: Rule | None = None, window: Window | None = None, **settings):
    return open_picture(Item(path, path.stem, window=window), rule, **settings)


def read_png(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(("form", "suffix"), FORMS)
def test_an_8_bit_file_is_passed_on_byte_for_byte(tmp_path, form, suffix, grey):
    path = save(tmp_path / f"a{suffix}", form, colours()[..., 0] if grey else colours())
    picture = opened(path)
    assert (picture.stored, picture.suffix, picture.rendered) == (path.read_bytes(), suffix, False)
    assert picture.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(("form", "suffix"), FORMS)
def test_pixels_are_those_that_ultralytics_reads(tmp_path, form, suffix, grey):
    path = save(tmp_path / f"a{suffix}", form, colours()[..., 0] if grey else colours())
    pixels, seen = opened(path).pixels, ultralytics_imread(str(path))
    assert np.array_equal(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3), seen)


@pytest.mark.parametrize("number", range(1, 9))
def test_a_turned_jpeg_is_read_upright_and_kept(tmp_path, number):
    exif = Image.Exif()
    exif[274] = number
    path = save(tmp_path / "a.jpg", "JPEG", colours(), exif=exif)
    picture = opened(path)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(path)))[..., ::-1]
    assert (picture.unoriented, picture.rendered) == (number != 1, False)
    assert np.abs(picture.pixels.astype(int) - upright).max() <= 2


@pytest.mark.parametrize("number", range(1, 9))
def test_a_turned_16_bit_tiff_is_rendered_upright(tmp_path, number):
    values = np.arange(35, dtype=np.uint16).reshape(5, 7) * 7
    path = tmp_path / "a.tif"
    Image.fromarray(values).save(path, tiffinfo={274: number})
    picture = opened(path, Rule("none", (0.0,), (255.0,), (1,), "counts"))
    upright = Image.fromarray(values.astype(np.uint8))
    upright.getexif()[274] = number
    assert np.array_equal(picture.pixels, np.asarray(ImageOps.exif_transpose(upright)))
    assert picture.unoriented == (number != 1)


def test_a_webp_named_jpg_gets_its_own_suffix(tmp_path):
    path = save(tmp_path / "a.jpg", "WEBP", colours())
    picture = opened(path)
    assert (picture.suffix, picture.stored) == (".webp", path.read_bytes())


def test_a_gif_becomes_a_png(tmp_path):
    path = save(tmp_path / "a.gif", "GIF", colours()[..., 0])
    picture = opened(path)
    assert (picture.suffix, picture.rendered) == (".png", True)
    assert np.array_equal(read_png(picture.stored)[..., 1], colours()[..., 0])


def test_a_jpeg_that_ultralytics_would_rewrite_becomes_a_png(tmp_path):
    path = save(tmp_path / "a.jpg", "JPEG", colours())
    path.write_bytes(path.read_bytes() + b"\0\0")
    picture = opened(path)
    assert (picture.suffix, picture.rendered) == (".png", True)
    assert np.array_equal(read_png(picture.stored)[..., ::-1], picture.pixels)


@pytest.mark.parametrize(("form", "suffix"), FORMS)
def test_a_file_that_is_cut_off_is_named(tmp_path, form, suffix):
    path = save(tmp_path / f"a{suffix}", form, colours(200, 200))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match=f"a{suffix}: "):
        opened(path)


@pytest.mark.parametrize("content", [b"", b"BM", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"no image"])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.png: "):
        opened(path)


@given(st.data())
@settings(max_examples=60)
def test_a_damaged_file_gives_a_picture_or_a_sentence(tmp_path_factory, data):
    form, suffix = data.draw(st.sampled_from(FORMS))
    buffer = BytesIO()
    Image.fromarray(colours(12, 9)).save(buffer, form)
    content = bytearray(buffer.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / f"a{suffix}"
    path.write_bytes(content)
    try:
        told = str(opened(path).pixels.dtype)
    except SourceError as error:
        told = str(error)
    assert told == "uint8" or str(path) in told


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.png: not readable"):
        opened(tmp_path / "gone.png")


def test_transparent_pixels_are_no_data(tmp_path):
    alpha = np.full((30, 40), 255, np.uint8)
    alpha[:5] = 0
    picture = opened(save(tmp_path / "a.png", "PNG", np.dstack([colours(), alpha])))
    assert np.array_equal(picture.nodata, alpha == 0)
    assert not picture.rendered


@pytest.mark.parametrize(
    ("form", "suffix", "settings"),
    [("WEBP", ".webp", {"lossless": True}), ("TIFF", ".tif", {}), ("GIF", ".gif", {}), ("AVIF", ".avif", {})],
)
def test_transparency_is_seen_in_whatever_kind_has_it(tmp_path, form, suffix, settings):
    Image.init()
    if form not in Image.SAVE:
        pytest.skip(f"Pillow writes no {form} here")
    alpha = np.full((30, 40), 255, np.uint8)
    alpha[:5] = 0
    path = save(tmp_path / f"a{suffix}", form, np.dstack([colours(), alpha]), **settings)
    assert np.array_equal(opened(path).nodata, alpha == 0)
    assert opened(save(tmp_path / f"b{suffix}", form, colours(), **settings)).nodata is None


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_grey_that_a_png_calls_transparent_is_no_data(tmp_path, bits):
    """As GDAL writes a raster whose no-data value is set."""
    values = grey_image(np.random.default_rng(0), 30, 40) & (2**bits - 1)
    path = tmp_path / "a.png"
    write_png(path, values, bits, missing=1)
    assert np.array_equal(opened(path).nodata, values == 1)


@pytest.mark.parametrize("shape", [(300, 40), (300, 40, 3)])
def test_an_image_is_flat_where_all_that_is_data_has_one_value(shape):
    pixels = np.full(shape, 7, np.uint8)
    assert is_flat(pixels, None)
    pixels[200:] = 9
    missing = np.zeros(shape[:2], np.uint8)
    missing[200:] = 1
    assert not is_flat(pixels, None)
    assert is_flat(pixels, missing)
    assert is_flat(pixels, np.ones_like(missing))


def test_an_opaque_picture_has_data_everywhere(tmp_path):
    opaque = np.dstack([colours(), np.full((30, 40), 255, np.uint8)])
    assert opened(save(tmp_path / "a.png", "PNG", opaque)).nodata is None


def write_png(path: Path, values: np.ndarray, bits: int, *, missing: int) -> None:
    """Grey values of few bits, one of which is transparent."""
    ones = np.unpackbits(values[..., None], axis=2)[..., 8 - bits :].reshape(len(values), -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in ones)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"tRNS", struct.pack(">H", missing)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def pages(path: Path, form: str, count: int = 3) -> Path:
    some = [Image.fromarray(grey_image(np.random.default_rng(seed), 20, 30)) for seed in range(count)]
    some[0].save(path, form, save_all=True, append_images=some[1:])
    return path


@pytest.mark.parametrize(("form", "suffix"), [("TIFF", ".tif"), ("GIF", ".gif"), ("PNG", ".png"), ("WEBP", ".webp")])
def test_of_several_pictures_in_a_file_the_first_is_read_and_the_others_are_told(tmp_path, form, suffix):
    several = opened(pages(tmp_path / f"a{suffix}", form))
    one = opened(pages(tmp_path / f"b{suffix}", form, 1))
    assert (several.several, one.several) == (True, False)
    assert several.pixels.shape[:2] == one.pixels.shape[:2] == (20, 30)


def test_overviews_and_masks_in_a_geotiff_are_no_further_pages(tmp_path):
    pixels = grey_image(np.random.default_rng(0), 256, 256)
    path = write_geotiff(tmp_path / "a.tif", pixels, tiled=True, blockxsize=64, blockysize=64)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        file.write_mask(np.tri(256) > 0)
        file.build_overviews([2, 4])
    assert cv2.imcount(str(path)) == 6
    assert not opened(path).several


def test_a_band_of_an_8_bit_picture_can_be_picked(tmp_path):
    path = save(tmp_path / "a.png", "PNG", colours())
    picture = opened(path, Rule("none", (0.0,), (255.0,), (2,), "counts"))
    assert np.array_equal(read_png(picture.stored), colours()[..., 1])


def test_a_rule_for_wider_files_leaves_8_bit_ones_alone(tmp_path):
    for path in (
        save(tmp_path / "a.png", "PNG", colours()),
        write_geotiff(tmp_path / "b.tif", colours().transpose(2, 0, 1)),
    ):
        assert opened(path, DB).stored == path.read_bytes()


def test_decibels_become_grey_levels(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.array([[-40, -35, -17.5, 0, 5]], np.float32))
    picture = opened(path, DB)
    assert read_png(picture.stored).tolist() == [[1, 1, 128, 255, 255]]
    assert (picture.suffix, picture.rendered) == (".png", True)


@pytest.mark.parametrize("nodata", [np.nan, -9999.0])
def test_no_data_is_black_and_told(tmp_path, nodata):
    values = speckle(20, 20)
    values[:, :4] = nodata
    picture = opened(write_geotiff(tmp_path / "a.tif", values, nodata=nodata), DB)
    assert np.array_equal(picture.nodata, values == nodata if nodata == nodata else np.isnan(values))
    assert np.array_equal(picture.pixels == 0, picture.nodata == 1)


def test_nan_is_no_data_without_a_tag(tmp_path):
    values = speckle(20, 20)
    values[3, 4] = np.nan
    assert opened(write_geotiff(tmp_path / "a.tif", values), DB).nodata[3, 4] == 1


def test_the_rules_no_data_serves_files_without_a_tag(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.array([[0, 700]], np.uint16))
    rule = Rule("percentile", (0.0,), (1000.0,), (1,), "counts", 0.0)
    assert opened(path, rule).nodata.tolist() == [[1, 0]]


def test_the_rules_no_data_adds_to_the_tag_of_a_file(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.array([[0, -9999, -7]], np.float32), nodata=-9999)
    assert opened(path, replace(DB, nodata=0.0)).nodata.tolist() == [[1, 1, 0]]


def test_a_pixel_is_no_data_where_all_its_bands_are(tmp_path):
    values = np.array([[[0, 0, 5]], [[0, 5, 5]], [[0, 0, 0]]], np.uint16)
    rule = Rule("minmax", (0.0,) * 3, (9.0,) * 3, (1, 2, 3), "counts", 0.0)
    assert opened(write_geotiff(tmp_path / "a.tif", values), rule).nodata.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize(("gsd", "window"), [(7.3, None), (20.0, None), (23.7, None), (23.7, Window(13, 0, 16, 12))])
def test_a_fill_without_a_tag_leaves_no_rim_at_any_spacing(tmp_path, gsd, window):
    values = np.full((60, 80), -20, np.float32)
    values[:23, :31] = 0
    picture = opened(write_geotiff(tmp_path / "a.tif", values), replace(DB, nodata=0.0), window, gsd=gsd)
    assert set(np.unique(picture.pixels)) == {0, 110}
    assert np.array_equal(picture.pixels == 0, picture.nodata == 1)


@pytest.mark.parametrize("gsd", [10.0, 20.0])
def test_a_fill_is_no_data_as_its_tag_would_make_it(tmp_path, gsd):
    values = speckle(40, 60)
    values[:20, :30] = 0
    named = opened(write_geotiff(tmp_path / "a.tif", values), replace(DB, nodata=0.0), gsd=gsd)
    tagged = opened(write_geotiff(tmp_path / "b.tif", values, nodata=0), DB, gsd=gsd)
    both = named.nodata == tagged.nodata
    assert np.array_equal(named.pixels[both], tagged.pixels[both])
    assert both.mean() > (0.99 if gsd == 10 else 0.9)


def test_an_internal_mask_is_no_data(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", speckle(20, 20))
    mask = np.full((20, 20), 255, np.uint8)
    mask[:7] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        file.write_mask(mask)
    assert np.array_equal(opened(path, DB).nodata, mask == 0)


def test_three_bands_are_written_as_red_green_and_blue(tmp_path):
    values = np.random.default_rng(0).integers(0, 10000, (13, 20, 30), dtype=np.int16)
    path = write_geotiff(tmp_path / "a.tif", values)
    rule = Rule("percentile", (0.0,) * 3, (10000.0,) * 3, (4, 3, 2), "counts")
    picture = opened(path, rule)
    expected = np.rint(values[[3, 2, 1]].transpose(1, 2, 0) * np.float32(254 / 10000) + 1)
    assert np.abs(read_png(picture.stored) - expected).max() <= 1
    assert np.array_equal(picture.pixels[..., ::-1], read_png(picture.stored))


def test_a_window_holds_what_the_whole_scene_does(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.stack([speckle(60, 80), speckle(60, 80, seed=1)]))
    window = Window(13, 21, 32, 16)
    whole, part = opened(path, DB), opened(path, DB, window)
    assert np.array_equal(part.pixels, whole.pixels[21:37, 13:45])
    assert part.georeference["transform"] == [10, 0, 500130, 0, -10, 3999790]
    assert part.source_sha256 == whole.source_sha256


def test_a_window_of_an_8_bit_scene_keeps_its_values(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", colours(60, 80).transpose(2, 0, 1))
    picture = opened(path, None, Window(5, 6, 20, 10))
    assert np.array_equal(read_png(picture.stored), colours(60, 80)[6:16, 5:25])


def test_a_coarser_spacing_averages(tmp_path):
    values = speckle(40, 60)
    picture = opened(write_geotiff(tmp_path / "a.tif", values), DB, Window(4, 2, 20, 15), gsd=20.0)
    mean = values.reshape(20, 2, 30, 2).mean(axis=(1, 3))[2:17, 4:24]
    assert np.abs(picture.pixels - ((mean + 35) / 35 * 254 + 1)).max() <= 0.51
    assert picture.metres_per_pixel == 20
    assert picture.georeference["transform"] == [20, 0, 500080, 0, -20, 3999960]


def test_a_finer_spacing_interpolates(tmp_path):
    slope = np.tile(np.arange(-30, -10, dtype=np.float32), (10, 1))
    picture = opened(write_geotiff(tmp_path / "a.tif", slope), DB, Window(0, 0, 40, 20), gsd=5.0)
    assert (np.diff(picture.pixels[7].astype(int)) >= 0).all()
    assert len(np.unique(picture.pixels[7])) > 35


def test_a_resampled_scene_is_read_to_its_last_pixel(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", speckle(47, 61))
    picture = opened(path, DB, Window(4, 0, 16, 15), gsd=30.3)
    assert picture.pixels.shape == (15, 16)


def test_the_place_of_a_plain_geotiff_is_kept_with_the_file(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", grey_image(np.random.default_rng(0), 20, 30), transform=utm(2.5))
    picture = opened(path)
    assert (picture.rendered, picture.metres_per_pixel) == (False, 2.5)
    assert picture.georeference["crs"] == "EPSG:32631"


def test_a_palette_is_shown_in_its_colours(tmp_path):
    table = {value: (value, 255 - value, value // 2, 255) for value in range(256)}
    path = write_geotiff(tmp_path / "a.tif", colours()[..., 0], photometric="palette")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, table)
        file.colorinterp = [ColorInterp.palette]
    expected = np.array([table[value][:3] for value in range(256)], np.uint8)[colours()[..., 0]]
    assert np.array_equal(opened(path).pixels[..., ::-1], expected)
    assert np.array_equal(opened(path, window=Window(2, 3, 9, 8)).pixels[..., ::-1], expected[3:11, 2:11])


def test_values_beyond_8_bits_are_refused_where_none_is_to_change(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.array([[0, 300]], np.uint16))
    with pytest.raises(SourceError, match=r"a\.tif: holds values from 0 to 300, not 0 to 255"):
        opened(path, Rule("none", (0.0,), (255.0,), (1,), "counts"))


def test_a_16_bit_png_is_rendered(tmp_path):
    path = write_image(tmp_path / "a.png", np.array([[0, 500], [1000, 1000]], np.uint16))
    picture = opened(path, Rule("minmax", (0.0,), (1000.0,), (1,), "counts"))
    assert read_png(picture.stored).tolist() == [[1, 128], [255, 255]]


def test_a_picture_of_the_wrong_bands_is_named(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", speckle(20, 20))
    with pytest.raises(SourceError, match=r"a\.tif: has 1 bands, and the rule asks for 3"):
        opened(path, Rule("db", (0.0,) * 3, (1.0,) * 3, (1, 2, 3), "dB"))


def test_pixels_of_a_float_file_are_more_than_opencv_would_read(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.stack([speckle(20, 20)] * 2))
    assert cv2.imread(str(path)) is None
    assert opened(path, DB).pixels.std() > 5
