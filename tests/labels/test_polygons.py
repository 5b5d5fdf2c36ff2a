import numpy as np
import pytest

from seepseg.labels.polygons import NOT_NUMBERS, fit_polygons


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf"), 1e10])
@pytest.mark.parametrize("axis", [0, 1])
def test_one_coordinate_that_is_no_number_is_told(axis: int, wrong: float) -> None:
    points = np.array([[1.0, 1.0], [9.0, 1.0], [9.0, 9.0]])
    points[1, axis] = wrong
    assert fit_polygons([points], 20, 20, 0) == (None, NOT_NUMBERS)
