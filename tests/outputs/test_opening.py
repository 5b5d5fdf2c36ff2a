import cv2
import numpy as np
import pytest
from PIL import Image

from make import write_image
from make_geotiff import write_geotiff
from seepseg.outputs.listing import Entry, list_entries
from seepseg.outputs.opening import is_scene, open_ahead, open_entry
from seepseg.scaling import Rule

GREY = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
DECIBELS = Rule("db", (-35.0,), (0.0,), (1,), "dB")


def entry(path):
    return Entry(path, path.name, path.stem)


def opened(path, rule=None):
    return open_entry(entry(path), rule, 64, "auto")


@pytest.mark.parametrize(
    ("name", "mode"),
    [("grey.png", "L"), ("colour.png", "RGB"), ("alpha.png", "RGBA"), ("palette.png", "P"), ("cmyk.jpg", "CMYK")],
)
def test_pictures_of_every_kind_are_seen_as_evaluation_sees_them(tmp_path, name, mode):
    Image.fromarray(GREY).convert("RGB").convert(mode).save(tmp_path / name)
    one = opened(tmp_path / name)
    np.testing.assert_array_equal(one.picture.pixels, cv2.imread(str(tmp_path / name), cv2.IMREAD_ANYCOLOR))


def test_a_photo_that_is_stored_turned_is_turned_back_however_large(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.zeros((100, 400), np.uint8)).save(tmp_path / "turned.jpg", exif=exif)
    one = opened(tmp_path / "turned.jpg")
    assert (one.kind, one.picture.pixels.shape) == ("picture", (400, 100))


def test_16_bits_need_the_rule_of_a_training_on_16_bits(tmp_path):
    path = write_image(tmp_path / "wide.png", GREY.astype(np.uint16) * 100)
    assert "model was trained on 8-bit images" in opened(path).reason
    rule = Rule("minmax", (0.0,), (25500.0,), (1,), "counts")
    expected = np.rint(GREY / 255 * 254 + 1)
    np.testing.assert_array_equal(opened(path, rule).picture.pixels, expected)


def test_images_of_a_dataset_in_8_bits_stay_as_they_are_for_a_model_of_decibels(tmp_path):
    path = write_image(tmp_path / "rendered.png", GREY)
    np.testing.assert_array_equal(opened(path, DECIBELS).picture.pixels, GREY)


def test_too_few_bands_are_told_in_the_words_of_scenes(tmp_path):
    path = write_image(tmp_path / "grey.png", GREY)
    rule = Rule("none", (0.0,) * 3, (255.0,) * 3, (3, 2, 1), "counts")
    assert "has 1 band, and the model was trained on bands 3, 2, 1" in opened(path, rule).reason


@pytest.mark.parametrize(("width", "scene"), [(256, False), (257, True)])
def test_longer_than_four_times_the_image_size_is_a_scene(tmp_path, width, scene):
    for name in ("one.png", "one.jpg", "one.bmp"):
        assert is_scene(entry(write_image(tmp_path / name, np.zeros((8, width), np.uint8))), 64, "auto") == scene


def test_georeferenced_is_a_scene_and_a_plain_tiff_is_not(tmp_path):
    assert is_scene(entry(write_geotiff(tmp_path / "there.tif", GREY)), 64, "auto")
    assert is_scene(entry(write_geotiff(tmp_path / "points.tif", GREY, gcps=True)), 64, "auto")
    assert not is_scene(entry(write_geotiff(tmp_path / "nowhere.tif", GREY, crs=None)), 64, "auto")


def test_the_user_decides_what_is_a_scene(tmp_path):
    path = write_geotiff(tmp_path / "there.tif", GREY)
    assert not is_scene(entry(path), 64, "never")
    assert is_scene(entry(write_image(tmp_path / "small.png", GREY)), 64, "always")


def test_a_file_that_is_gone_by_its_turn_is_told(tmp_path):
    assert "not readable" in opened(tmp_path / "gone.png").reason


@pytest.mark.parametrize("tile", ["auto", "always"])
def test_a_name_that_is_no_text_is_told_where_it_can_be_none(tmp_path, tile):
    odd = write_geotiff(tmp_path / "there.tif", GREY).rename(tmp_path / "odd\udcff.tif")
    one = open_entry(entry(odd), None, 64, tile)
    assert (one.kind, one.picture) == ("picture", None)
    assert "bytes that are no text in UTF-8; rename it" in one.reason


def test_reading_ahead_keeps_the_order_and_stops_with_the_reader(tmp_path):
    for number in range(20):
        write_image(tmp_path / f"{number}.png", np.full((4, 4), number + 1, np.uint8))
    ahead = open_ahead(list_entries(tmp_path)[0], None, 64, "auto", 3)
    assert [next(ahead).picture.pixels[0, 0] for _ in range(5)] == [1, 2, 3, 4, 5]
    ahead.close()
    assert next(ahead, None) is None
