from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from make_analysis import BRIGHT, MIDDLE, blocks, loaded, look, write_scene
from make_geotiff import write_geotiff
from make_scene import DB
from outputs.stand_in import StandIn, stored
from seepseg.app.analysis import Onlooker, analyse, cut, describe_rule, in_turn, judged
from seepseg.app.handed_in import sha_of
from seepseg.cleaning.pipeline import parse_cleaning
from seepseg.errors import SourceError
from seepseg.predict.model_input import ModelInput
from seepseg.scaling import untouched
from seepseg.scenes.find import find_objects
from seepseg.scenes.scene import open_scene
from seepseg.values import Prediction


@pytest.fixture
def tile(tmp_path: Path) -> Path:
    file = tmp_path / "tile.png"
    assert cv2.imwrite(str(file), blocks())
    return file


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif")


def shapes(prediction: Prediction) -> list[tuple[int, float, int, int, bytes]]:
    return [(one.class_id, one.score, one.x, one.y, one.mask.tobytes()) for one in prediction.detections]


@pytest.mark.parametrize("limits", [(0.02, 0.02), (0.3, 0.5), (0.7, 0.3), (0.9, 0.9)])
def test_at_any_confidence_an_image_holds_what_a_prediction_at_it_finds(tile: Path, limits: tuple[float, ...]) -> None:
    told = StandIn().predict([blocks()], conf=limits)[0]
    assert shapes(cut(look(StandIn(), tile), limits)) == shapes(told)


@pytest.mark.parametrize("limits", [(0.06, 0.06), (0.3, 0.5), (0.7, 0.2), (0.95, 0.95)])
def test_at_any_confidence_a_scene_holds_what_finding_at_it_finds(scene: Path, limits: tuple[float, ...]) -> None:
    with open_scene(scene, ModelInput()) as opened:
        found = find_objects(StandIn(), opened, limits).objects  # type: ignore[arg-type]
    told = [(one.class_id, one.maximum, one.x, one.y, one.mask.tobytes()) for one in found]
    assert shapes(cut(look(StandIn(), scene), limits)) == told


def test_places_without_data_are_remembered(tmp_path: Path) -> None:
    pixels = np.full((80, 80), BRIGHT, np.uint8)
    pixels[:40] = 0
    file = write_geotiff(tmp_path / "half.tif", pixels, nodata=0)
    with open_scene(file, ModelInput()) as opened:
        found = find_objects(StandIn(), opened, (0.5, 0.5)).objects  # type: ignore[arg-type]
    seen = cut(look(StandIn(), file), (0.5, 0.5))
    assert [one.mask.sum() for one in seen.detections] == [one.mask.sum() for one in found] == [40 * 80]


def test_what_a_prediction_notes_of_a_file_is_told(tmp_path: Path) -> None:
    flat = np.full((80, 80), BRIGHT, np.uint8)
    assert cv2.imwrite(str(tmp_path / "flat.png"), flat)
    for file in (tmp_path / "flat.png", write_geotiff(tmp_path / "flat.tif", flat)):
        assert any("its answer says nothing" in note for note in look(StandIn(), file, "mine").notes)
        assert all("flat" not in note for note in look(StandIn(), file, "mine").notes)


def test_files_with_something_to_see_have_no_such_note(tile: Path, scene: Path) -> None:
    for file in (tile, scene):
        assert not any("its answer says nothing" in note for note in look(StandIn(), file).notes)


def test_the_model_looks_once(tile: Path, scene: Path) -> None:
    model = StandIn(sha256="a0" * 32)
    for path in (tile, scene):
        cut(look(model, path), (0.5, 0.5))
    seen = model.seen
    for path in (tile, scene):
        cut(look(model, path), (0.1, 0.1))
    assert model.seen == seen > 1


def test_another_model_looks_anew(tile: Path) -> None:
    other = StandIn(sha256="cd" * 32)
    look(StandIn(), tile)
    look(other, tile)
    assert other.seen == 1


