from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seepseg.errors import UsageError
from seepseg.train.balance import (
    Balance,
    balance_table,
    class_weights,
    image_repeats,
    override,
    positive_weights,
    read_balance,
    table_rows,
)

SEEP = (787, 150, 75, 60, 297, 332, 50)
NAMES = tuple("abcdefg")


def ultralytics_weights(counts: tuple[int, ...], power: float) -> np.ndarray:
    from seepseg import ultralytics_home

    ultralytics_home.prepare()
    from ultralytics.models.yolo.detect.train import DetectionTrainer

    trainer = SimpleNamespace(args=SimpleNamespace(cls_pw=power))
    weights = DetectionTrainer.compute_class_weights(trainer, np.array(counts, np.float32))
    return weights / weights.mean()


@pytest.mark.parametrize("counts", [SEEP, (0, 5, 0, 500, 1, 2, 3)])
@pytest.mark.parametrize(("how", "power"), [("inverse", 1.0), ("sqrt", 0.5), ("cls_pw:0.3", 0.3)])
def test_rules_by_power_are_those_of_ultralytics(counts: tuple[int, ...], how: str, power: float) -> None:
    assert class_weights(counts, how, NAMES) == pytest.approx(ultralytics_weights(counts, power), rel=1e-6)


def test_the_weights_of_seep_are_those_written_down_for_them() -> None:
    assert np.round(class_weights(SEEP, "cls_pw:1", NAMES), 2).tolist() == [0.14, 0.73, 1.45, 1.81, 0.37, 0.33, 2.18]


def test_no_weights_are_ones() -> None:
    assert class_weights(SEEP, "none", NAMES) == (1.0,) * 7


def test_effective_weights_follow_the_sum_of_the_series() -> None:
    series = np.array([1 / sum(0.9**k for k in range(count)) for count in (1, 3, 40)])
    assert class_weights((1, 3, 40), "effective:0.9", "abc") == pytest.approx(series / series.mean())


def test_effective_weights_run_from_none_to_inverse() -> None:
    assert class_weights(SEEP, "effective:0", NAMES) == (1.0,) * 7
    inverse = class_weights(SEEP, "inverse", NAMES)
    assert class_weights(SEEP, "effective:0.99999999", NAMES) == pytest.approx(inverse, rel=1e-4)


def test_weights_by_name_stay_as_given() -> None:
    assert class_weights(SEEP, {"c": 4, "a": 0.5}, NAMES) == (0.5, 1, 4, 1, 1, 1, 1)
    assert positive_weights(SEEP, {"c": 4, "a": 0.5}, NAMES) == (0.5, 1, 4, 1, 1, 1, 1)


def test_a_weight_for_an_unknown_class_is_refused_with_a_guess() -> None:
    with pytest.raises(UsageError, match=r"(?s)seeps \(did you mean seep\?\).*zzz; there are seep, ship"):
        class_weights((1, 2), {"seeps": 2, "zzz": 1}, ("seep", "ship"))


def test_a_dataset_without_objects_has_even_weights() -> None:
    assert class_weights((0, 0), "inverse", "ab") == positive_weights((0, 0), "inverse", "ab") == (1.0, 1.0)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=9), st.sampled_from(["sqrt", "inverse", "effective:0.99"]))
def test_weights_of_positives_turn_no_class_down_and_keep_the_proportions(counts: list[int], how: str) -> None:
    names = [str(index) for index in range(len(counts))]
    raised, weights = positive_weights(counts, how, names), class_weights(counts, how, names)
    present = [index for index, count in enumerate(counts) if count]
    assert min(raised) == 1
    assert all(raised[index] == 1 for index, count in enumerate(counts) if count in (0, max(counts)))
    assert all(raised[i] * weights[j] == pytest.approx(raised[j] * weights[i]) for i in present for j in present)


def presence(*shares: float, images: int = 1000) -> np.ndarray:
    """Classes that each have images of their own, so many of all."""
    counts = np.zeros((images, len(shares)), int)
    at = 0
    for index, share in enumerate(shares):
        counts[at : at + round(share * images), index] = 3
        at += round(share * images)
    return counts


def test_a_rare_class_is_repeated_by_the_root_of_threshold_over_share() -> None:
    counts = presence(0.01, 0.04, 0.5)
    repeats = image_repeats(counts, 0.16)
    assert [set(repeats[counts[:, k] > 0].tolist()) for k in range(3)] == [{4}, {2}, {1}]
    assert set(repeats[~counts.any(axis=1)].tolist()) == {1}


def test_an_image_repeats_by_the_rarest_of_its_classes() -> None:
    counts = presence(0.01, 0.5)
    counts[:10, 1] = 1
    assert set(image_repeats(counts, 0.16)[:10].tolist()) == {4}


@given(st.integers(1, 200), st.floats(0, 1), st.integers(0, 9), st.data())
def test_a_class_gets_what_the_rule_promises_to_within_one_image(
    images: int, threshold: float, seed: int, data: st.DataObject
) -> None:
    mine = data.draw(st.integers(1, images))
    counts = np.zeros((images, 1), int)
    counts[:mine] = 1
    repeats = image_repeats(counts, threshold, seed=seed)
    factor = max(1.0, (threshold / (mine / images)) ** 0.5)
    assert abs(repeats[:mine].sum() - factor * mine) <= 0.5 + 1e-6
    assert set(repeats[:mine].tolist()) <= {int(factor), int(factor) + 1}
    assert set(repeats[mine:].tolist()) <= {1}


