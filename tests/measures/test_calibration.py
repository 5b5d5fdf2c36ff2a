import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from seepseg.measures.calibration import Calibration, calibrate, fit_calibration, measure_reliability


def simulate(images: int, seed: int, *, slope: float = 0.6, offset: float = -1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.random(images) * 0.998 + 0.001
    return scores, rng.random(images) < calibrate(scores, Calibration(slope, offset))


def test_the_curve_that_made_the_data_is_found_again() -> None:
    found = fit_calibration(*simulate(40_000, 0))
    assert found is not None
    assert (found.slope, found.offset) == pytest.approx((0.6, -1.0), abs=0.05)


@pytest.mark.parametrize("images", [8, 60, 1000])
def test_no_other_curve_is_likelier_towards_platts_targets(images: int) -> None:
    scores, present = simulate(images, images)
    positives, negatives = present.sum(), (~present).sum()
    targets = np.where(present, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    logit = np.log(scores / (1 - scores))

    def loss(at: np.ndarray) -> float:
        value = at[0] * logit + at[1]
        return float((targets * np.logaddexp(0, -value) + (1 - targets) * np.logaddexp(0, value)).sum())

    found = fit_calibration(scores, present)
    assert found is not None
    best = minimize(loss, np.zeros(2), tol=1e-10).x
    assert (found.slope, found.offset) == pytest.approx(best, abs=1e-4)


def test_scores_that_separate_the_images_give_a_finite_curve() -> None:
    found = fit_calibration(np.array([0.0] * 5 + [1.0] * 5), np.array([False] * 5 + [True] * 5))
    assert found is not None
    assert calibrate([0.0, 1.0], found) == pytest.approx([1 / 7, 6 / 7], abs=1e-6)


@pytest.mark.parametrize(
    ("scores", "present"),
    [([0.2, 0.9], [1, 1]), ([0.2, 0.9], [0, 0]), ([0.4, 0.4], [0, 1]), ([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1])],
    ids=["all", "none", "one score", "the wrong way round"],
)
def test_what_tells_nothing_gives_no_curve(scores: list[float], present: list[int]) -> None:
    assert fit_calibration(np.array(scores), np.array(present, bool)) is None


def test_calibrated_probabilities_can_be_taken_at_their_word() -> None:
    fitted = fit_calibration(*simulate(3000, 1, slope=0.4))
    scores, present = simulate(3000, 2, slope=0.4)
    assert fitted is not None
    assert measure_reliability(calibrate(scores, fitted), present).ece < 0.04 < measure_reliability(scores, present).ece


def test_reliability_is_scikit_learns() -> None:
    scores, present = simulate(500, 3)
    found = measure_reliability(scores, present)
    share, probability = calibration_curve(present, scores, n_bins=10)
    assert found.share == pytest.approx(share)
    assert found.probability == pytest.approx(probability)
    assert found.brier == pytest.approx(brier_score_loss(present, scores))


def test_the_calibration_error_weighs_bins_by_images_and_leaves_empty_ones_out() -> None:
    found = measure_reliability(np.array([0.1, 0.1, 0.1, 1.0]), np.array([1, 0, 0, 1], bool), bins=5)
    assert found.images.tolist() == [3, 0, 0, 0, 1]
    assert found.ece == pytest.approx(3 / 4 * (1 / 3 - 0.1))
