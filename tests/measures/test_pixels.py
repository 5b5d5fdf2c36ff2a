import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from make_evaluated import as_prediction, as_truth, full_masks, random_image, square
from seepseg.errors import SourceError, UsageError
from seepseg.measures import figures, levels, pixels
from seepseg.measures.pixels import PixelCounts

GRID = levels.make_grid()
NAMES = ("oil", "ship", "rig")


def cells_of(images: list, classes: int) -> pixels.Cells:
    return pixels.gather([pixels.count_cells(levels.lay(*image, classes, GRID), classes) for image in images])


def counts_of(images: list, thresholds: list[float]) -> PixelCounts:
    return pixels.count_at(cells_of(images, len(thresholds)), levels.levels_of(thresholds, GRID))


def figures_of(images: list, thresholds: list[float]) -> dict:
    found = pixels.pixel_figures(counts_of(images, thresholds), NAMES[: len(thresholds)])
    return figures.tree(found)["pixels"]


@given(seed=st.integers(0, 10_000), ignore=st.booleans(), steps=st.tuples(*[st.integers(1, 99)] * 3))
@settings(max_examples=60)
def test_counts_are_those_of_full_size_masks(seed: int, ignore: bool, steps: tuple[int, ...]) -> None:
    image = random_image(np.random.default_rng(seed), 3, ignore=ignore)
    thresholds = np.array(steps) / 100
    predicted, true, valid = full_masks(*image, 3, thresholds)
    predicted = np.concatenate([predicted, ~predicted.any(axis=0)[None]])
    true = np.concatenate([true, ~true.any(axis=0)[None]])
    expected = [
        [(p & t & valid).sum(), (p & ~t & valid).sum(), (~p & t & valid).sum()]
        for p, t in zip(predicted, true, strict=True)
    ]
    counts = counts_of([image], thresholds.tolist())
    assert counts.counts[0].tolist() == expected
    assert counts.total[0] == valid.sum()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_a_sweep_counts_at_every_confidence_what_one_confidence_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = cells_of([random_image(rng, 2, ignore=True) for _ in range(3)], 2)
    kept = rng.random(3) < 0.6
    swept = pixels.sweep(cells, len(GRID), kept)
    for level in (1, 30, 99):
        counts = pixels.count_at(cells, np.full(2, level, np.uint8)).counts
        assert np.array_equal(swept[:, :, level - 1], counts[kept, :2].sum(axis=0))


def test_each_image_may_have_thresholds_of_its_own() -> None:
    rng = np.random.default_rng(3)
    images = [random_image(rng, 2) for _ in range(4)]
    wanted = rng.integers(1, 100, (4, 2)).astype(np.uint8)
    together = pixels.count_at(cells_of(images, 2), wanted)
    apart = [pixels.count_at(cells_of([image], 2), row) for image, row in zip(images, wanted, strict=True)]
    assert np.array_equal(together.counts, np.concatenate([one.counts for one in apart]))
    assert np.array_equal(together.right, np.concatenate([one.right for one in apart]))


def test_many_images_are_counted_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    cells = cells_of([random_image(rng, 2) for _ in range(5)], 2)
    whole = pixels.count_at(cells, np.array([20, 40], np.uint8))
    monkeypatch.setattr(pixels, "_BLOCK", 2)
    blocks = pixels.count_at(cells, np.array([20, 40], np.uint8))
    assert np.array_equal(whole.counts, blocks.counts)
    assert np.array_equal(whole.right, blocks.right)


def test_pooled_figures_are_scikit_learns() -> None:
    rng = np.random.default_rng(5)
    images = [random_image(rng, 2, ignore=True) for _ in range(6)]
    found = figures_of(images, [0.3, 0.6])
    masks = [full_masks(*image, 2, np.array([0.3, 0.6])) for image in images]
    predicted = np.concatenate([p[:, valid].T for p, _, valid in masks])
    true = np.concatenate([t[:, valid].T for _, t, valid in masks])
    for index, name in enumerate(("oil", "ship")):
        of_class = found["per_class"][name]
        pair = true[:, index], predicted[:, index]
        assert of_class["iou"] == pytest.approx(jaccard_score(*pair))
        assert of_class["dice"] == pytest.approx(f1_score(*pair))
        assert of_class["precision"] == pytest.approx(precision_score(*pair))
        assert of_class["recall"] == pytest.approx(recall_score(*pair))
    ious = [jaccard_score(true[:, index], predicted[:, index]) for index in range(2)]
    background = jaccard_score(~true.any(axis=1), ~predicted.any(axis=1))
    assert found["miou_foreground"] == pytest.approx(np.mean(ious))
    assert found["miou"] == pytest.approx(np.mean([*ious, background]))
    assert found["dice"] == pytest.approx(f1_score(true, predicted, average="macro"))
    assert found["f1"] == pytest.approx(f1_score(true, predicted, average="micro"))
    assert found["accuracy_of_blank"] == pytest.approx((~true.any(axis=1)).mean())


