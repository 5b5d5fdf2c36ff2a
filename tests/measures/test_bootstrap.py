from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from seepseg.measures import bootstrap
from seepseg.measures.figures import Figures, Floats, ratio

KEY = ("pixels", "f1")


def measure(part: Floats, whole: Floats) -> Callable[[Floats], Figures]:
    return lambda weights: {KEY: ratio(weights @ part, weights @ whole)}


def interval_of(figures: Callable[[Floats], Figures], drawn: bootstrap.Drawn, units: int) -> tuple[float, float]:
    ends = bootstrap.interval(figures(drawn.astype(np.float64))[KEY], units)
    assert ends is not None
    return ends


def simulate(rng: np.random.Generator, images: int, groups: int | None) -> tuple[Floats, Floats, list[str] | None]:
    """Correct and all pixels of images whose quality varies, and that of their groups too; the true ratio is .7."""
    member = rng.integers(0, groups, images) if groups else np.arange(images)
    quality = np.clip(0.7 + rng.uniform(-0.15, 0.15, groups or images)[member] + rng.uniform(-0.15, 0.15, images), 0, 1)
    whole = rng.lognormal(4, 0.7, images) * (rng.random(images) < 0.7)
    return quality * whole, whole, None if groups is None else [f"scene{one}" for one in member]


@pytest.mark.parametrize(("images", "groups"), [(60, None), (200, None), (120, 12), (200, 30)])
def test_intervals_cover_the_true_value(images: int, groups: int | None) -> None:
    rng = np.random.default_rng(images)
    covered = 0
    for trial in range(200):
        part, whole, names = simulate(rng, images, groups)
        drawn = bootstrap.resample(names, images, 300, seed=trial)
        low, high = interval_of(measure(part, whole), drawn, bootstrap.count_units(names, images))
        covered += low <= 0.7 <= high
    assert 180 <= covered < 200


def test_intervals_of_grouped_images_are_too_narrow_when_images_are_drawn() -> None:
    part, whole, names = simulate(np.random.default_rng(1), 400, 10)
    by_image = interval_of(measure(part, whole), bootstrap.resample(None, 400), 400)
    by_group = interval_of(measure(part, whole), bootstrap.resample(names, 400), 10)
    assert by_group[1] - by_group[0] > 2 * (by_image[1] - by_image[0])


def test_a_drawing_holds_as_many_images_as_there_are() -> None:
    drawn = bootstrap.resample(None, 30, 50)
    assert drawn.shape == (50, 30)
    assert set(drawn.sum(axis=1)) == {30}


def test_a_group_is_drawn_as_a_whole() -> None:
    drawn = bootstrap.resample(["a", "b", "a", "c", "b"], 5, 200)
    assert np.array_equal(drawn[:, 0], drawn[:, 2])
    assert np.array_equal(drawn[:, 1], drawn[:, 4])
    assert set((drawn[:, 0] + drawn[:, 1] + drawn[:, 3]).tolist()) == {3}


def test_the_same_seed_draws_the_same() -> None:
    assert np.array_equal(bootstrap.resample(None, 20, 30, seed=4), bootstrap.resample(None, 20, 30, seed=4))
    assert not np.array_equal(bootstrap.resample(None, 20, 30, seed=4), bootstrap.resample(None, 20, 30, seed=5))


def test_of_many_units_the_interval_is_that_of_percentiles() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    assert bootstrap.interval(values, 100_000) == pytest.approx((-1.96, 1.96), abs=0.03)


def test_of_few_units_the_interval_is_as_wide_as_students() -> None:
    # The mean of n normal values: the bootstrap's spread is that of the values with 1/n, Student's with 1/(n - 1).
    sample = np.random.default_rng(1).normal(size=8)
    drawn = bootstrap.resample(None, 8, 60_000)
    low, high = interval_of(measure(sample, np.ones(8)), drawn, 8)
    students = 2 * 2.365 * sample.std(ddof=1) / np.sqrt(8)
    assert high - low == pytest.approx(students, rel=0.06)


