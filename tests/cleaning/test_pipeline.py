from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from make import Bitmap, ragged, thin
from make_subject import find
from seepseg.cleaning.pipeline import clean_objects, clean_prediction, parse_cleaning
from seepseg.errors import UsageError
from seepseg.scenes.objects import SceneObject
from seepseg.values import Detection, Prediction

HEIGHT, WIDTH = 40, 52
FRAME = 24
"""Wider than any step of these tests looks."""
CORNERS = np.ones((3, 3))


def predict(*masks: Bitmap, names: tuple[str, ...] = ("oil",), classes: tuple[int, ...] = ()) -> Prediction:
    """A detection a mask, each less sure than the one before."""
    class_ids = classes or (0,) * len(masks)
    found = [find(class_ids[n], 0.9 - 0.1 * n, mask) for n, mask in enumerate(masks)]
    return Prediction(masks[0].shape[1], masks[0].shape[0], tuple(found), names)


def paint(one: Detection | SceneObject, shape: tuple[int, ...]) -> Bitmap:
    full = np.zeros(shape, np.uint8)
    full[one.y : one.y + one.mask.shape[0], one.x : one.x + one.mask.shape[1]] = one.mask
    return full


def clean(text: str, mask: Bitmap, **asked: float) -> Bitmap:
    """Full size, through the crop of a detection."""
    cleaned = clean_prediction(predict(mask), parse_cleaning(text), **asked).detections
    return paint(cleaned[0], mask.shape) if cleaned else np.zeros_like(mask)


def some_mask(seed: int) -> Bitmap:
    rng = np.random.default_rng(seed)
    return thin(rng, HEIGHT, WIDTH) if seed % 3 == 0 else ragged(rng, HEIGHT, WIDTH, rng.uniform(0.05, 0.6))


def going_on(change: Callable[[NDArray], NDArray], mask: Bitmap) -> Bitmap:
    """What a change of the whole image gives where the image goes on as at its edge."""
    framed = change(np.pad(mask, FRAME, mode="edge"))
    return framed[FRAME:-FRAME, FRAME:-FRAME].astype(np.uint8)


def disc(radius: int) -> NDArray[np.bool_]:
    y, x = np.indices((2 * radius + 1,) * 2) - radius
    return np.hypot(x, y) <= radius


def fill(most: float) -> Callable[[Bitmap], Bitmap]:
    def change(mask: Bitmap) -> Bitmap:
        holes, count = ndimage.label(ndimage.binary_fill_holes(mask) & (mask == 0))
        small = [part for part in range(1, count + 1) if (holes == part).sum() <= most]
        return mask | np.isin(holes, small)

    return change


def keep(least: float) -> Callable[[Bitmap], Bitmap]:
    def change(mask: Bitmap) -> Bitmap:
        parts, count = ndimage.label(mask, CORNERS)
        return np.isin(parts, [part for part in range(1, count + 1) if (parts == part).sum() >= least])

    return change


def largest(mask: Bitmap) -> Bitmap:
    parts, _ = ndimage.label(mask, CORNERS)
    return parts == np.bincount(parts.ravel())[1:].argmax() + 1 if mask.any() else mask


@given(seed=st.integers(0, 10_000), side=st.sampled_from([3, 5, 9]))
@settings(max_examples=40)
def test_the_median_is_that_of_the_whole_image(seed: int, side: int) -> None:
    mask = some_mask(seed)
    assert np.array_equal(clean(f"median:{side}", mask), ndimage.median_filter(mask, side, mode="nearest"))


@given(seed=st.integers(0, 10_000), sigma=st.sampled_from([0.6, 1.0, 2.5]))
@settings(max_examples=40)
def test_the_gaussian_is_that_of_the_whole_image_cut_at_one_half(seed: int, sigma: float) -> None:
    mask = some_mask(seed)
    blurred = ndimage.gaussian_filter(mask.astype(float), sigma, mode="nearest")
    tied = np.abs(blurred - 0.5) < 1e-5
    assert (tied | (clean(f"gaussian:{sigma}", mask) == (blurred > 0.5))).all()


@given(seed=st.integers(0, 10_000), radius=st.integers(1, 4))
@settings(max_examples=40)
def test_opening_and_closing_are_those_of_the_whole_image(seed: int, radius: int) -> None:
    mask = some_mask(seed)
    for step, change in (("open", ndimage.binary_opening), ("close", ndimage.binary_closing)):
        expected = going_on(lambda framed, change=change: change(framed, disc(radius)), mask)
        assert np.array_equal(clean(f"{step}:{radius}", mask), expected)


@given(seed=st.integers(0, 10_000), pixels=st.integers(1, 40))
@settings(max_examples=40)
def test_holes_and_parts_are_judged_by_their_pixels(seed: int, pixels: int) -> None:
    mask = some_mask(seed)
    assert np.array_equal(clean(f"holes:{pixels}", mask), fill(pixels)(mask))
    assert np.array_equal(clean("holes", mask), fill(np.inf)(mask))
    assert np.array_equal(clean(f"small:{pixels}", mask), keep(pixels)(mask))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40)
def test_the_largest_part_stays(seed: int) -> None:
    mask = some_mask(seed)
    assert np.array_equal(clean("largest", mask), largest(mask))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_steps_are_done_in_the_order_given(seed: int) -> None:
    mask = some_mask(seed)
    closed = going_on(lambda framed: ndimage.binary_closing(framed, disc(2)), mask)
    assert np.array_equal(clean("close:2,holes:9,small:20", mask), keep(20)(fill(9)(closed)))


def test_an_object_at_the_edge_is_not_rounded_there() -> None:
    corner = np.zeros((30, 30), np.uint8)
    corner[20:, 20:] = 1
    assert clean("open:4", corner)[-1, -1] == 1
    assert clean("open:4", corner)[20, 20] == 0


