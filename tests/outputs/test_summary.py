from dataclasses import replace

import numpy as np
import pytest

from make import write_image
from make_geotiff import write_geotiff
from outputs.stand_in import StandIn, predict_folder, stored
from seepseg.cleaning.pipeline import parse_cleaning
from seepseg.outputs.request import Ready
from seepseg.outputs.summary import as_json, render
from seepseg.predict.confidence import choose_confidence


@pytest.fixture
def model():
    """An oil of 91/255 is above the presence threshold of .35, and below the .5 that an object needs."""
    return StandIn(stored((0.5, 0.6), (0.35, 0.3), 0.35))


def predicted(model, root):
    outcome = predict_folder(model, root / "images", root / "out")
    return Ready(model, choose_confidence(model, None), ()), outcome


def test_verdicts_and_objects_are_told_apart(model, tmp_path):
    for number, value in enumerate((91, 91, 201, 0)):
        write_image(tmp_path / f"images/{number}.png", np.full((9, 9), value, np.uint8))
    ready, outcome = predicted(model, tmp_path)
    lines = render(tmp_path / "out", ready, outcome).splitlines()
    assert lines[1] == "verdict yes for 3 of 4 images (presence above 0.35); objects in 1"
    assert lines[3].split() == ["oil", "1", "1", "81", "25.00%"]
    told = as_json(tmp_path / "out", ready, outcome)
    assert (told["present"], told["with_objects"]) == (3, 1)


def test_a_scene_holds_what_was_found_in_it(model, tmp_path):
    write_geotiff(tmp_path / "images/sea.tif", np.full((16, 16), 201, np.uint8))
    ready, outcome = predicted(model, tmp_path)
    assert "verdict yes for 1 of 1 image; objects in 1" in render(tmp_path / "out", ready, outcome).splitlines()


class Doubling(StandIn):
    """Finds everything twice."""

    def predict(self, *args, **asked):
        found = super().predict(*args, **asked)
        return [replace(one, detections=tuple(np.repeat(one.detections, 2))) for one in found]


@pytest.mark.parametrize(("cleaning", "told"), [("", True), ("once:.5", False)])
def test_objects_that_lie_over_each_other_are_told_with_the_way_out(tmp_path, cleaning, told):
    write_image(tmp_path / "images/a.png", np.uint8(201) * np.eye(9, dtype=np.uint8))
    source, out = tmp_path / "images", tmp_path / "out"
    totals = predict_folder(Doubling(), source, out, cleaning=parse_cleaning(cleaning)).totals
    notes = ["the areas of objects add up to more than they cover: oil (2.0 times); where one thing is told as several"]
    assert [note.partition(", '--clean once")[0] for note in totals.notes] == (notes if told else [])


def test_of_a_classifier_no_objects_are_told(model, tmp_path):
    model.task = "classify"
    write_image(tmp_path / "images/a.png", np.full((9, 9), 91, np.uint8))
    ready, outcome = predicted(model, tmp_path)
    assert (
        render(tmp_path / "out", ready, outcome).splitlines()[1] == "verdict yes for 1 of 1 image (presence above 0.35)"
    )
    assert as_json(tmp_path / "out", ready, outcome)["with_objects"] is None
