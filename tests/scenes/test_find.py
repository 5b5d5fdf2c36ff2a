import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from shapely.geometry import box

from make import ragged
from make_geotiff import write_geojson, write_geotiff
from make_scene import (
    Stand,
    canvases,
    components,
    dark_db,
    detection,
    from_bitmap,
    on_canvas,
    trained_on,
    whole_components,
    write_scene,
)
from seepseg.errors import SourceError, UsageError
from seepseg.scenes.find import find_objects
from seepseg.scenes.hysteresis import Hysteresis
from seepseg.scenes.scene import open_scene
from seepseg.values import Window


def blank(height=100, width=120):
    return np.zeros((height, width), np.uint8)


def slick(height=100, width=120, ends=((5, 5), (114, 92)), thickness=3):
    return cv2.line(blank(height, width), *ends, 1, thickness)


def found_in(path, model=None, limits=(0.5,), *, scene=None, **how):
    with open_scene(path, trained_on(), **(scene or {})) as opened:
        return find_objects(model or Stand(components), opened, limits, **how)


@pytest.mark.parametrize("overlap", [0, 1, 0.25, 20])
@pytest.mark.parametrize("task", ["segment", "semantic"])
def test_tiled_gives_what_untiled_gives(tmp_path, overlap, task):
    mask = ragged(np.random.default_rng(1), 100, 120)
    found = found_in(write_scene(tmp_path / "a.tif", mask), Stand(components, task=task), overlap=overlap)
    assert canvases(found.objects, mask.shape) == whole_components(mask)
    assert len(found.objects) == len(whole_components(mask))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), tile=st.integers(2, 40), share=st.sampled_from([0, 0.2, 0.5]))
def test_tiled_gives_what_untiled_gives_for_any_tile(tmp_path, seed, tile, share):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 50, 2).tolist()
    mask = (rng.random((height, width)) < rng.uniform(0, 0.6)).astype(np.uint8)
    found = found_in(write_scene(tmp_path / "a.tif", mask), Stand(components, imgsz=tile), overlap=share)
    assert canvases(found.objects, mask.shape) == whole_components(mask)


def test_a_diagonal_slick_over_ten_tiles_is_one(tmp_path):
    mask = slick(400, 400, ((2, 2), (397, 390)), 1)
    found = found_in(write_scene(tmp_path / "a.tif", mask), Stand(components, imgsz=64))
    assert found.tiles > 10
    assert canvases(found.objects, mask.shape) == {mask.tobytes()}


def test_pieces_of_shaky_masks_are_still_one_object(tmp_path):
    """Each tile draws its outline differently, and leaves out pixels."""
    rng = np.random.default_rng(0)

    def shaky(image):
        grown = cv2.dilate((image < 128).astype(np.uint8), np.ones((3, 3)), iterations=int(rng.integers(0, 3)))
        return from_bitmap(grown > 0, float(rng.uniform(0.6, 0.9)))

    mask = slick()
    assert len(found_in(write_scene(tmp_path / "a.tif", mask), Stand(shaky)).objects) == 1


def test_slicks_that_run_beside_each_other_across_tiles_stay_two(tmp_path):
    mask = slick(ends=((0, 40), (119, 40))) | slick(ends=((0, 48), (119, 48)))
    assert len(found_in(write_scene(tmp_path / "a.tif", mask)).objects) == 2


def test_holes_stay(tmp_path):
    mask = cv2.circle(blank(), (60, 50), 40, 1, 6)
    (one,) = found_in(write_scene(tmp_path / "a.tif", mask)).objects
    assert np.array_equal(on_canvas(one, *mask.shape), mask)


def test_classes_are_not_merged(tmp_path):
    def tell(image):
        left = image.shape[1] // 2
        return [
            detection(np.ones((8, left), np.uint8), 0, 12, class_id=0),
            detection(np.ones((8, image.shape[1] - left), np.uint8), left, 12, class_id=1),
        ]

    path = write_scene(tmp_path / "a.tif", blank(32, 96))
    found = found_in(path, Stand(tell, names=("oil", "ship")), (0.5, 0.5), overlap=0)
    assert sorted(one.class_id for one in found.objects) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(("lower", "objects"), [(4, 1), (6, 2)])
