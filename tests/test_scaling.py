import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from make import grey_image, write_image
from make_geotiff import damage, speckle, write_geotiff
from seepseg.errors import SourceError, UsageError
from seepseg.scale_choice import choose_rule, parse_scale
from seepseg.scaling import Rule
from seepseg.values import Item

RNG = np.random.default_rng(0)
POWER = (10 ** (speckle(64, 64) / 10)).astype(np.float32)
COUNTS = RNG.integers(300, 3000, (64, 64), dtype=np.uint16)


def choose(*paths, scale=None, bands=None, nodata=None):
    return choose_rule([Item(path, path.stem) for path in paths], scale=scale, bands=bands, nodata=nodata)


def chosen(*paths, **settings):
    return choose(*paths, **settings)[0]


def test_plain_pictures_need_no_rule(tmp_path):
    grey = write_image(tmp_path / "a.png", grey_image(RNG, 20, 20))
    colour = write_geotiff(tmp_path / "b.tif", RNG.integers(0, 256, (3, 20, 20), dtype=np.uint8))
    assert choose(grey, colour) == (None, ())


def test_a_scale_for_plain_pictures_is_said_to_change_nothing(tmp_path):
    rule, notes = choose(write_image(tmp_path / "a.png", grey_image(RNG, 20, 20)), scale="minmax")
    assert rule is None
    assert "--scale minmax changes nothing" in notes[0]


def test_decibels_are_told_by_their_values(tmp_path):
    rule, notes = choose(write_geotiff(tmp_path / "a.tif", speckle(64, 64)))
    assert rule == Rule("db", (-35.0,), (0.0,), (1,), "dB")
    assert "taken as dB: -35 to 0 becomes 1 to 255" in notes[0]


def test_linear_power_is_told_by_its_long_tail_and_turned_into_decibels(tmp_path):
    bright = POWER.copy()
    bright[::7, ::9] *= 40
    rule, notes = choose(write_geotiff(tmp_path / "a.tif", bright))
    assert rule == Rule("db", (-35.0,), (0.0,), (1,), "linear")
    assert "taken as linear power, turned into dB" in notes[0]


@pytest.mark.parametrize("name", ["VV", "Sigma0_VH", "Gamma0_HH"])
def test_linear_power_is_told_by_the_name_of_its_band(tmp_path, name):
    assert chosen(write_geotiff(tmp_path / "a.tif", POWER, names=[name])).units == "linear"


@pytest.mark.parametrize("name", ["Sigma0_VV_db", "VV [dB]"])
def test_decibels_are_told_by_the_name_of_their_band(tmp_path, name):
    assert chosen(write_geotiff(tmp_path / "a.tif", speckle(64, 64, mean=3), names=[name])).units == "dB"


@pytest.mark.parametrize("tag", [{"MISSION": "Sentinel-1"}, {"TYPE": "amplitude"}])
def test_amplitude_is_told_by_tags_and_spread_over_its_own_range(tmp_path, tag):
    rule = chosen(write_geotiff(tmp_path / "a.tif", COUNTS, tags=tag))
    assert (rule.kind, rule.units) == ("db", "amplitude")
    ends = np.percentile(20 * np.log10(COUNTS), [1, 99])
    assert (rule.low[0], rule.high[0]) == pytest.approx(tuple(ends), rel=1e-4)


def test_other_16_bit_files_are_counts(tmp_path):
    rule = chosen(write_geotiff(tmp_path / "a.tif", COUNTS))
    assert (rule.kind, rule.units) == ("percentile", "counts")
    assert (rule.low[0], rule.high[0]) == pytest.approx(tuple(np.percentile(COUNTS, [1, 99])), rel=1e-4)


def test_a_float_picture_from_0_to_1_is_counts(tmp_path):
    grey = RNG.random((64, 64), dtype=np.float32)
    assert chosen(write_geotiff(tmp_path / "a.tif", grey / grey.max())).units == "counts"


def test_asking_for_decibels_turns_power_that_was_not_recognised(tmp_path):
    flat = np.full((8, 8), 0.01, np.float32)
    rule = chosen(write_geotiff(tmp_path / "a.tif", flat), scale="db:-30,-10")
    assert rule == Rule("db", (-30.0,), (-10.0,), (1,), "linear")
    assert rule.apply(flat[None], np.ones((1, 8, 8), bool)).ravel()[0] == 128


def test_files_in_decibels_and_power_together_are_refused(tmp_path):
    paths = [write_geotiff(tmp_path / "a.tif", speckle(64, 64)), write_geotiff(tmp_path / "b.tif", POWER)]
    with pytest.raises(SourceError, match=r"(?s)some images hold dB.*a\.tif.*b\.tif"):
        choose(*paths)