def test_a_scene_is_put_together_anew_at_other_confidences_alone(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def watched(model: object, of: object, limits: object) -> object:
        asked.append(limits)
        return find_objects(model, of, limits)  # type: ignore[arg-type]

    analysis = look(StandIn(sha256="a7" * 32), scene)
    monkeypatch.setattr("seepseg.app.tape.find_objects", watched)
    for limits, cleaning in (((0.1, 0.1), ""), ((0.1, 0.1), "small:201"), ((0.3, 0.3), "")):
        cut(analysis, limits, parse_cleaning(cleaning))
    assert asked == [(0.1, 0.1), (0.3, 0.3)]


def test_cleaning_acts_on_what_is_shown(tile: Path) -> None:
    analysis = look(StandIn(), tile)
    small = [one.mask.sum() for one in cut(analysis, (0.1, 0.1)).detections]
    left = [one.mask.sum() for one in cut(analysis, (0.1, 0.1), parse_cleaning("small:20")).detections]
    assert sorted(small) == [12, 140, 156]
    assert sorted(left) == [140, 156]


def test_cleaning_acts_on_scenes(scene: Path) -> None:
    found = cut(look(StandIn(), scene), (0.1, 0.1), parse_cleaning("small:201")).detections
    assert len(found) == 1


def test_the_verdict_is_that_of_the_stored_threshold(tile: Path) -> None:
    analysis = look(StandIn(thresholds=stored(either=0.9), sha256="a1" * 32), tile)
    limits = analysis.confidence.limits
    verdict = judged(analysis, cut(analysis, limits), limits)
    assert (verdict.present, verdict.threshold, verdict.score) == (False, 0.9, BRIGHT / 255)


def test_a_slider_that_was_moved_decides(tile: Path) -> None:
    analysis = look(StandIn(thresholds=stored(either=0.9), sha256="a2" * 32), tile)
    verdict = judged(analysis, cut(analysis, (0.8, 0.8)), (0.8, 0.8))
    assert (verdict.present, verdict.threshold) == (True, 0.8)


def test_a_scene_holds_what_was_found_in_it(scene: Path) -> None:
    analysis = look(StandIn(), scene)
    verdict = judged(analysis, cut(analysis, (0.7, 0.7)), (0.7, 0.7))
    assert verdict.present
    assert [one.present for one in verdict.classes] == [True, False]
    assert not judged(analysis, cut(analysis, (0.95, 0.95)), (0.95, 0.95)).present


def test_progress_is_told_tile_by_tile(scene: Path) -> None:
    told: list[tuple[int, int]] = []
    model = StandIn(sha256="a3" * 32)
    analyse(loaded(model), scene, sha_of(scene), onlooker=Onlooker(count=lambda *one: told.append(one)))
    assert told[-1] == (6, 6)


def test_the_image_is_shown_before_the_model_looks_at_it(scene: Path) -> None:
    order: list[str] = []

    class Told(StandIn):
        def predict(self, images: Any, **asked: Any) -> list[Prediction]:
            order.append("looked at")
            return super().predict(images, **asked)

    onlooker = Onlooker(see=lambda pixels: order.append("shown" if pixels.any() else "black"))
    analyse(loaded(Told(sha256="a4" * 32)), scene, sha_of(scene), onlooker=onlooker)
    assert order[:2] == ["shown", "looked at"]


def test_a_file_that_cannot_be_read_is_named_as_the_visitor_knows_it(tmp_path: Path) -> None:
    file = tmp_path / "0123.png"
    file.write_bytes(cv2.imencode(".png", blocks())[1].tobytes()[:-20])
    with pytest.raises(SourceError, match=r"^mine\.png: is cut off") as caught:
        look(StandIn(), file, "mine.png")
    assert str(tmp_path) not in str(caught.value)


def test_notes_do_not_tell_the_name_on_the_server(tmp_path: Path) -> None:
    file = write_geotiff(tmp_path / "server-7.tif", np.full((300, 300), MIDDLE, np.uint8), crs=None)
    analysis = look(StandIn(), file, "mine.tif")
    assert any("mine.tif" in note for note in analysis.notes)
    assert not any("server-7" in note for note in analysis.notes)


def test_the_scaling_of_values_that_are_not_8_bit_is_told(tmp_path: Path) -> None:
    file = write_geotiff(tmp_path / "db.tif", np.full((40, 40), -12, np.float32))
    analysis = look(StandIn(input=ModelInput(rule=DB), sha256="a4" * 32), file)
    assert analysis.scaling is not None
    assert "-35 to 0 dB" in analysis.scaling


def test_8_bit_values_need_no_word_on_scaling(tile: Path) -> None:
    assert look(StandIn(), tile).scaling is None
    assert describe_rule(untouched((1,))) is None


def test_only_one_predicts_at_a_time(tile: Path) -> None:
    one = loaded(StandIn())
    held: list[bool] = []

    class Watched(StandIn):
        def predict(self, images, **asked):  # type: ignore[no-untyped-def]
            held.append(one.lock.locked())
            return super().predict(images, **asked)

    watched = type(one)(one.choice, Watched(), one.lock, None)  # type: ignore[arg-type]
    in_turn(watched).predict([blocks()], conf=0.5)
    assert held == [True]
    assert not one.lock.locked()


def test_where_too_much_is_seen_the_weakest_go_and_what_counts_stays(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = look(StandIn(sha256="a5" * 32), scene)
    monkeypatch.setattr("seepseg.app.analysis.MOST_SAID", 1)
    thin = look(StandIn(sha256="a6" * 32), scene)
    assert whole.floor < thin.floor == min(thin.confidence.limits)
    limits = thin.confidence.limits
    assert shapes(cut(thin, limits)) == shapes(cut(whole, limits))