def test_a_perfect_prediction_has_ones_only() -> None:
    found = figures_of([(as_prediction((0, 0.9, square(1, 1, 3))), as_truth((0, square(1, 1, 3))))], [0.25])
    blank = found.pop("accuracy_of_blank")
    assert blank == pytest.approx(55 / 64)
    assert found.pop("per_class") == {"oil": {"iou": 1, "dice": 1, "precision": 1, "recall": 1}}
    assert found.pop("per_image") == {"miou": 1, "dice": 1}
    assert set(found.values()) == {1}


def test_a_blank_prediction_is_as_accurate_as_a_blank_one() -> None:
    found = figures_of([(as_prediction(), as_truth((0, square(1, 1, 4))))], [0.25])
    assert found["accuracy"] == found["accuracy_of_blank"] == 0.75
    assert found["per_class"]["oil"] == {"iou": 0, "dice": 0, "precision": None, "recall": 0}
    assert found["miou"] == pytest.approx(0.375)


def test_the_wrong_class_everywhere_scores_nothing_but_background() -> None:
    image = as_prediction((1, 0.9, square(0, 0, 4))), as_truth((0, square(0, 0, 4)), (1, square(4, 4, 4)))
    found = figures_of([image], [0.25, 0.25])
    assert found["f1"] == found["miou_foreground"] == 0
    assert found["accuracy"] == 0.5


def test_a_class_absent_from_the_truth_has_no_figures_and_is_in_no_mean() -> None:
    image = as_prediction((0, 0.9, square(0, 0, 4)), (1, 0.9, square(4, 4, 2))), as_truth((0, square(0, 0, 4)))
    found = figures_of([image], [0.25, 0.25])
    assert set(found["per_class"]["ship"].values()) == {None}
    assert found["miou_foreground"] == found["dice"] == 1


def test_without_any_image_of_a_class_only_background_is_measured() -> None:
    found = figures_of([(as_prediction(), as_truth())], [0.25])
    assert found["f1"] is found["dice"] is found["miou_foreground"] is found["per_image"]["dice"] is None
    assert found["miou"] == found["accuracy"] == 1


