import json

import cv2
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.warp import transform

from make import grey_image
from make_geotiff import write_geotiff
from seepseg.errors import UsageError
from seepseg.palette import colour_of
from seepseg.values import Detection, Prediction

SIDE = 24


@st.composite
def predictions(draw):
    """Crops of any kind and place, empty ones too, highest score first."""
    found = []
    for number in range(draw(st.integers(0, 6))):
        x, y = draw(st.integers(0, SIDE - 1)), draw(st.integers(0, SIDE - 1))
        shape = draw(st.integers(0, SIDE - y)), draw(st.integers(0, SIDE - x))
        mask = np.random.default_rng(number).integers(0, 2, shape, dtype=np.uint8)
        found.append(Detection(number % 3, 0.9 - 0.1 * number, (x, y, x + shape[1], y + shape[0]), mask, x, y))
    return Prediction(SIDE, SIDE, tuple(found), ("a", "b", "c"))


def block(class_id, score, x, y, side=6):
    return Detection(class_id, score, (x, y, x + side, y + side), np.ones((side, side), np.uint8), x, y)


@given(predictions())
def test_masks_are_the_crops_in_their_places(prediction):
    assert prediction.masks.shape == (len(prediction), SIDE, SIDE)
    for whole, one in zip(prediction.masks, prediction.detections, strict=True):
        assert {(one.y + row, one.x + column) for row, column in np.argwhere(one.mask)} == set(
            map(tuple, np.argwhere(whole).tolist())
        )


@given(predictions())
def test_the_surest_detection_has_its_pixels(prediction):
    ids = (prediction.class_ids + 1)[:, None, None]
    layers = np.concatenate([prediction.masks * ids, np.zeros((1, SIDE, SIDE), np.int64)])
    first = (layers > 0).argmax(axis=0)
    np.testing.assert_array_equal(prediction.class_map, np.take_along_axis(layers, first[None], axis=0)[0])


def test_boxes_scores_and_classes_are_arrays_with_a_row_for_each():
    prediction = Prediction(30, 20, (block(1, 0.75, 2, 3), block(0, 0.5, 10, 4)))
    assert prediction.boxes.tolist() == [[2, 3, 8, 9], [10, 4, 16, 10]]
    assert prediction.scores.tolist() == [0.75, 0.5]
    assert prediction.class_ids.tolist() == [1, 0]


def test_nothing_found_has_arrays_of_no_rows():
    nothing = Prediction(30, 20)
    assert (len(nothing), nothing.boxes.shape, nothing.scores.shape) == (0, (0, 4), (0,))
    assert (nothing.masks.shape, nothing.class_map.any()) == ((0, 20, 30), False)


def test_an_overlay_is_red_green_blue_and_touches_only_what_was_found():
    image = cv2.merge([grey_image(np.random.default_rng(seed), 20, 30) for seed in range(3)])
    painted = Prediction(30, 20, (block(1, 0.75, 2, 3),)).overlay(image)
    assert tuple(painted[3, 2]) == colour_of(1)
    painted[3:9, 2:8] = image[3:9, 2:8, ::-1]
    np.testing.assert_array_equal(painted, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def test_an_overlay_of_a_grey_image_has_colours():
    painted = Prediction(30, 20, (block(0, 0.75, 2, 3),)).overlay(np.full((20, 30), 90, np.uint8))
    assert tuple(painted[3, 2]) == colour_of(0)
    assert tuple(painted[0, 0]) == (90, 90, 90)


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_with_the_file_that_was_read_geojson_is_in_longitude_and_latitude(tmp_path, kind):
    file = write_geotiff(tmp_path / "tile.tif", np.zeros((20, 30), np.uint8))
    document = Prediction(30, 20, (block(0, 0.75, 2, 3),), ("oil",)).to_geojson(kind(file))
    (feature,) = json.loads(json.dumps(document))["features"]
    longitudes, latitudes = np.array(feature["geometry"]["coordinates"][0]).T
    with rasterio.open(file) as dataset:
        corners = [dataset.xy(row, column, offset="ul") for row, column in ((3, 2), (9, 8))]
    (west, east), (north, south) = transform("EPSG:32631", "EPSG:4326", *zip(*corners, strict=True))
    np.testing.assert_allclose([longitudes.min(), longitudes.max()], [west, east], atol=1e-5)
    np.testing.assert_allclose([latitudes.min(), latitudes.max()], [south, north], atol=1e-5)


def test_the_place_of_another_file_is_refused(tmp_path):
    file = write_geotiff(tmp_path / "tile.tif", np.zeros((20, 31), np.uint8))
    with pytest.raises(UsageError, match="30 × 20 pixels were predicted, and what says where they lie has 31 × 20"):
        Prediction(30, 20).to_geojson(file)


def test_without_a_place_geojson_is_in_pixels():
    (feature,) = Prediction(30, 20, (block(0, 0.75, 2, 3),), ("oil",)).to_geojson()["features"]
    ring = np.array(feature["geometry"]["coordinates"][0])
    assert (ring.min(axis=0).tolist(), ring.max(axis=0).tolist()) == ([2, 3], [8, 9])


@pytest.mark.parametrize("image", [np.zeros((10, 15), np.uint8), np.zeros((20, 30), np.float32)])
def test_an_image_that_was_not_predicted_is_not_painted_on(image):
    with pytest.raises(UsageError, match=r"give the 8-bit image that was predicted, of shape \(20, 30\)"):
        Prediction(30, 20).overlay(image)
