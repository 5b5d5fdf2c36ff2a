import numpy as np
import pytest

from seepseg.measures import figures


def test_figures_nest_by_their_path_and_undefined_ones_are_null() -> None:
    found = {("a", "b", "x"): np.array([0.5, 9.0]), ("a", "y"): np.array([np.nan, 1.0])}
    assert figures.tree(found) == {"a": {"b": {"x": 0.5}, "y": None}}


def test_intervals_have_dotted_names() -> None:
    assert figures.flatten({("pixels", "miou"): (0.1, 0.2)}) == {"pixels.miou": [0.1, 0.2]}


def test_nothing_by_nothing_is_undefined() -> None:
    assert figures.ratio([1, 0], [2, 0]) == pytest.approx([0.5, np.nan], nan_ok=True)


def test_means_leave_out_what_is_undefined() -> None:
    values = np.array([[0.2, 0.4, np.nan], [np.nan] * 3])
    assert figures.mean_defined(values) == pytest.approx([0.3, np.nan], nan_ok=True)


def test_a_mean_over_images_weighs_those_that_have_a_value() -> None:
    weights = np.array([[1.0, 3.0, 5.0], [0.0, 0.0, 2.0]])
    assert figures.mean_over_images(np.array([0.2, 0.6, np.nan]), weights) == pytest.approx([0.5, np.nan], nan_ok=True)
