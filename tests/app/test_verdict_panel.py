from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from make_analysis import blocks, look, write_scene
from outputs.stand_in import StandIn
from seepseg.app.analysis import Analysis, cut, judged
from seepseg.app.verdict_panel import bars_html, explain, headline, subject, verdict_html
from seepseg.measures.calibration import Calibration
from seepseg.measures.thresholds import MAX_F1, Choice, PresenceChoice, Thresholds
from seepseg.outputs.verdict import Verdict


def chosen(
    threshold: float = 0.41,
    precision: float | None = 0.92,
    recall: float | None = 0.88,
    share: float | None = None,
) -> Thresholds:
    one = PresenceChoice(Choice(threshold, precision, recall, 0.9), Calibration(1.5, -0.2), share)
    pixels = Choice(0.3, 0.84, 0.71, 0.77)
    return Thresholds(("oil",), MAX_F1, "hash", "val", 612, (pixels,), (one,), one)


@pytest.fixture
def tile(tmp_path: Path) -> Path:
    file = tmp_path / "tile.png"
    assert cv2.imwrite(str(file), np.where(blocks() % 2, blocks(), 0))
    return file


def told(analysis: Analysis, limits: Sequence[float] | None = None) -> tuple[str, str]:
    limits = limits or analysis.confidence.limits
    prediction = cut(analysis, limits)
    verdict = judged(analysis, prediction, limits)
    return headline(analysis, verdict), " ".join(explain(analysis, prediction, verdict))


def model(number: int, **settings: object) -> StandIn:
    return StandIn(names=("oil",), sha256=f"d{number}" * 32, **settings)  # type: ignore[arg-type]


def test_the_verdict_says_threshold_precision_and_recall(tile: Path) -> None:
    head, words = told(look(model(0, thresholds=chosen()), tile))
    assert head == "Potential oil: yes, 0.87"
    assert "above 0.41 it counts" in words
    assert "612 validation images" in words
    assert "92 of 100 alarms were right (precision 0.92)" in words
    assert "88 of 100 images with oil were found (recall 0.88)" in words


def test_what_is_below_the_threshold_is_a_no(tile: Path) -> None:
    head, words = told(look(model(1, thresholds=chosen(0.9)), tile))
    assert head == "Potential oil: no, 0.87"
    assert "only above 0.90 would it count" in words


def test_the_probability_is_that_of_the_calibration(tile: Path) -> None:
    curve, score = Calibration(1.5, -0.2), 221 / 255
    expected = 1 / (1 + np.exp(-(curve.slope * np.log(score / (1 - score)) + curve.offset)))
    _, words = told(look(model(2, thresholds=chosen()), tile))
    assert f"a probability of {100 * expected:.0f} %" in words


@pytest.mark.parametrize(("share", "number", "caution"), [(0.96, 20, True), (0.3, 21, False)])
def test_a_probability_says_of_what_images_it_is(tile: Path, share: float, number: int, caution: bool) -> None:
    _, words = told(look(model(number, thresholds=chosen(share=share)), tile))
    assert f"Of the validation images {100 * share:.0f} % hold oil" in words
    assert ("less where most images are clean" in words) == caution


def test_an_empty_image_is_a_plain_no(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((32, 32), np.uint8))
    head, words = told(look(model(3, thresholds=chosen()), tmp_path / "empty.png"))
    assert head == "Potential oil: no"
    assert "Nothing was seen at all" in words


def test_a_model_without_thresholds_says_that_nobody_knows(tile: Path) -> None:
    _, words = told(look(model(4), tile))
    assert "how often it is right is not known" in words
    assert "precision" not in words


def test_figures_that_are_not_known_are_not_told(tile: Path) -> None:
    _, words = told(look(model(5, thresholds=chosen(precision=None, recall=None)), tile))
    assert "How often it is right there is not known" in words


def test_a_threshold_of_the_visitor_has_no_precision(tile: Path) -> None:
    head, words = told(look(model(6, thresholds=chosen()), tile), (0.9,))
    assert head == "Potential oil: no, 0.87"
    assert "You chose this threshold" in words
    assert "precision" not in words


def test_a_yes_without_an_outline_says_how_to_see_more(tile: Path) -> None:
    either = chosen(0.41).any_presence
    pixels = (Choice(0.95, 0.84, 0.71, 0.77),)
    strict = Thresholds(("oil",), MAX_F1, "hash", "val", 612, pixels, (either,), either)
    head, words = told(look(model(8, thresholds=strict), tile))
    assert "yes" in head
    assert "lower the confidence to see where" in words


def test_a_no_with_outlines_says_that_these_are_not_enough(tile: Path) -> None:
    head, words = told(look(model(9, thresholds=chosen(0.9)), tile))
    assert "no" in head
    assert "What is outlined is not sure enough" in words


def test_a_scene_says_how_many_places_and_how_good_pixels_are(tmp_path: Path) -> None:
    pixels = np.zeros((100, 150), np.uint8)
    pixels[40:46, 10:140] = 221
    head, words = told(look(model(7, thresholds=chosen()), write_scene(tmp_path / "scene.tif", pixels)))
    assert head == "Potential oil: yes, 0.87"
    assert "1 place in this scene is marked" in words
    assert "71 of 100 pixels of oil were found" in words


@pytest.mark.parametrize(
    ("names", "word"),
    [(("oil",), "Potential oil"), (("seep1", "seep2"), "Potential slick"), (("oil", "ship"), "Potential finds")],
)
def test_what_is_looked_for_has_a_name(names: tuple[str, ...], word: str) -> None:
    assert subject(names) == word


def test_bars_are_as_long_as_the_model_is_sure() -> None:
    classes = (Verdict(True, 0.87, None, 0.41), Verdict(False, 0.1, None, 0.5))
    html = bars_html(("oil", "<ship>"), Verdict(True, 0.87, None, 0.41, classes))
    assert "width:87.0%" in html
    assert "left:41.0%" in html
    assert "&lt;ship&gt;" in html
    assert "<ship>" not in html


def test_names_of_classes_are_words_and_no_markup(tile: Path) -> None:
    analysis = look(StandIn(names=("<img src=x>",), sha256="da" * 32), tile)
    prediction = cut(analysis, (0.1,))
    assert "<img" not in verdict_html(analysis, prediction, judged(analysis, prediction, (0.1,)))
