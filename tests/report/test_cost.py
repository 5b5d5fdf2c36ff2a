import json

import pytest

from make_evaluation import make_images, write_evaluation
from seepseg.report.compare import compare_runs, comparison_as_json
from seepseg.report.compare_page import render_comparison
from seepseg.report.compare_text import render
from seepseg.report.cost import Cost, read_cost, rows
from seepseg.report.results import Results

RECORD = {
    "parameters": 3_258_259,
    "device": "CPU, 2 cores",
    "epochs": [{"epoch": number, "seconds": 60.5, "images_per_s": 3} for number in (1, 2)],
}


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """A run of ours, and an evaluation of which nothing else is known."""
    root = tmp_path_factory.mktemp("runs")
    for name in ("known", "bare"):
        write_evaluation(root / name, make_images(6, 1, skill=0.9), ("oil",), replicates=4, conf=0.3)
    metrics = json.loads((root / "known" / "metrics.json").read_text())
    metrics["made"] = (metrics.get("made") or {}) | {"weights_bytes": 6_800_000, "device": "cpu"}
    metrics["speed_ms"] = {"preprocess": 1.0, "inference": 20.25, "postprocess": 2.0}
    (root / "known" / "metrics.json").write_text(json.dumps(metrics))
    (root / "known" / "record.json").write_text(json.dumps(RECORD))
    return compare_runs([root / "known", root / "bare"], replicates=20)


def test_what_a_model_costs_stands_in_words_and_on_the_page(comparison):
    for text in (render(comparison), render_comparison(comparison)):
        assert all(one in text for one in ("3,258,259", "6.8 MB", "23.2 ms (cpu)", "2 min 01 s for 2 epochs"))


def test_each_cost_stands_below_its_run(comparison):
    lines = render(comparison).splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("Parameters"))
    assert lines[place - 1].split() == ["known", "bare"]


def test_one_epoch_is_one():
    cost = Cost(None, None, None, None, training_s=65.0, epochs=1, trained_on=None)
    assert rows([cost]) == [("Training", ["1 min 05 s for 1 epoch"])]


def test_of_a_training_in_stages_it_is_said_which_one_was_timed(tmp_path):
    stage = {"of": "a", "number": 3, "stages": "head:6@2e-4,all:12@1e-4,all:24@2e-5"}
    (tmp_path / "record.json").write_text(json.dumps(RECORD | {"stage": stage}))
    told = dict(rows([read_cost(Results(tmp_path, {}, {}, ()))]))
    assert told["Training"] == ["2 min 01 s for 2 epochs, stage 3 of 3 alone (CPU, 2 cores)"]


@pytest.mark.parametrize(("model", "known"), [("elsewhere/a/weights/best.pt", True), ("elsewhere/b", False)])
def test_a_run_is_found_around_its_evaluation(tmp_path, model, known):
    (tmp_path / "a" / "test").mkdir(parents=True)
    (tmp_path / "a" / "record.json").write_text(json.dumps(RECORD))
    cost = read_cost(Results(tmp_path / "a" / "test", {"model": model}, {}, ()))
    assert (cost.parameters is not None) == known


def test_programs_get_the_numbers_and_null_where_nothing_says_them(comparison):
    known, bare = (run["cost"] for run in comparison_as_json(comparison)["runs"])
    assert known["training_s"] == 121
    assert known["image_ms"] == pytest.approx(23.25)
    assert bare["parameters"] is None
    assert bare["training_s"] is None
