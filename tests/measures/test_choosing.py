import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from make_evaluated import as_prediction, as_truth, random_image, square
from seepseg.errors import SourceError, UsageError
from seepseg.measures import choosing, levels, pixels, presence, threshold_file
from seepseg.measures.presence import Presence
from seepseg.measures.thresholds import DEFAULT, MAX_F1, Choice, Rule, Thresholds

GRID = levels.make_grid()


def presence_choice(scores: list[float], present: list[int], rule: Rule = MAX_F1) -> Choice:
    observed = Presence(np.array(scores)[:, None], np.array(present, bool)[:, None])
    cells = pixels.gather([pixels.ImageCells(np.zeros((1, 1), np.uint8), np.array([64]))] * len(scores))
    chosen = choosing.choose_thresholds(observed, cells, GRID, ["oil"], rule=rule, data="d", split="val")
    return chosen.presence[0].choice


def choose_from(images: list, classes: int = 1, **more: object) -> Thresholds:
    names = ("oil", "ship", "rig")[:classes]
    observed = presence.gather([presence.score_image(*image, classes) for image in images])
    cells = pixels.gather([pixels.count_cells(levels.lay(*image, classes, GRID), classes) for image in images])
    return choosing.choose_thresholds(observed, cells, GRID, names, data="d", split="val", **more)


@given(images=st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=30))
@settings(max_examples=60)
def test_no_threshold_has_a_higher_f1(images: list[tuple[int, bool]]) -> None:
    scores, present = np.array([one for one, _ in images]) / 10, np.array([one for _, one in images])
    choice = presence_choice(scores.tolist(), present.tolist())
    above = [scores > limit for limit in np.arange(0, 0.8, 0.05)]
    if (present & (scores > 0)).any():
        best = max(2 * (present & found).sum() / (present.sum() + found.sum()) for found in above)
        assert choice.f1 == pytest.approx(best)
        assert f1_score(present, scores > choice.threshold) == pytest.approx(best)
    else:
        assert choice.threshold is None


def test_the_threshold_lies_half_way_between_two_scores() -> None:
    assert presence_choice([0.9, 0.6, 0.2, 0.1], [1, 1, 0, 0]).threshold == pytest.approx(0.4)


def test_where_every_detection_is_right_it_lies_half_way_to_none() -> None:
    assert presence_choice([0.9, 0.6, 0], [1, 1, 0]).threshold == pytest.approx(0.3)


def test_of_two_thresholds_equally_good_the_higher_one_is_chosen() -> None:
    # Above .8: one found of two, no alarm. Above .3: both found, two alarms. F1 is 2/3 both times.
    choice = presence_choice([0.9, 0.7, 0.6, 0.5], [1, 0, 0, 1])
    assert (choice.threshold, choice.precision) == (pytest.approx(0.8), 1)


SCORES, PRESENT = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 0, 1, 1, 0, 0]


def test_a_recall_is_kept_at_the_highest_precision() -> None:
    choice = presence_choice(SCORES, PRESENT, Rule("recall", 0.6))
    assert (choice.threshold, choice.recall, choice.precision) == pytest.approx((0.55, 1, 0.75))


def test_a_precision_is_kept_at_the_highest_recall() -> None:
    choice = presence_choice(SCORES, PRESENT, Rule("precision", 0.7))
    assert (choice.threshold, choice.recall, choice.precision) == pytest.approx((0.55, 1, 0.75))
    strict = presence_choice(SCORES, PRESENT, Rule("precision", 0.9))
    assert (strict.threshold, strict.recall, strict.precision) == pytest.approx((0.85, 1 / 3, 1))


def test_a_recall_out_of_reach_is_said_and_the_nearest_taken() -> None:
    choice = presence_choice([0.9, 0.3, 0], [1, 0, 1], Rule("recall", 0.95))
    assert (choice.threshold, choice.recall) == pytest.approx((0.6, 0.5))
    assert choice.note == (
        "oil: recall >= 0.95 is not reached on the images that choose; the most is 0.500, and that is taken"
    )


@pytest.mark.parametrize(
    ("scores", "present", "reason"),
    [
        ([0.9, 0.5], [0, 0], "no image that chooses holds oil"),
        ([0, 0], [1, 0], "nothing was detected"),
        ([0.9, 0], [0, 1], "no detection of it is right"),
    ],
)
def test_what_nothing_can_be_chosen_by_says_why(scores: list[float], present: list[int], reason: str) -> None:
    choice = presence_choice(scores, present)
    assert (choice.threshold, choice.value) == (None, DEFAULT)
    assert choice.note == f"no threshold could be chosen for oil: {reason}"


def test_the_confidence_of_a_class_is_that_of_the_highest_pixel_f1() -> None:
    rng = np.random.default_rng(0)
    images = [random_image(rng, 2) for _ in range(8)]
    chosen = choose_from(images, 2)
    cells = pixels.gather([pixels.count_cells(levels.lay(*image, 2, GRID), 2) for image in images])
    for index, choice in enumerate(chosen.confidence):
        f1 = []
        for level in range(1, 100):
            true, false, missed = pixels.count_at(cells, np.full(2, level, np.uint8)).counts.sum(axis=0)[index]
            f1.append(2 * true / (2 * true + false + missed))
        assert choice.f1 == pytest.approx(max(f1))
        assert f1[round(choice.threshold * 100) - 1] == max(f1)


def test_on_a_plateau_the_confidence_lies_in_its_middle() -> None:
    image = as_prediction((0, 0.805, square(0, 0, 4)), (0, 0.405, square(4, 4, 2))), as_truth((0, square(0, 0, 4)))
    assert choose_from([image]).confidence[0].threshold == pytest.approx(0.61)