def test_square_metres_become_pixels() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[2:4, 2:6] = mask[10:13, 10:13] = 1
    assert clean("small:900m2", mask, metres_per_pixel=10).sum() == 9
    assert clean("small:900m2", mask, metres_per_pixel=20).sum() == 17


def test_square_metres_without_a_pixel_size_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--clean holes:500m2: square metres need .* give sizes in pixels"):
        clean("holes:500m2", some_mask(1))


def test_a_detection_without_a_pixel_goes_and_the_others_keep_their_order_boxes_and_scores() -> None:
    dot, slab = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8)
    dot[1, 1] = 1
    slab[5:15, 5:15] = 1
    before = predict(slab, dot, slab)
    after = clean_prediction(before, parse_cleaning("open:1"))
    assert [(one.score, one.box) for one in after.detections] == [
        (one.score, one.box) for one in (before.detections[0], before.detections[2])
    ]


def test_a_slick_that_was_found_twice_is_told_once() -> None:
    slick, most, ship = (np.zeros((20, 20), np.uint8) for _ in range(3))
    slick[2:12, 2:12], most[2:12, 5:14], ship[3:9, 3:9] = 1, 1, 1
    before = predict(most, slick, ship, names=("oil", "ship"), classes=(0, 0, 1))
    after = clean_prediction(before, parse_cleaning("once:.3"))
    assert [one.class_id for one in after.detections] == [0, 1]
    assert after.detections[0].score == max(one.score for one in before.detections[:2])
    assert len(clean_prediction(before, parse_cleaning("once:.8")).detections) == 3


def test_masks_are_cut_to_what_is_left() -> None:
    mask = np.zeros((30, 30), np.uint8)
    mask[3, 3] = mask[10:15, 20:28] = 1
    (only,) = clean_prediction(predict(mask), parse_cleaning("largest")).detections
    assert (only.x, only.y, only.mask.shape) == (20, 10, (5, 8))
    assert only.mask.base is None  # the larger mask can be forgotten


def test_the_masks_of_the_prediction_are_left_as_they_were() -> None:
    before = predict(some_mask(1), some_mask(2), names=("oil", "ship"), classes=(0, 1))
    copies = [one.mask.copy() for one in before.detections]
    clean_prediction(before, parse_cleaning("priority:ship,close:2,holes"))
    assert all(np.array_equal(one.mask, copy) for one, copy in zip(before.detections, copies, strict=True))


def test_memory_is_that_of_the_crop() -> None:
    crop = np.ones((5, 5), np.uint8)
    far = Detection(0, 0.9, (0, 0, 1, 1), crop, 900_000, 999_995)
    prediction = Prediction(10**6, 10**6, (far,), ("oil",))
    cleaned = clean_prediction(prediction, parse_cleaning("median:3,gaussian:1,open:1,close:1,holes,small:2,priority"))
    assert cleaned.detections[0].y == 999_995


def test_without_steps_nothing_changes() -> None:
    prediction = Prediction(9, 9, (Detection(0, 0.9, (0, 0, 1, 1), np.zeros((0, 0), np.uint8), 0, 0),))
    assert clean_prediction(prediction, parse_cleaning("none")) is prediction


def test_the_named_class_wins_over_a_surer_one() -> None:
    oil, ship = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    oil[2:8, 2:8], ship[4:6, 4:6] = 1, 1
    before = predict(oil, ship, names=("oil", "ship"), classes=(0, 1))
    kept = clean_prediction(before, parse_cleaning("priority:ship")).detections
    assert [one.mask.sum() for one in kept] == [32, 4]
    assert [one.class_id for one in clean_prediction(before, parse_cleaning("priority")).detections] == [0]


def test_a_class_that_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no class 'shop' \(did you mean ship\?\); the model has oil, ship"):
        clean_prediction(predict(some_mask(1), names=("oil", "ship")), parse_cleaning("priority:shop>oil"))


def as_object(mask: Bitmap, class_id: int = 0) -> SceneObject:
    one = find(class_id, 0.8, mask)
    return SceneObject(class_id, one.mask, one.x, one.y, mean=0.5, median=0.6, maximum=0.8, cut=True)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_objects_of_a_scene_are_cleaned_as_detections_are(seed: int) -> None:
    mask, text = some_mask(seed), "close:2,median:5,small:4"
    cleaned = clean_objects([as_object(mask)], parse_cleaning(text), size=(WIDTH, HEIGHT))
    assert np.array_equal(paint(cleaned[0], mask.shape) if cleaned else mask * 0, clean(text, mask))


def test_without_the_size_of_the_scene_nothing_goes_on_beyond_it() -> None:
    corner = np.zeros((12, 12), np.uint8)
    corner[:6, :6] = 1
    (one,) = clean_objects([as_object(corner)], parse_cleaning("open:2"))
    assert np.array_equal(paint(one, corner.shape), ndimage.binary_opening(corner, disc(2)))
    assert one.mask[0, 0] == 0


def test_objects_keep_their_confidences() -> None:
    (one,) = clean_objects([as_object(some_mask(1))], parse_cleaning("small:5"))
    assert (one.mean, one.median, one.maximum, one.cut) == (0.5, 0.6, 0.8, True)


def test_objects_need_names_where_classes_are_named() -> None:
    ship, oil = np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)
    ship[2:5, 2:5], oil[3:8, 3:8] = 1, 1
    objects, cleaning = [as_object(ship, 0), as_object(oil, 1)], parse_cleaning("priority:oil>ship")
    assert [one.mask.sum() for one in clean_objects(objects, cleaning, names=("ship", "oil"))] == [5, 25]
    with pytest.raises(UsageError, match="no names of classes"):
        clean_objects(objects, cleaning)