def test_two_detections_of_one_tile_are_one_only_where_they_are_alike(tmp_path, lower, objects):
    """Bars of 6 rows: 4 of 8 in common, or 2 of 10."""
    bar = np.ones((6, 20), np.uint8)
    model = Stand(lambda image: [detection(bar, 2, 2), detection(bar, 2, lower)])
    assert len(found_in(write_scene(tmp_path / "a.tif", blank(32, 32)), model).objects) == objects


@pytest.mark.parametrize(("apart", "classes"), [(False, [1]), (True, [1, 0])])
def test_a_slick_told_as_two_classes_is_of_the_surer_one(tmp_path, apart, classes):
    bar = np.ones((6, 20), np.uint8)
    model = Stand(
        lambda image: [detection(bar, 2, 2, 0.6), detection(bar, 2, 3, 0.7, class_id=1)], names=("oil", "look-alike")
    )
    path = write_scene(tmp_path / "a.tif", blank(32, 32))
    found = found_in(path, model, (0.5, 0.5), classes_apart=apart)
    assert [one.class_id for one in found.objects] == classes
    assert found.settings["classes_apart"] == apart


def test_the_class_of_most_pixels_wins_over_that_of_the_surest_piece(tmp_path):
    def tell(image):
        long, short = np.ones((4, 30), np.uint8), np.ones((4, 10), np.uint8)
        return [detection(short, 1, 2, 0.9, class_id=1), detection(long, 1, 2, 0.8)]

    path = write_scene(tmp_path / "a.tif", blank(32, 32))
    (one,) = found_in(path, Stand(tell, names=("oil", "look-alike")), (0.5, 0.5)).objects
    assert (one.class_id, one.maximum) == (0, 0.9)


def test_two_detections_of_one_tile_become_one_by_a_third_of_the_next(tmp_path):
    def tell(image):
        mask = image < 128
        upper = mask.copy()
        upper[16:] = False
        whole = from_bitmap(mask)
        return from_bitmap(upper) + from_bitmap(mask & ~upper) if mask[:, 0].any() else whole

    mask = slick(32, 56, ((0, 15), (55, 15)), 8)
    assert len(found_in(write_scene(tmp_path / "a.tif", mask), Stand(tell), overlap=8).objects) == 1


def test_an_object_is_as_sure_as_its_surest_piece_pixel_by_pixel(tmp_path):
    scores = iter([0.6, 0.9])
    model = Stand(lambda image: from_bitmap(image < 128, next(scores)))
    (one,) = found_in(write_scene(tmp_path / "a.tif", slick(32, 52, ((0, 15), (51, 15)), 1)), model, overlap=12).objects
    by_pixel = [0.6] * 23 + [0.9] * 29  # The second tile leaves its rim of 3 to the first.
    assert (one.mean, one.median, one.maximum) == pytest.approx((np.mean(by_pixel), np.median(by_pixel), 0.9))


def test_the_median_of_an_even_number_of_pixels_lies_between_the_middle_two(tmp_path):
    scores = iter([0.6, 0.9])
    model = Stand(lambda image: from_bitmap(image < 128, next(scores)))
    (one,) = found_in(write_scene(tmp_path / "a.tif", slick(32, 64, ((0, 15), (63, 15)), 1)), model, overlap=0).objects
    assert one.median == pytest.approx(0.75)


def test_what_touches_the_edge_of_the_scene_is_cut_and_nothing_else(tmp_path):
    mask = slick(ends=((0, 20), (50, 20))) | slick(ends=((20, 60), (100, 60)))
    upper, lower = sorted(found_in(write_scene(tmp_path / "a.tif", mask)).objects, key=lambda one: one.y)
    assert (upper.cut, lower.cut) == (True, False)


def test_what_goes_on_into_missing_data_is_cut_and_holds_none_of_it(tmp_path):
    values = dark_db(slick(ends=((20, 50), (100, 50))))
    values[:, 60:] = np.nan

    def tell(image):
        dark = np.uint8((image > 0) & (image < 128))  # pixels without data are 0
        return from_bitmap(cv2.dilate(dark, np.ones((1, 9))))

    (one,) = found_in(write_geotiff(tmp_path / "a.tif", values), Stand(tell)).objects
    assert one.cut
    assert one.x + one.mask.shape[1] == 60


