import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import rasterio

from predict.conftest import picture
from seepseg.api import load_model
from seepseg.edge.__main__ import main
from seepseg.edge.nodata import cut_to_data, find_nodata
from seepseg.edge.runtime import load_bundle
from seepseg.outputs import cutting
from seepseg.predict.engine import open_model
from seepseg.raster import open_picture
from seepseg.scaling import Rule
from seepseg.values import Detection, Item, Prediction

RULE = Rule("db", (10.0,), (70.0,), (1,), "amplitude", 0.0)


def wide(height=48, width=80, empty=20):
    values = np.random.default_rng(0).integers(1, 3000, (height, width)).astype(np.uint16)
    values[:, :empty] = 0
    return values


def test_no_data_is_where_reading_a_file_finds_it(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), wide())
    expected = open_picture(Item(tmp_path / "a.png", "a"), RULE).nodata
    assert expected.sum() == 48 * 20
    np.testing.assert_array_equal(find_nodata(wide()[None], RULE), expected)


def test_a_pixel_holds_data_where_one_band_does():
    values = np.array([[[0.0, 0.0, np.nan]], [[0.0, 5.0, np.inf]], [[9.0, 9.0, 9.0]]])
    rule = Rule("minmax", (0.0, 0.0), (9.0, 9.0), (1, 2), "counts", 0.0)
    assert find_nodata(values, rule).tolist() == [[1, 0, 1]]


@pytest.mark.parametrize("rule", [None, RULE])
def test_8_bit_pixels_are_data_all_of_them(rule):
    assert find_nodata(np.zeros((1, 4, 4), np.uint8), rule) is None


def test_where_there_is_data_everywhere_nothing_is_told():
    assert find_nodata(wide(empty=0)[None], RULE) is None


@pytest.mark.parametrize("task", ["segment", "semantic"])
@pytest.mark.parametrize(("x", "left"), [(0, (0, 0)), (2, (0, 2)), (3, (4, 4)), (4, (6, 6)), (6, (8, 8))])
@pytest.mark.parametrize("mask", [np.ones((2, 4), np.uint8), np.zeros((0, 0), np.uint8)])
def test_masks_are_cut_as_the_command_line_cuts_them(x, left, mask, task):
    nodata = np.zeros((8, 12), np.uint8)
    nodata[:, :5] = 1
    prediction = Prediction(12, 8, (Detection(0, 0.5, (0, 0, 1, 1), mask, x, 1),))
    expected = cutting.cut_to_data(prediction, nodata, task)
    found = cut_to_data(prediction, nodata, task)
    assert len(found) == len(expected)
    np.testing.assert_array_equal(found.masks, expected.masks)
    assert found.masks.sum() == (left[task == "semantic"] if mask.size else 0)
    assert len(found) == (not mask.size or left[task == "semantic"] > 0)


def test_a_scaled_file_gets_the_answer_of_the_command_line(edge_run, edge_bundle, tmp_path, capsys):
    values = np.random.default_rng(0).normal(-17, 8, (48, 80)).astype(np.float32)
    values[:, :30] = -99
    np.save(tmp_path / "a.npy", values)
    write_float_tiff(tmp_path / "a.tif", values)
    expected = load_model(edge_run, engine="torch", device="cpu").predict(tmp_path / "a.tif")
    assert main([str(edge_bundle), str(tmp_path / "a.npy"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["instances"]
    assert [one["area"] for one in told] == [int(one.mask.sum()) for one in expected.detections]
    assert any(one.x + one.mask.shape[1] < 80 for one in expected.detections)


def write_float_tiff(file, values):
    height, width = values.shape
    place = rasterio.Affine(20, 0, 0, 0, -20, 0)
    shape = {"height": height, "width": width, "count": 1, "dtype": "float32"}
    with rasterio.open(file, "w", driver="GTiff", transform=place, **shape) as dataset:
        dataset.write(values, 1)


def test_what_is_too_unsure_for_an_object_tells_nothing_where_data_are_missing(edge_bundle):
    model, pixels = load_bundle(edge_bundle, engine="torchscript"), picture(64, 64)
    unsure = replace(model, limits=(0.9999,) * 3)
    (full,) = open_model(edge_bundle, engine="torchscript", device="cpu").predict([pixels], conf=0.001)
    nodata = np.zeros((64, 64), np.uint8)
    nodata[full.detections[0].inside] = full.detections[0].mask
    left = max(cut_to_data(full, nodata, "segment").scores, default=0)
    assert unsure.answer(pixels, nodata).verdict.score == pytest.approx(left, abs=1e-5)
    assert left < full.scores[0] == pytest.approx(unsure.answer(pixels).verdict.score, abs=1e-5)


def test_the_size_of_an_openvino_model_is_of_graph_and_weights(edge_bundle):
    files = [edge_bundle / f"model_openvino/model.{suffix}" for suffix in ("xml", "bin")]
    model = open_model(edge_bundle, engine="openvino", device="cpu")
    assert model.size_bytes == sum(file.stat().st_size for file in files)