def test_which_images_get_one_more_is_up_to_the_seed_alone() -> None:
    counts = presence(0.1, 0.2)
    one, again, other = (image_repeats(counts, 0.3, seed=seed).tolist() for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert sum(one) == sum(other)


def test_no_threshold_repeats_nothing() -> None:
    assert set(image_repeats(presence(0.001, 0.5), 0).tolist()) == {1}


def test_nothing_given_is_a_plain_training() -> None:
    assert read_balance(None, "data.yaml") == read_balance({}, "data.yaml") == Balance()


def test_every_setting_is_read() -> None:
    given = {"weights": "sqrt", "positives": True, "repeat": 0.3, "paste": 200, "merge": "x=a,b"}
    balance = read_balance({**given, "mask_loss": "dice", "focal": 1.5}, "data.yaml")
    assert balance == Balance("sqrt", True, 0.3, 200, ("x=a,b",), "dice", 1.5)


def test_weights_by_name_are_a_mapping_or_a_text_of_pairs() -> None:
    as_text = read_balance({"weights": "dot=3,thin line=2.5"}, "--class-weights")
    assert as_text == read_balance({"weights": {"dot": 3, "thin line": 2.5}}, "data.yaml")
    assert as_text.weights == {"dot": 3.0, "thin line": 2.5}


@pytest.mark.parametrize("weights", ["dot=3,line=2,dot=4", "dot=3, dot=3"])
def test_a_class_that_is_weighed_twice_is_refused(weights: str) -> None:
    with pytest.raises(UsageError, match="--class-weights: weights: dot is given twice"):
        read_balance({"weights": weights}, "--class-weights")


def test_flags_go_over_what_the_file_says_and_none_leaves_it() -> None:
    base = read_balance({"weights": "sqrt", "paste": 100}, "data.yaml")
    assert override(base, {"weights": None, "paste": 0, "focal": 2}, "flags") == Balance("sqrt", focal=2.0)


def test_every_problem_stands_in_one_error() -> None:
    given = {"wieghts": "sqrt", "repeat": 3, "paste": 1.5, "mask_loss": "iuo", "positives": "yes", "merge": "x"}
    with pytest.raises(UsageError) as raised:
        read_balance(given, "data.yaml: balance")
    lines = str(raised.value).splitlines()
    assert all(line.startswith("data.yaml: balance: ") for line in lines)
    wanted = ["wieghts (did you mean weights?)", "repeat", "paste", "iuo' (did you mean iou?)", "positives", "merge"]
    assert [want for want, line in zip(wanted, lines, strict=True) if want in line] == wanted


@pytest.mark.parametrize(
    "weights",
    ["sqr", "effective", "effective:1", "effective:x", "cls_pw:2", "cls_pw:nan", "none:1", "", "a=b", 3, {}, {"a": 0}]
    + [{"a": -1}, {"a": float("inf")}, {"a": True}, ["sqrt"]],
)
def test_weights_that_make_no_sense_are_refused(weights: object) -> None:
    with pytest.raises(UsageError, match=r"data\.yaml: weights: "):
        read_balance({"weights": weights}, "data.yaml")


def test_a_rule_misspelt_gets_a_guess() -> None:
    with pytest.raises(UsageError, match=r"did you mean inverse\?"):
        read_balance({"weights": "inverze"}, "data.yaml")


@pytest.mark.parametrize(
    "given", [{"focal": -1}, {"focal": 0.5}, {"focal": "much"}, {"repeat": True}, {"merge": [1]}, {"merge": "=a"}, 7]
)
def test_values_that_make_no_sense_are_refused(given: object) -> None:
    with pytest.raises(UsageError, match=r"data\.yaml: "):
        read_balance(given, "data.yaml")


def test_positives_without_weights_are_refused_unless_weights_are_switched_off() -> None:
    with pytest.raises(UsageError, match="positives"):
        read_balance({"positives": True}, "data.yaml")
    base = read_balance({"positives": True, "weights": "sqrt"}, "data.yaml")
    assert override(base, {"weights": "none"}, "flags").weights == "none"


def test_rows_and_table_say_the_same() -> None:
    rows = table_rows(
        ("dot", "long line"), (50, 1234), (40, 1000), (2.18, 0.1), repeated=((120, 1250), (90, 1010)), pasted=(10, 0)
    )
    assert rows[0] == {
        "class": "dot",
        "instances": 50,
        "images": 40,
        "pasted": 10,
        "weight": 2.18,
        "repeats": 2.25,
        "instances_per_epoch": 120,
        "images_per_epoch": 90,
    }
    assert balance_table(rows).splitlines() == [
        "class      instances  images  pasted  weight  repeats  instances per epoch  images per epoch",
        "dot               50      40      10    2.18    ×2.25                  120                90",
        "long line      1,234   1,000       0    0.10    ×1.01                1,250             1,010",
    ]


def test_columns_of_what_is_off_are_left_out() -> None:
    assert table_rows(("dot",), (0,), (0,)) == [{"class": "dot", "instances": 0, "images": 0}]
