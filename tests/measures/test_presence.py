import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from make_evaluated import as_prediction, as_truth, square
from seepseg.measures import figures, presence
from seepseg.measures.presence import Presence

HALF = np.array([0.5])


def ranked(scores: list[float], present: list[int], weights: np.ndarray | None = None) -> tuple:
    rows = np.ones((1, len(scores))) if weights is None else weights
    return presence.rank_figures(np.array(scores), np.array(present, bool), rows)


def report(scores: list[list[float]], present: list[list[int]], threshold: float = 0.5) -> dict:
    observed = Presence(np.array(scores, float), np.array(present, bool))
    names = ("oil", "ship")[: observed.scores.shape[1]]
    return figures.tree(presence.presence_figures(observed, np.full(len(names), threshold), threshold, names))[
        "presence"
    ]


@given(
    images=st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40).filter(
        lambda images: {1, 0} <= {present for _, present, weight in images if weight}
    )
)
@settings(max_examples=50)
def test_auroc_and_ap_are_scikit_learns_with_ties_and_weights(images: list[tuple[int, bool, int]]) -> None:
    scores, present, weights = np.array(images, float).T
    auroc, average = ranked(scores / 6, present, np.stack([weights, np.ones(len(images))]))
    for row, weight in enumerate((weights, None)):
        assert auroc[row] == pytest.approx(metrics.roc_auc_score(present, scores, sample_weight=weight))
        assert average[row] == pytest.approx(metrics.average_precision_score(present, scores, sample_weight=weight))


def test_figures_at_a_threshold_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    scores, present = rng.random(80), rng.random(80) < 0.4
    found = report(scores[:, None].tolist(), present[:, None].tolist())
    guess = scores > 0.5
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(present, guess))
    assert found["precision"] == pytest.approx(metrics.precision_score(present, guess))
    assert found["recall"] == pytest.approx(metrics.recall_score(present, guess))
    assert found["f1"] == pytest.approx(metrics.f1_score(present, guess))


def test_the_confusion_table_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    observed = Presence(rng.random((50, 1)), rng.random((50, 1)) < 0.4)
    tn, fp, fn, tp = metrics.confusion_matrix(observed.present[:, 0], observed.scores[:, 0] > 0.5).ravel()
    expected = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    assert presence.confusions(observed, HALF, 0.5, ["oil"]) == {
        "confusion": expected,
        "per_class": {"oil": {"confusion": expected}},
    }


def test_the_score_of_an_image_is_its_surest_detection_of_each_class() -> None:
    prediction = as_prediction((0, 0.4, square(0, 0, 2)), (0, 0.7, square(4, 4, 2)), (2, 0.1, square(0, 0, 2)))
    scores, present = presence.score_image(prediction, as_truth((1, square(0, 0, 2)), (2, square(0, 0, 2))), 3)
    assert scores.tolist() == [0.7, 0, 0.1]
    assert present.tolist() == [False, True, True]


def test_over_all_classes_any_object_counts() -> None:
    found = report([[0.9, 0.1], [0.2, 0.8], [0.1, 0.3]], [[0, 1], [0, 1], [0, 0]])
    assert found["recall"] == found["precision"] == found["auroc"] == 1
    assert found["per_class"]["ship"]["recall"] == 0.5


def test_perfect_scores_have_ones_only() -> None:
    assert set(report([[0.9], [0.1]], [[1], [0]])["per_class"]["oil"].values()) == {1}


def test_scores_the_wrong_way_round_have_zeros_only_but_for_ap() -> None:
    found = report([[0.1], [0.9]], [[1], [0]])["per_class"]["oil"]
    assert found.pop("ap") == 0.5
    assert set(found.values()) == {0}


def test_without_detections_nothing_is_told_apart() -> None:
    found = report([[0], [0], [0], [0]], [[1], [0], [0], [0]])["per_class"]["oil"]
    assert found == {"accuracy": 0.75, "precision": None, "recall": 0, "f1": 0, "auroc": 0.5, "ap": 0.25}


def test_a_class_absent_from_the_truth_has_an_accuracy_alone() -> None:
    found = report([[0.9], [0.2]], [[0], [0]])["per_class"]["oil"]
    assert found.pop("accuracy") == 0.5
    assert set(found.values()) == {None}


def test_where_every_image_has_the_class_there_is_no_auroc() -> None:
    found = report([[0.9], [0.2]], [[1], [1]])
    assert found["auroc"] is None
    assert found["ap"] == 1


def test_each_image_may_have_a_threshold_of_its_own() -> None:
    observed = Presence(np.array([[0.4], [0.4]]), np.array([[True], [False]]))
    found = presence.presence_figures(observed, np.array([[0.3], [0.5]]), np.array([0.5, 0.3]), ["oil"])
    assert found["presence", "per_class", "oil", "accuracy"] == 1
    assert found["presence", "accuracy"] == 0
