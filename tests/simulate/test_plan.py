import numpy as np
import pytest

from seepseg.simulate.plan import SKEW, instances_wanted, plan_tiles


@pytest.mark.parametrize("count", [1, 7, 20, 28, 29, 60, 790, 2000])
def test_the_tiles_of_all_scenes_add_up(count: int) -> None:
    assert sum(len(plan.tiles) for plan in plan_tiles(count, 0)) == count


@pytest.mark.parametrize("count", [40, 100, 790, 2000])
def test_quotas_follow_the_skew(count: int) -> None:
    quotas = np.sum([plan.quota for plan in plan_tiles(count, 3)], axis=0)
    np.testing.assert_allclose(quotas, np.array(SKEW) * count / 790, atol=0.5)


def test_every_class_is_there_from_forty_tiles_on() -> None:
    assert min(instances_wanted(40)) >= 1
    assert instances_wanted(790) == SKEW


def test_a_scene_holds_eight_to_twenty_tiles() -> None:
    assert {8 <= len(plan.tiles) <= 20 for plan in plan_tiles(790, 1)} == {True}


def test_no_two_tiles_share_a_name() -> None:
    names = [(plan.name, number) for plan in plan_tiles(790, 2) for _, _, number in plan.tiles]
    assert len(set(names)) == 790


def test_another_seed_gives_other_scenes() -> None:
    assert [plan.name for plan in plan_tiles(100, 0)] != [plan.name for plan in plan_tiles(100, 1)]