def test_an_empty_image_without_alarm_leaves_the_mean_dice_of_images_alone() -> None:
    half = as_prediction((0, 0.9, square(0, 0, 2))), as_truth((0, square(0, 0, 2) + square(4, 4, 2)))
    alarm = as_prediction((0, 0.9, square(0, 0, 2))), as_truth()
    found = figures_of([half, alarm, (as_prediction(), as_truth())], [0.25])
    assert found["per_image"]["dice"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["per_image"]["miou"] == pytest.approx(((0.5 + 56 / 60) / 2 + (0 + 60 / 64) / 2 + 1) / 3)


def test_where_classes_overlap_the_surer_one_must_be_a_true_one() -> None:
    both = (0, 0.9, square(0, 0, 8)), (1, 0.6, square(0, 0, 8))
    truths = (
        as_truth((0, square(0, 0, 8))),
        as_truth((1, square(0, 0, 8))),
        as_truth((0, square(0, 0, 8)), (1, square(0, 0, 8))),
    )
    assert [figures_of([(as_prediction(*both), truth)], [0.25, 0.25])["accuracy"] for truth in truths] == [1, 0, 1]


def test_of_two_classes_equally_sure_the_first_stands() -> None:
    image = as_prediction((1, 0.601, square(0, 0, 8)), (0, 0.601, square(0, 0, 8))), as_truth((0, square(0, 0, 8)))
    assert figures_of([image], [0.25, 0.25])["accuracy"] == 1


def test_what_is_left_out_by_its_threshold_does_not_cover_others() -> None:
    image = as_prediction((1, 0.6, square(0, 0, 8)), (0, 0.5, square(0, 0, 8))), as_truth((0, square(0, 0, 8)))
    assert figures_of([image], [0.25, 0.7])["accuracy"] == 1


def test_weights_count_images_as_often() -> None:
    rng = np.random.default_rng(6)
    images = [random_image(rng, 2) for _ in range(3)]
    weighted = pixels.pixel_figures(counts_of(images, [0.3, 0.3]), NAMES[:2], np.array([[2, 0, 1]]))
    repeated = pixels.pixel_figures(counts_of([images[0], images[0], images[2]], [0.3, 0.3]), NAMES[:2])
    assert weighted.keys() == repeated.keys()
    assert all(np.allclose(weighted[path], repeated[path], equal_nan=True) for path in weighted)


def test_a_mask_of_another_tool_counts_as_it_stands() -> None:
    rng = np.random.default_rng(7)
    said, true = rng.integers(0, 3, (2, 9, 14), dtype=np.uint8)
    truth = as_truth(*((class_id, (true == class_id + 1).astype(np.uint8)) for class_id in range(2)))
    counts = counts_of([(levels.from_class_map(said), truth)], [0.5, 0.99])
    expected = [
        [((said == v) & (true == v)).sum(), ((said == v) & (true != v)).sum(), ((said != v) & (true == v)).sum()]
        for v in (1, 2, 0)
    ]
    assert counts.counts[0].tolist() == expected
    assert counts.right[0] == (said == true).sum()


def test_a_detection_must_lie_above_the_threshold_not_on_it() -> None:
    image = as_prediction((0, 0.29, square(0, 0, 2))), as_truth((0, square(0, 0, 2)))
    assert [counts_of([image], [limit]).counts[0, 0, 0] for limit in (0.28, 0.29, 0.3)] == [4, 0, 0]


def test_a_detection_without_pixels_changes_nothing() -> None:
    empty = levels.Detection(0, 0.9, (1.0, 1.0, 2.0, 2.0), np.zeros((0, 0), np.uint8), 1, 1)
    assert figures_of([(levels.Prediction(8, 8, (empty,)), as_truth((0, square(0, 0, 4))))], [0.25])["f1"] == 0


def test_an_image_that_is_ignored_whole_counts_for_nothing() -> None:
    image = as_prediction((0, 0.9, square(0, 0, 4))), as_truth((0, square(0, 0, 4)), ignore=square(0, 0, 8))
    assert counts_of([image], [0.25]).counts.sum() == counts_of([image], [0.25]).total.sum() == 0


def test_a_threshold_between_hundredths_is_counted_where_it_was_asked_for() -> None:
    grid = levels.make_grid([0.255])
    image = as_prediction((0, 0.257, square(0, 0, 2)), (0, 0.253, square(4, 4, 2))), as_truth((0, square(0, 0, 2)))
    cells = pixels.gather([pixels.count_cells(levels.lay(*image, 1, grid), 1)])
    assert pixels.count_at(cells, levels.levels_of([0.255], grid)).counts[0, 0].tolist() == [4, 0, 0]
    with pytest.raises(UsageError, match=r"not counted at confidence 0\.255"):
        levels.levels_of([0.255], GRID)


@pytest.mark.parametrize(
    ("asked", "reason"), [([0.0], "above 0"), ([1.5], "not above 1"), (np.linspace(0.001, 0.009, 40), "round them")]
)
def test_a_grid_that_cannot_be_counted_is_refused(asked: list[float], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        levels.make_grid(asked)


def test_a_prediction_of_another_size_is_refused() -> None:
    with pytest.raises(SourceError, match="the prediction is 9 × 9 pixels, the truth 8 × 8"):
        levels.lay(as_prediction(size=9), as_truth(), 1, GRID)


def test_a_class_that_the_dataset_does_not_name_is_refused() -> None:
    with pytest.raises(SourceError, match=r"the prediction has class 2, but data\.yaml names 2 \(0-1\)"):
        levels.lay(as_prediction((2, 0.5, square(0, 0, 2))), as_truth(), 2, GRID)
