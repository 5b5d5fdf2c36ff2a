import pytest

from seepseg.app.curves import draw_losses, draw_quality, tell_best
from seepseg.baselines.plan import BEST

COLUMNS = {
    "epoch": [1.0, 2.0, 3.0],
    "train/seg_loss": [3.0, 2.0, None],
    "val/seg_loss": [4.0, 3.0, 2.0],
    "train/sem_loss": [0.0, 0.0, 0.0],
    "val/sem_loss": [0.0, 0.0, 0.0],
    "metrics/mAP50(M)": [0.1, 0.3, 0.2],
    "metrics/mAP50-95(M)": [0.05, None, 0.15],
    "metrics/mAP50(B)": [0.9, 0.9, 0.9],
}


def points(chart: object) -> list[tuple[object, ...]]:
    return [(row["line"], row["epoch"], row["value"]) for row in chart.data.values]  # type: ignore[attr-defined]


def test_quality_is_that_of_masks() -> None:
    assert points(draw_quality(COLUMNS, 5)) == [
        ("mask AP50", 1, 0.1),
        ("mask AP50", 2, 0.3),
        ("mask AP50", 3, 0.2),
        ("mask AP50-95", 1, 0.05),
        ("mask AP50-95", 3, 0.15),
    ]


def test_the_axis_is_as_long_as_the_training_is_planned() -> None:
    chart = draw_quality(COLUMNS, 40)
    assert chart is not None
    assert chart.to_dict()["encoding"]["x"]["scale"]["domain"] == [1, 40]


def test_a_loss_that_is_nought_throughout_is_not_drawn() -> None:
    (masks,) = draw_losses(COLUMNS, None)
    assert masks[0] == "Masks"
    assert ("training", 2, 2.0) in points(masks[1])
    assert len(points(masks[1])) == 5


def test_figures_that_nobody_knows_are_drawn_by_their_own_names() -> None:
    chart = draw_quality({"epoch": [1.0], "metrics/accuracy_top1": [0.7]}, None)
    assert points(chart) == [("accuracy_top1", 1, 0.7)]


def test_before_the_first_epoch_there_is_nothing_to_draw() -> None:
    assert draw_quality({}, 10) is None
    assert draw_losses({"epoch": [], "val/seg_loss": []}, 10) == []


def test_the_best_epoch_is_that_of_the_strictest_figure() -> None:
    assert tell_best(COLUMNS) == "epoch 3, mask AP50-95 0.150"
    assert tell_best({}) is None


@pytest.mark.parametrize("column", sorted({column for kind in BEST.values() for column in kind.values()}))
def test_what_the_best_epoch_of_a_baseline_is_chosen_by_has_a_name(column: str) -> None:
    columns = {"epoch": [1.0], column: [0.5]}
    if column.startswith("metrics/"):
        shown = {line for line, _, _ in points(draw_quality(columns, None))}
    else:
        shown = {title for title, _ in draw_losses(columns, None)}
    assert shown
    assert not any(name in column for name in shown), shown