@pytest.mark.parametrize(("task", "width"), [("segment", None), ("semantic", 2)])
def test_the_rim_of_what_is_taken_for_an_object_in_missing_data_is_none(tmp_path, task, width):
    values = dark_db(blank())
    values[:, 60:] = np.nan
    model = Stand(lambda image: from_bitmap(cv2.dilate(np.uint8(image == 0), np.ones((5, 5)))), task=task)
    found = found_in(write_geotiff(tmp_path / "a.tif", values), model).objects
    assert [one.mask.shape[1] for one in found] == ([] if width is None else [width])


@pytest.mark.parametrize(("height", "width"), [(20, 25), (20, 32), (40, 25), (31, 1)])
def test_a_scene_smaller_than_a_tile_is_seen_no_larger_than_tiles_are(tmp_path, height, width):
    mask = slick(height, width, ((2, 9), (width - 1, 9)))
    model = Stand(components)
    found = found_in(write_scene(tmp_path / "a.tif", mask), model, tile=32, overlap=0)
    assert all(max(seen) >= 32 for seen in model.seen)
    assert canvases(found.objects, mask.shape) == whole_components(mask)
    assert all(one.cut for one in found.objects)


def test_a_detection_wholly_in_missing_data_is_gone(tmp_path):
    values = dark_db(blank(32, 32))
    values[:, 16:] = np.nan
    model = Stand(lambda image: [detection(np.ones((4, 4), np.uint8), 20, 20)])
    assert found_in(write_geotiff(tmp_path / "a.tif", values), model).objects == ()


def test_tiles_without_data_are_not_predicted_and_are_counted(tmp_path):
    values = dark_db(blank(64, 96))
    values[:, 32:] = np.nan
    model = Stand(components)
    found = found_in(write_geotiff(tmp_path / "a.tif", values), model, overlap=0)
    assert (found.tiles, found.empty, len(model.seen)) == (6, 4, 2)


def test_land_is_left_out(tmp_path):
    mask = slick(ends=((20, 50), (100, 50)))
    land = write_geojson(tmp_path / "land.geojson", [(box(-50, -50, 60, 500), {})])
    (one,) = found_in(write_scene(tmp_path / "a.tif", mask), scene={"mask_vector": land}).objects
    assert (one.x, one.cut) == (60, True)


def test_objects_are_in_pixels_of_the_resampled_grid(tmp_path):
    mask = blank(80, 80)
    mask[20:40, 40:60] = 1
    path = write_scene(tmp_path / "a.tif", mask, transform=Affine(10, 0, 500000, 0, -10, 4000000))
    (one,) = found_in(path, scene={"gsd": 20.0}).objects
    assert (one.x, one.y, one.mask.shape, int(one.mask.sum())) == (20, 10, (10, 10), 100)


def test_a_scene_smaller_than_a_tile_is_one_tile(tmp_path):
    model = Stand(components)
    found = found_in(write_scene(tmp_path / "a.tif", slick(20, 24, ((3, 3), (15, 15)))), model)
    assert (found.tiles, model.seen, len(found.objects)) == (1, [(32, 32)], 1)


def test_the_surest_object_comes_first(tmp_path):
    def tell(image):
        return [detection(np.ones((2, 2), np.uint8), 4, y, score) for y, score in ((2, 0.6), (12, 0.9), (22, 0.7))]

    found = found_in(write_scene(tmp_path / "a.tif", blank(32, 32)), Stand(tell))
    assert [one.maximum for one in found.objects] == [0.9, 0.7, 0.6]


