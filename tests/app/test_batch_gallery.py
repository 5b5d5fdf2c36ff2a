import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.made_batch import batch_of, finish, tiles
from make import write_image
from outputs.stand_in import NAMES, StandIn, stored
from seepseg.app.batch_gallery import SORTS, Card, as_columns, caption, choose, picture_of, read_cards, thumbnail


def card(name: str, **facts: object) -> Card:
    usual = {"stem": name, "scene": False, "reason": None, "present": True, "score": 0.5, "probability": None}
    return Card(name, **{**usual, "objects": 1, "classes": ("oil",), "area_px": 9, "area_km2": None, **facts})  # type: ignore[arg-type]


CARDS = (
    card("a", score=0.6, area_px=5, objects=3),
    card("b", score=0.9, probability=0.2, area_px=50, classes=("ship",)),
    card("c", present=False, score=0.1, objects=0, classes=(), area_px=0),
    card("d", reason="is empty", present=False, score=0.0, objects=0, classes=(), area_px=0),
)


def names(cards: object) -> str:
    return "".join(one.name for one in cards)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("order", "expected"), list(zip(SORTS, ("abcd", "cbad", "bacd", "abcd", "abcd"), strict=True)))
def test_cards_are_sorted_and_what_failed_comes_last(order: str, expected: str) -> None:
    assert names(choose(CARDS, order=order)) == expected


def test_cards_are_filtered_by_verdict_class_and_certainty() -> None:
    assert names(choose(CARDS, answer="yes")) == "ab"
    assert names(choose(CARDS, answer="no")) == "c"
    assert names(choose(CARDS, answer="failed")) == "d"
    assert names(choose(CARDS, classes=["ship", "rig"])) == "b"
    assert names(choose(CARDS, least=0.2)) == "ab"


def test_a_column_that_nothing_is_known_for_is_left_out() -> None:
    assert "Area, km²" not in as_columns(CARDS)
    assert as_columns(CARDS)["Note"] == ["", "", "", "is empty"]
    assert as_columns(CARDS[2:])["Confidence"] == [0.1, None]


def test_cards_say_what_the_prediction_folder_says(tmp_path: Path) -> None:
    batch = batch_of(tiles(tmp_path / "tiles", 3), tmp_path / "out", StandIn(stored()))
    batch.start()
    finish(batch)
    empty, one, two = read_cards(tmp_path / "out", ["tile0", "tile1", "tile2"], NAMES)
    assert (empty.answer, empty.objects, empty.classes) == ("no", 0, ())
    assert (one.answer, one.classes, one.area_px) == ("yes", ("oil",), 18)
    assert (two.classes, two.area_px) == (("ship",), 24)
    assert one.probability == pytest.approx(1 / (1 + np.exp(-(1.5 * np.log(201 / 54) - 0.2))), abs=1e-3)


def test_the_picture_of_an_image_is_its_overlay_and_of_a_scene_its_quick_look(tmp_path: Path) -> None:
    write_image(tmp_path / "overlays/a.png", np.zeros((4, 4), np.uint8))
    write_image(tmp_path / "b.png", np.zeros((4, 4), np.uint8))
    assert picture_of(tmp_path, card("a")) == tmp_path / "overlays/a.png"
    assert picture_of(tmp_path, card("b", scene=True)) == tmp_path / "b.png"
    assert picture_of(tmp_path, card("c")) is None


@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (3000, 500), (40, 20)])
def test_a_thumbnail_is_small_and_keeps_its_shape(tmp_path: Path, width: int, height: int) -> None:
    file = write_image(tmp_path / "overlay.png", np.zeros((height, width), np.uint8))
    small = Image.open(io.BytesIO(thumbnail(file)))
    assert max(small.size) <= 320
    assert small.width / small.height == pytest.approx(width / height, rel=0.05)


def test_names_of_files_stay_words_in_the_gallery() -> None:
    assert "<script>" not in "".join(caption(card("<script>x</script>.png")))
