import numpy as np
import pytest
from PIL import Image

from make_geotiff import speckle, write_geotiff
from seepseg.errors import SourceError
from seepseg.rasterfile import open_raster
from seepseg.scaling import Rule, untouched
from seepseg.scenes.suitability import fitting_rule

SEA = speckle(200, 200)
POWER = (10 ** (SEA / 10)).astype(np.float32)
AMPLITUDE = (np.sqrt(POWER) * 1000).astype(np.uint16)
GREY = np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)
IN_DB = Rule("db", (-35.0,), (0.0,), (1,), "dB")
IN_POWER = Rule("db", (-35.0,), (0.0,), (1,), "linear")
IN_AMPLITUDE = Rule("db", (20.0,), (60.0,), (1,), "amplitude")
IN_COUNTS = Rule("percentile", (200.0,), (4000.0,), (1,), "counts")


def fit(path, rule):
    with open_raster(path) as dataset:
        return fitting_rule(path, dataset, rule)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (SEA, IN_DB),
        (SEA + 14, IN_DB),
        (POWER, IN_POWER),
        (AMPLITUDE, IN_AMPLITUDE),
        (AMPLITUDE.astype(np.float32), IN_AMPLITUDE),
        (np.random.default_rng(0).uniform(100, 3000, (90, 90)).astype(np.uint16), IN_COUNTS),
        (GREY, untouched((1,))),
    ],
)
def test_values_like_those_of_training_are_read_by_its_rule(tmp_path, values, rule):
    assert fit(write_geotiff(tmp_path / "a.tif", values), rule) == rule


@pytest.mark.parametrize(
    ("values", "rule", "sentence"),
    [
        (POWER, IN_DB, r"looks like linear power .* trained on dB \(-35 to 0\); give it in dB: take 10 × log10"),
        (AMPLITUDE, IN_DB, r"looks like amplitude .* trained on dB .* calibrated first"),
        (SEA, IN_POWER, r"looks like dB .* trained on linear power \(-35 to 0 in dB\); give it in linear power"),
        (SEA, IN_AMPLITUDE, "looks like dB .* trained on amplitude"),
        (POWER, IN_AMPLITUDE, "looks like linear power .* give it in amplitude"),
        (SEA, IN_COUNTS, "looks like dB .* trained on plain counts"),
        (AMPLITUDE + 30_000, IN_COUNTS, r"almost all of band 1 .* plain counts \(200 to 4000\)"),
        (GREY, IN_DB, "holds 8-bit values, and the model was trained on dB"),
        (GREY, IN_COUNTS, "holds 8-bit values"),
        (SEA, untouched((1,)), r"holds float values \(float32\), and the model was trained on 8-bit images"),
        (AMPLITUDE, None, r"holds integer values \(uint16\), .* on 8-bit images; say how .*--scale"),
        (SEA.astype(np.complex64), IN_DB, "holds complex SAR"),
        (SEA, Rule("db", (-35.0,) * 3, (0.0,) * 3, (1, 2, 3), "dB"), "has 1 band, .* trained on bands 1, 2, 3"),
    ],
)
def test_what_the_model_was_not_trained_on_is_refused_with_a_way_out(tmp_path, values, rule, sentence):
    with pytest.raises(SourceError, match=sentence):
        fit(write_geotiff(tmp_path / "a.tif", values), rule)


def test_values_are_looked_at_all_over_the_scene_and_missing_ones_are_not(tmp_path):
    values = np.zeros((400, 400), np.float32)
    values[300:, 300:] = speckle(100, 100)
    with pytest.raises(SourceError, match="lies beyond"):
        fit(write_geotiff(tmp_path / "zeros.tif", values + 20), IN_DB)
    assert fit(write_geotiff(tmp_path / "a.tif", values, nodata=0), IN_DB) == IN_DB


def test_a_scene_without_any_data_fits(tmp_path):
    assert fit(write_geotiff(tmp_path / "a.tif", np.full((50, 50), np.nan, np.float32)), IN_DB) == IN_DB


def test_colours_fit_a_model_of_unknown_training(tmp_path):
    path = write_geotiff(tmp_path / "a.tif", np.stack([GREY] * 3))
    assert fit(path, None) == untouched((1, 2, 3))


def test_a_table_of_colours_does_not_stand_for_three_bands(tmp_path):
    Image.fromarray(GREY, "P").save(tmp_path / "a.png")
    with pytest.raises(SourceError, match="has 1 band"):
        fit(tmp_path / "a.png", untouched((1, 2, 3)))