def test_progress_counts_every_tile_once(tmp_path):
    told = []
    found = found_in(
        write_scene(tmp_path / "a.tif", blank()), batch=3, on_progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (found.tiles, found.tiles)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_limits_of_any_kind_of_number_are_told_as_plain_ones(tmp_path):
    found = found_in(write_scene(tmp_path / "a.tif", blank()), limits=np.array([0.5], np.float32))
    assert [type(limit) for limit in found.settings["confidence"]] == [float]


def test_a_tile_with_as_many_detections_as_may_be_is_told(tmp_path):
    found = found_in(write_scene(tmp_path / "a.tif", slick()), max_det=1)
    assert "the most that it may" in found.notes[0]


def chain(*scores):
    """Three tiles in a row, each with one piece of a slick as sure as that."""
    told = iter(scores)
    return Stand(lambda image: from_bitmap(image < 128, next(told)))


STRAIGHT = slick(32, 96, ((0, 15), (95, 15)), 1)
LEVELS = Hysteresis(seed=0.8, outline=0.5, group=0.1)


def test_an_unsure_piece_links_without_giving_pixels(tmp_path):
    path = write_scene(tmp_path / "a.tif", STRAIGHT)
    (one,) = found_in(path, chain(0.9, 0.2, 0.6), overlap=0, hysteresis=LEVELS).objects
    assert np.flatnonzero(on_canvas(one, 32, 96).any(axis=0)).tolist() == [*range(32), *range(64, 96)]


def test_nothing_stays_without_a_sure_piece(tmp_path):
    path = write_scene(tmp_path / "a.tif", STRAIGHT)
    assert found_in(path, chain(0.7, 0.6, 0.7), overlap=0, hysteresis=LEVELS).objects == ()


def test_a_piece_below_the_group_links_nothing(tmp_path):
    path = write_scene(tmp_path / "a.tif", STRAIGHT)
    (one,) = found_in(path, chain(0.9, 0.05, 0.6), overlap=0, hysteresis=LEVELS).objects
    assert one.mask.shape == (1, 32)


def test_each_class_has_its_own_levels(tmp_path):
    levels = Hysteresis(seed=(0.5, 0.95), outline=(0.5, 0.5), group=(0.1, 0.1))
    bar = np.ones((2, 9), np.uint8)
    model = Stand(lambda image: [detection(bar, 2, 2), detection(bar, 2, 12, class_id=1)], names=("oil", "ship"))
    path = write_scene(tmp_path / "a.tif", blank(32, 32))
    assert [one.class_id for one in found_in(path, model, (0.5, 0.5), hysteresis=levels).objects] == [0]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"hysteresis": Hysteresis(0.5, 0.6, 0.1)}, "none higher than the one before it"),
        ({"hysteresis": Hysteresis((0.5, 0.5), 0.4, 0.1)}, "2 confidences are given, but the model has 1 class"),
        ({"limits": (0.5, 0.5)}, "2 confidences are given"),
        ({"overlap": 0.95}, "--overlap 0.95: give a share"),
        ({"overlap": 32}, "--overlap 32: give a share"),
        ({"overlap": -1}, "--overlap -1: give a share"),
    ],
)
def test_wrong_settings_are_refused(tmp_path, how, sentence):
    with pytest.raises(UsageError, match=sentence):
        found_in(write_scene(tmp_path / "a.tif", blank()), **how)


@pytest.mark.parametrize("settings", [{}, {"compress": "deflate"}, {"tiled": True, "blockxsize": 64, "blockysize": 64}])
def test_a_file_that_is_cut_off_is_told_in_a_sentence(tmp_path, settings):
    values = np.random.default_rng(0).uniform(-30, -5, (400, 400)).astype(np.float32)
    path = write_geotiff(tmp_path / "a.tif", values, **settings)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    with pytest.raises(SourceError, match=r"a\.tif: not readable"):
        found_in(path)


@pytest.mark.slow
def test_a_network_finds_in_a_scene_of_one_tile_what_it_finds_in_the_tile(tmp_path, weights):
    from seepseg.predict.engine import open_model

    model = open_model(weights("yolov8n-seg"), imgsz=64)
    path = write_scene(tmp_path / "a.tif", ragged(np.random.default_rng(0), 64, 64))
    with open_scene(path, trained_on()) as scene:
        pixels, _ = scene.read(Window(0, 0, 64, 64))
        found = find_objects(model, scene, (0.3,) * 3)
    (alone,) = model.predict([pixels], conf=0.3)
    masks = [one for one in alone.detections if one.mask.any()]
    assert len(masks) > 3
    assert found.objects[0].maximum == pytest.approx(max(one.score for one in masks))
    union = np.maximum.reduce([on_canvas(one, 64, 64) for one in masks])
    np.testing.assert_array_equal(np.maximum.reduce([on_canvas(one, 64, 64) for one in found.objects]), union)