def test_only_the_kept_images_choose() -> None:
    rng = np.random.default_rng(1)
    images = [random_image(rng, 2) for _ in range(8)]
    kept = np.array([True] * 5 + [False] * 3)
    assert choose_from(images, 2, kept=kept) == choose_from(images[:5], 2)


def test_cross_fitting_never_chooses_by_the_image_itself() -> None:
    folds = np.array([0, 1, 2, 0, 1, 2])
    kept = choosing.cross_fit(folds, lambda mask: set(np.flatnonzero(mask).tolist()))
    assert kept == [{1, 2, 4, 5}, {0, 2, 3, 5}, {0, 1, 3, 4}]
    rng = np.random.default_rng(2)
    images = [random_image(rng, 2) for _ in range(6)]
    chosen = choosing.cross_fit(folds, lambda mask: choose_from(images, 2, kept=mask))
    confidence, classes, overall = choosing.spread(chosen, folds)
    assert confidence.shape == classes.shape == (6, 2)
    for image, fold in enumerate(folds.tolist()):
        assert confidence[image].tolist() == [one.value for one in chosen[fold].confidence]
        assert classes[image].tolist() == [one.choice.value for one in chosen[fold].presence]
        assert overall[image] == chosen[fold].any_presence.choice.value


def test_without_folds_all_images_share_one_row() -> None:
    confidence, classes, overall = choosing.spread([choose_from([random_image(np.random.default_rng(2), 2)], 2)])
    assert (confidence.shape, classes.shape, overall.shape) == ((1, 2), (1, 2), (1,))


def test_folds_keep_groups_whole_and_share_out_the_class() -> None:
    rng = np.random.default_rng(3)
    groups = [f"scene{one}" for one in rng.integers(0, 40, 200)]
    observed = Presence(np.zeros((200, 1)), (np.arange(200) % 10 == 0)[:, None])
    folds = choosing.deal_folds(observed, groups)
    assert len({(group, fold) for group, fold in zip(groups, folds.tolist(), strict=True)}) == len(set(groups))
    assert all(np.count_nonzero(observed.present[folds == fold]) >= 2 for fold in range(5))


def test_fewer_groups_than_folds_make_fewer_folds() -> None:
    observed = Presence(np.zeros((6, 1)), np.ones((6, 1), bool))
    assert set(choosing.deal_folds(observed, list("aabbcc"))) == {0, 1, 2}
    with pytest.raises(UsageError, match="on a single group"):
        choosing.deal_folds(observed, ["a"] * 6)


def test_the_file_gives_back_what_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    chosen = choose_from([random_image(rng, 2) for _ in range(5)], 3, rule=Rule("recall", 0.95))
    assert any(one.calibration for one in chosen.presence)
    assert chosen.notes
    threshold_file.write_thresholds(tmp_path / "thresholds.json", chosen)
    assert threshold_file.read_thresholds(tmp_path / "thresholds.json") == chosen
    assert [one.name for one in tmp_path.iterdir()] == ["thresholds.json"]


def test_the_share_of_images_that_hold_a_class_is_kept_and_older_files_lack_it(tmp_path: Path) -> None:
    observed = Presence(
        np.array([[0.9, 0], [0.8, 0], [0.7, 0.6], [0.1, 0]]), np.array([[1, 0], [1, 0], [1, 1], [0, 0]], bool)
    )
    cells = pixels.gather([pixels.ImageCells(np.zeros((1, 2), np.uint8), np.array([64]))] * 4)
    chosen = choosing.choose_thresholds(observed, cells, GRID, ["oil", "ship"], data="d", split="val")
    assert ([one.share for one in chosen.presence], chosen.any_presence.share) == ([0.75, 0.25], 0.75)
    record = threshold_file.thresholds_as_json(chosen)
    for one in (record["presence"]["any"], *record["presence"]["per_class"].values()):
        del one["share"]
    older = threshold_file.parse_thresholds(json.dumps(record), tmp_path)
    assert ([one.share for one in older.presence], older.any_presence.share) == ([None, None], None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no such file; evaluate the model on its validation split first"),
        ("{", "not a thresholds.json"),
        ("[]", "not a thresholds.json"),
        ('{"format": 1}', "not a thresholds.json"),
        ('{"format": 2}', "format 2, but this version reads 1"),
    ],
)
def test_a_file_that_is_none_is_an_error(tmp_path: Path, text: str | None, reason: str) -> None:
    file = tmp_path / "thresholds.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SourceError, match=reason):
        threshold_file.read_thresholds(file)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("confidence", "oil", "threshold"), "0.5"),
        (("confidence", "oil", "f1"), 2),
        (("presence", "any", "threshold"), float("nan")),
        (("presence", "any", "share"), -0.1),
        (("presence", "any", "calibration"), {"slope": "1", "offset": 0}),
        (("presence", "any", "calibration"), {"slope": 1, "offset": float("inf")}),
        (("presence", "per_class", "oil", "precision"), [1]),
    ],
)
def test_a_figure_that_no_evaluation_writes_is_an_error(tmp_path: Path, where: tuple[str, ...], value: object) -> None:
    rng = np.random.default_rng(5)
    record = threshold_file.thresholds_as_json(choose_from([random_image(rng, 1) for _ in range(5)], 1))
    record = json.loads(json.dumps(record).replace(f'"{next(iter(record["confidence"]))}"', '"oil"'))
    threshold_file.parse_thresholds(json.dumps(record), tmp_path)
    inner = record
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(SourceError, match=r"not a thresholds\.json"):
        threshold_file.parse_thresholds(json.dumps(record), tmp_path)
