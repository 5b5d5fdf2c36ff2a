from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from seepseg.simulate.seeps import LEAST_AREA, NAMES, Slick, draw_slick


def draws(class_id: int, count: int = 12, pieces: int = 8) -> Iterator[Slick]:
    for seed in range(count):
        yield draw_slick(np.random.default_rng([class_id, seed]), class_id, 0.7, pieces)


def components(mask: np.ndarray) -> int:
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1


def elongation(mask: np.ndarray) -> float:
    long, short = np.linalg.svd(np.argwhere(mask) - np.argwhere(mask).mean(axis=0), compute_uv=False)
    return float(long / max(short, 1e-6))


@pytest.mark.parametrize("class_id", range(len(NAMES)))
def test_what_is_labelled_is_damped_most(class_id: int) -> None:
    for slick in draws(class_id):
        if slick.mask.any():
            assert slick.damping_db[slick.mask].mean() > 1.5
            assert slick.damping_db[slick.mask].mean() > 4 * slick.damping_db[~slick.mask].mean()


@pytest.mark.parametrize("class_id", range(len(NAMES)))
def test_no_sliver_is_labelled(class_id: int) -> None:
    for slick in draws(class_id):
        stats = cv2.connectedComponentsWithStats(slick.mask.astype(np.uint8), connectivity=8)[2]
        assert (stats[1:, cv2.CC_STAT_AREA] >= LEAST_AREA).all()


@pytest.mark.parametrize("class_id", range(len(NAMES)))
def test_a_slick_lies_inside_its_crop(class_id: int) -> None:
    for slick in draws(class_id):
        rim = slick.mask.copy()
        rim[1:-1, 1:-1] = False
        assert not rim.any()


def test_filaments_are_longer_and_thinner_than_pools() -> None:
    filaments = np.median([elongation(slick.mask) for slick in draws(0, 25)])
    pools = np.median([elongation(slick.mask) for slick in draws(2)])
    assert filaments > 4 * pools


def test_some_seeps_are_one_to_three_pixels_wide() -> None:
    widths = [
        2 * cv2.distanceTransform(slick.mask.astype(np.uint8), cv2.DIST_L2, 5).max() - 1 for slick in draws(0, 25)
    ]
    assert 0.2 < np.mean(np.array(widths) <= 3.5) < 0.95


def test_a_row_of_dashes_has_no_more_pieces_than_asked_for() -> None:
    counts = {components(slick.mask) for slick in draws(4, pieces=4)}
    assert max(counts) <= 4
    assert {3, 4} & counts


def test_only_the_seventh_class_comes_with_a_platform() -> None:
    assert [next(draws(class_id)).platform for class_id in range(7)] == [False] * 6 + [True]


def test_pools_have_holes() -> None:
    holes = 0
    for slick in draws(2, 25):
        _, hierarchy = cv2.findContours(slick.mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        holes += int((hierarchy[0][:, 3] >= 0).any())
    assert holes >= 5


def test_classes_overlap_in_size_and_damping() -> None:
    sizes = [[slick.mask.sum() for slick in draws(class_id, 25) if slick.mask.any()] for class_id in range(7)]
    damping = [[slick.damping_db.max() for slick in draws(class_id, 25)] for class_id in range(7)]
    for values in (sizes, damping):
        assert max(np.min(one) for one in values) < min(np.max(one) for one in values)
