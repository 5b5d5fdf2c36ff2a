import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import minimum_filter

from make_evaluated import as_prediction, as_truth, full_masks, random_image, square
from seepseg.measures import boundary, figures, levels
from seepseg.values import Bitmap

GRID = levels.make_grid()


def boundary_of(mask: Bitmap, radius: int) -> Bitmap:
    """Pixels of the mask with a pixel that is not of it, or not of the image, within a square around them."""
    return mask & ~minimum_filter(mask, 2 * radius + 1, mode="constant", cval=0)


def counts_of(image: tuple, thresholds: list[float]) -> np.ndarray:
    swept = boundary.sweep_boundary(levels.lay(*image, len(thresholds), GRID), len(GRID))
    return boundary.boundary_at([swept], levels.levels_of(thresholds, GRID))


def iou_of(image: tuple) -> float | None:
    found = boundary.boundary_figures(counts_of(image, [0.25]), ["oil"])
    return figures.tree(found)["pixels"]["per_class"]["oil"]["boundary_iou"]


@given(seed=st.integers(0, 10_000), ignore=st.booleans(), steps=st.tuples(*[st.integers(1, 99)] * 2))
@settings(max_examples=40)
def test_counts_at_any_confidence_are_those_of_the_definition(seed: int, ignore: bool, steps: tuple[int, ...]) -> None:
    image = random_image(np.random.default_rng(seed), 2, height=70, width=90, ignore=ignore)
    predicted, true, valid = full_masks(*image, 2, np.array(steps) / 100)
    expected = []
    for class_id in range(2):
        said, is_so = (boundary_of(masks[class_id], 2) & valid for masks in (predicted, true))
        expected.append([(said & is_so).sum(), said.sum(), is_so.sum()])
    assert counts_of(image, [step / 100 for step in steps])[0].tolist() == expected


@pytest.mark.parametrize(("width", "height", "radius"), [(8, 8, 1), (256, 256, 7), (300, 400, 10), (1024, 640, 24)])
def test_the_boundary_is_two_per_cent_of_the_diagonal_wide(width: int, height: int, radius: int) -> None:
    assert boundary.boundary_radius(width, height) == radius


def test_the_border_of_the_image_is_an_outline() -> None:
    full = square(0, 0, 8)
    assert counts_of((as_prediction((0, 0.9, full)), as_truth((0, full))), [0.25])[0, 0].tolist() == [28, 28, 28]


def test_it_is_harder_on_a_shifted_mask_than_iou() -> None:
    true, shifted = square(2, 2, 20, size=32), square(3, 2, 20, size=32)
    assert iou_of((as_prediction((0, 0.9, shifted)), as_truth((0, true)))) < 380 / 420 - 0.2


def test_a_perfect_mask_has_one_and_a_missed_one_zero() -> None:
    truth = as_truth((0, square(1, 1, 5)))
    assert iou_of((as_prediction((0, 0.9, square(1, 1, 5))), truth)) == 1
    assert iou_of((as_prediction(), truth)) == 0


def test_a_class_absent_from_the_truth_has_none() -> None:
    assert iou_of((as_prediction((0, 0.9, square(1, 1, 5))), as_truth())) is None


def test_images_are_pooled_under_their_weights() -> None:
    counts = np.array([[[2, 4, 4]], [[9, 9, 9]]])
    found = boundary.boundary_figures(counts, ["oil"], np.array([[1, 1], [3, 0]]))
    assert found["pixels", "per_class", "oil", "boundary_iou"].tolist() == [11 / 15, 2 / 6]