@pytest.mark.parametrize(("values", "units"), [([0.1, np.nan, np.nan], 9), ([np.nan] * 4, 9), ([0.1, 0.2, 0.3], 1)])
def test_what_is_too_seldom_defined_has_no_interval(values: list[float], units: int) -> None:
    assert bootstrap.interval(np.array(values), units) is None


def test_replicates_that_leave_a_figure_undefined_are_left_out() -> None:
    assert bootstrap.interval(np.array([0.4, 0.4, np.nan]), 9) == (0.4, 0.4)


def test_a_pair_is_told_apart_where_each_alone_is_not() -> None:
    rng = np.random.default_rng(2)
    part, whole, _ = simulate(rng, 100, None)
    better = part + 0.02 * whole * rng.uniform(0, 2, 100)
    drawn = bootstrap.resample(None, 100)
    first, second = (interval_of(measure(one, whole), drawn, 100) for one in (part, better))
    found = bootstrap.paired_differences(measure(part, whole), measure(better, whole), drawn, 100)[KEY]
    assert first[1] > second[0]
    assert 0.01 < found.low < found.difference < found.high < 0.03
    assert found.difference == pytest.approx(found.second - found.first)
    assert found.p < 0.01


@pytest.mark.parametrize("units", [6, 12, 200])
def test_a_difference_is_told_apart_at_the_level_that_its_chance_says(units: int) -> None:
    part, whole, _ = simulate(np.random.default_rng(units), units, None)
    better = part + 0.03 * whole * np.random.default_rng(1).normal(3 / np.sqrt(units), 2, units)
    drawn = bootstrap.resample(None, units, 4000)
    both = [measure(part, whole), measure(better, whole), drawn, units]
    p = bootstrap.paired_differences(*both)[KEY].p
    assert 0 < p < 1
    for level, apart in ((1 - 1.1 * p, True), (1 - 0.9 * p, False)):
        found = bootstrap.paired_differences(*both, level=level)[KEY]
        assert (found.low > 0 or found.high < 0) == apart


def test_a_model_does_not_differ_from_itself() -> None:
    part, whole, _ = simulate(np.random.default_rng(3), 60, None)
    found = bootstrap.paired_differences(measure(part, whole), measure(part, whole), bootstrap.resample(None, 60), 60)
    assert (found[KEY].low, found[KEY].high, found[KEY].p) == (0, 0, 1)


def test_models_of_equal_worth_seldom_differ() -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for trial in range(100):
        whole = rng.lognormal(4, 0.7, 80)
        one, other = rng.uniform(0.5, 0.9, (2, 80)) * whole
        drawn = bootstrap.resample(None, 80, 200, seed=trial)
        alarms += bootstrap.paired_differences(measure(one, whole), measure(other, whole), drawn, 80)[KEY].p < 0.05
    assert alarms <= 12


def test_figures_that_only_one_model_has_are_left_out() -> None:
    part, whole, _ = simulate(np.random.default_rng(4), 20, None)
    drawn = bootstrap.resample(None, 20, 20)
    assert bootstrap.paired_differences(measure(part, whole), lambda rows: {}, drawn, 20) == {}


@pytest.mark.parametrize(("right", "images"), [(20, 20), (5, 5), (0, 30)])
def test_no_fault_and_nothing_right_have_the_interval_of_clopper_and_pearson(right: int, images: int) -> None:
    exact = stats.binomtest(right, images).proportion_ci(method="exact")
    found = bootstrap.bounded_interval(np.full(100, right / images), images, images)
    assert found == pytest.approx((exact.low, exact.high))


def test_twenty_of_twenty_may_come_of_five_in_six() -> None:
    low, high = bootstrap.bounded_interval(np.ones(100), 20, 20) or (0, 0)
    assert (round(low, 2), high) == (0.83, 1)


def test_a_figure_that_differs_between_drawings_keeps_its_interval() -> None:
    values = np.random.default_rng(0).uniform(0.8, 1, 400)
    assert bootstrap.bounded_interval(values, 20, 20) == bootstrap.interval(values, 20)


def test_a_figure_that_is_the_same_in_every_drawing_but_neither_0_nor_1_keeps_its_interval() -> None:
    assert bootstrap.bounded_interval(np.full(9, 0.4), 9, 9) == (0.4, 0.4)