def test_complex_files_are_refused_by_name(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", POWER.astype(np.complex64))
    with pytest.raises(SourceError, match=r"(?s)complex SAR can't be shown.*a\.tif"):
        choose(path)


def test_integers_and_floats_together_are_refused(tmp_path):
    paths = [write_geotiff(tmp_path / "a.tif", speckle(64, 64)), write_geotiff(tmp_path / "b.tif", COUNTS)]
    with pytest.raises(SourceError, match=r"(?s)different types.*a\.tif.*b\.tif"):
        choose(*paths)


def test_wide_files_beside_plain_ones_are_said(tmp_path):
    plain = write_image(tmp_path / "a.png", grey_image(RNG, 20, 20))
    rule, notes = choose(plain, write_geotiff(tmp_path / "b.tif", COUNTS))
    assert rule.kind == "percentile"
    assert "1 8-bit file copied, 1 other rendered" in notes


def test_the_percentiles_are_those_of_all_files_together(tmp_path):
    paths = [write_geotiff(tmp_path / f"{step}.tif", COUNTS + np.uint16(step * 1000)) for step in range(3)]
    together = np.stack([COUNTS + np.uint16(step * 1000) for step in range(3)])
    rule = chosen(*paths, scale="percentile:5,80")
    assert (rule.low[0], rule.high[0]) == pytest.approx(tuple(np.percentile(together, [5, 80])), rel=1e-4)


def test_minmax_sees_every_pixel_of_every_file(tmp_path):
    large = np.full((1100, 600), 500, np.uint16)
    large[1099, 599] = 60000
    paths = [write_geotiff(tmp_path / "a.tif", large), write_geotiff(tmp_path / "b.tif", COUNTS)]
    rule = chosen(*paths, scale="minmax")
    assert (rule.low, rule.high) == ((float(COUNTS.min()),), (60000.0,))


def test_no_data_does_not_move_the_percentiles(tmp_path):
    holed = COUNTS.copy()
    holed[:30] = 65535
    rule = chosen(write_geotiff(tmp_path / "a.tif", holed, nodata=65535))
    assert rule.high[0] < 3000
    assert rule.nodata == 65535


@pytest.mark.parametrize("scale", ["percentile:0,100", "minmax"])
def test_a_fill_that_no_tag_tells_moves_no_end_once_it_is_named(tmp_path, scale):
    filled = COUNTS.copy()
    filled[:30] = 65535
    path = write_geotiff(tmp_path / "a.tif", filled)
    rule, notes = choose(path, scale=scale, nodata=65535.0)
    assert (rule.high[0], rule.nodata) == (COUNTS[30:].max(), 65535)
    assert "65535 is no data" in notes[0]
    assert chosen(path, scale=scale).high[0] == 65535


def test_a_scene_that_is_mostly_fill_is_told_by_the_rest(tmp_path):
    filled = speckle(64, 64)
    filled[:60] = 0
    path = write_geotiff(tmp_path / "a.tif", filled)
    assert chosen(path, nodata=0.0) == Rule("db", (-35.0,), (0.0,), (1,), "dB", 0.0)
    assert chosen(path).units != "dB"


def test_a_fill_named_by_the_user_goes_before_the_tag_of_the_files(tmp_path):
    assert chosen(write_geotiff(tmp_path / "a.tif", COUNTS, nodata=65535), nodata=0.0).nodata == 0


def test_naming_a_fill_of_8_bit_files_is_refused_by_name(tmp_path):
    grey = write_image(tmp_path / "a.png", grey_image(RNG, 20, 20))
    with pytest.raises(UsageError, match=r"(?s)--nodata 0 is for 16-bit, float.*a\.png"):
        choose(grey, write_geotiff(tmp_path / "b.tif", COUNTS), nodata=0.0)


def test_a_constant_file_gives_a_rule_that_can_be_applied(tmp_path):
    flat = np.full((8, 8), 700, np.uint16)
    rule = chosen(write_geotiff(tmp_path / "a.tif", flat))
    assert rule.apply(flat[None].astype(np.float32), np.ones((1, 8, 8), bool)).max() == 1


def test_two_bands_give_vv(tmp_path):
    pair = np.stack([speckle(64, 64, mean=-22), speckle(64, 64)])
    assert chosen(write_geotiff(tmp_path / "a.tif", pair, names=["VH", "VV"])).bands == (2,)
    assert chosen(write_geotiff(tmp_path / "b.tif", pair)).bands == (1,)


def test_thirteen_bands_need_a_choice_that_is_suggested(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.stack([COUNTS] * 13).astype(np.int16))
    with pytest.raises(SourceError, match=r"a\.tif: has 13 bands; .* --bands 4,3,2 for Sentinel-2"):
        choose(path)


def test_the_suggestion_follows_the_names_of_the_bands(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.stack([COUNTS] * 5), names=["B2", "B3", "B4", "B8", "B11"])
    with pytest.raises(SourceError, match="--bands 3,2,1 "):
        choose(path)


def test_each_chosen_band_has_ends_of_its_own(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.stack([COUNTS + np.uint16(n * 100) for n in range(5)]))
    rule = chosen(path, bands=(4, 3, 2))
    assert rule.bands == (4, 3, 2)
    assert rule.low[0] > rule.low[1] > rule.low[2]


@pytest.mark.parametrize("bands", [(1, 2), (0,), (1, 2, 3, 4)])
def test_bands_that_make_no_picture_are_refused(tmp_path, bands):
    with pytest.raises(UsageError, match="one band or three"):
        choose(write_geotiff(tmp_path / "a.tif", COUNTS), bands=bands)


def test_a_band_that_a_file_lacks_is_refused_by_name(tmp_path):
    with pytest.raises(SourceError, match=r"(?s)band 3.*a\.tif: 2 bands"):
        choose(write_geotiff(tmp_path / "a.tif", np.stack([COUNTS] * 2)), bands=(3,))


def test_files_of_different_bands_are_refused(tmp_path):
    paths = [write_geotiff(tmp_path / f"{n}.tif", np.stack([COUNTS] * n)) for n in (1, 3)]
    with pytest.raises(SourceError, match="differ in their bands"):
        choose(*paths)


def test_8_bit_files_of_many_bands_keep_their_values(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", RNG.integers(0, 256, (6, 20, 20), dtype=np.uint8))
    assert chosen(path, bands=(3, 2, 1)).kind == "none"


def test_a_file_named_against_its_content_is_told(tmp_path):
    write_image(tmp_path / "a.png", grey_image(RNG, 20, 20)).rename(tmp_path / "a.jpg")
    assert "1 image is named against what it holds, such as a.jpg (png)" in choose(tmp_path / "a.jpg")[1][0]


def test_a_file_that_is_no_image_is_left_to_be_told_in_its_turn(tmp_path):
    (tmp_path / "a.tif").write_text("nothing")
    assert choose(tmp_path / "a.tif", tmp_path / "gone.png") == (None, ())


@pytest.mark.parametrize("scale", [None, "minmax"])
def test_a_file_of_damaged_pixels_is_left_to_be_told_in_its_turn(tmp_path, scale):
    whole = write_geotiff(tmp_path / "a.tif", COUNTS, compress="deflate")
    broken = damage(write_geotiff(tmp_path / "b.tif", COUNTS + np.uint16(5000), compress="deflate"))
    assert chosen(broken, whole, scale=scale) == chosen(whole, scale=scale)
    assert "1 of 2 files" in choose(broken, whole, scale=scale)[1][0]


def test_where_all_files_are_damaged_there_is_nothing_to_take_a_rule_from(tmp_path):
    with pytest.raises(SourceError, match=r"a\.tif: not readable"):
        choose(damage(write_geotiff(tmp_path / "a.tif", COUNTS, compress="deflate")))


@pytest.mark.parametrize(
    "text", ["db:-35", "db:0,-35", "percentile:1,101", "percentile:a,b", "log", "minmax:0,1", "db:nan,0"]
)
def test_a_scale_that_says_nothing_is_refused_with_the_forms(text):
    with pytest.raises(UsageError, match="percentile:1,99"):
        parse_scale(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db:-30,-5", ("db", (-30, -5))),
        ("db", ("db", None)),
        ("percentile", ("percentile", (1, 99))),
        ("percentile:0,100", ("percentile", (0, 100))),
        ("minmax", ("minmax", None)),
        ("none", ("none", None)),
    ],
)
def test_a_scale_is_a_kind_and_two_numbers(text, expected):
    assert parse_scale(text) == expected


@given(st.integers(0, 10000), st.sampled_from(["db", "percentile", "none"]), st.sampled_from([1, 3]))
def test_a_block_is_rendered_as_the_whole_is(seed, kind, count):
    rng = np.random.default_rng(seed)
    values = rng.uniform(-50, 10, (count, 12, 14)).astype(np.float32)
    valid = rng.random(values.shape) < 0.9
    rule = Rule(kind, (-35.0,) * count, (0.0,) * count, tuple(range(1, count + 1)), "dB")
    whole = rule.apply(values, valid)
    assert np.array_equal(rule.apply(values[:, 3:9, 2:11], valid[:, 3:9, 2:11]), whole[3:9, 2:11])


@given(st.integers(0, 10000))
def test_only_pixels_without_data_are_black(seed):
    rng = np.random.default_rng(seed)
    values = rng.uniform(-60, 20, (1, 12, 14)).astype(np.float32)
    valid = rng.random(values.shape) < 0.7
    values[~valid] = rng.choice([np.nan, -np.inf, np.inf, -9999], (~valid).sum())
    grey = Rule("db", (-35.0,), (0.0,), (1,), "dB").apply(values, valid)
    assert np.array_equal(grey == 0, ~valid[0])


@pytest.mark.parametrize(("units", "factor"), [("linear", 10), ("amplitude", 20)])
def test_power_and_amplitude_become_decibels_before_they_become_grey(units, factor):
    values = np.array([[[1e-4, 0.01, 0.5, 0.0]]], np.float32)
    decibels = factor * np.log10(np.maximum(values, 1e-20))
    valid = np.ones(values.shape, bool)
    rule = Rule("db", (-35.0,), (0.0,), (1,), units)
    assert np.array_equal(rule.apply(values, valid), Rule("db", (-35.0,), (0.0,), (1,), "dB").apply(decibels, valid))


@pytest.mark.parametrize("nodata", [None, -9999.0])
def test_a_rule_comes_back_from_its_record(nodata):
    rule = Rule("percentile", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), (4, 3, 2), "counts", nodata)
    assert Rule.from_json(rule.as_json()) == rule
