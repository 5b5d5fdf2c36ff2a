"""What is made of an evaluation of a classifier, which says nothing of where things are."""

import json
from dataclasses import replace

import numpy as np
import pytest

from make_evaluation import make_images, write_evaluation
from read_page import Page
from seepseg.cli import main
from seepseg.report.compare import compare_runs
from seepseg.report.compare_page import plots_of, render_comparison
from seepseg.report.report import write_report
from seepseg.report.results import read_results
from seepseg.report.verdict import headlines, verdict
from seepseg.values import Prediction

NAMES = ("oil", "ship")


def said_of(images, wrong=()):
    """The truth as a classifier would have it, but for some images."""
    rng = np.random.default_rng(0)
    for number, one in enumerate(images):
        there = {each.class_id for each in one.truth.objects}
        sure = [(class_id in there) != (number in wrong) for class_id in range(2)]
        scores = tuple(float(0.6 * yes + rng.uniform(0.1, 0.3)) for yes in sure)
        yield replace(one, prediction=Prediction(one.truth.width, one.truth.height, presence=scores))


@pytest.fixture(scope="module")
def images():
    return make_images(20, 2, skill=0.6)


@pytest.fixture(scope="module")
def perfect(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("perfect") / "perfect"
    write_evaluation(folder, list(said_of(images)), NAMES, task="classify", conf=0.5)
    return folder


@pytest.fixture(scope="module")
def faulty(images, tmp_path_factory):
    """With its report."""
    folder = tmp_path_factory.mktemp("faulty") / "faulty"
    review = write_evaluation(folder, list(said_of(images, wrong=(0, 5))), NAMES, task="classify", conf=0.5)
    by_name = {one.name: one.prediction for one in said_of(images, wrong=(0, 5))}
    write_report(folder, lambda name: (*review(name)[:2], by_name[name]))
    return folder


def test_no_fault_in_twenty_images_is_said_to_be_no_certainty(perfect):
    results = read_results(perfect)
    assert results.figure("presence", "accuracy") == 1
    assert results.interval("presence", "accuracy") == pytest.approx((0.025 ** (1 / 20), 1))
    assert "No fault in 20 images is what a model that errs in 17% of all would show, too" in verdict(results)


def test_a_recall_rests_on_the_images_with_objects_and_a_ranking_on_the_fewer(perfect):
    results = read_results(perfect)
    with_objects = results.metrics["images_with_objects"]
    assert results.interval("presence", "recall") == pytest.approx((0.025 ** (1 / with_objects), 1))
    assert results.interval("presence", "auroc") == pytest.approx((0.025 ** (1 / (20 - with_objects)), 1))


def test_what_was_seen_to_fail_needs_no_such_word(faulty):
    assert "No fault" not in verdict(read_results(faulty))


def test_its_figures_are_those_of_presence(perfect):
    assert {one.path[0] for one in headlines(read_results(perfect))} == {"presence"}
    assert not read_results(perfect).places


def test_its_failures_are_shown_beside_their_truth_alone(faulty):
    shown = json.loads((faulty / "failures.json").read_text())
    assert {one["image"] for one in shown} == {"tile000.png", "tile005.png"}
    page = Page((faulty / "report.html").read_text())
    captions = (faulty / "report.html").read_text()
    assert page
    assert "<figcaption>truth</figcaption>" in captions
    assert "<figcaption>prediction</figcaption>" not in captions
    assert "Difference:" not in captions


def test_a_classifier_is_compared_with_a_detector_on_the_same_images(images, perfect, tmp_path, capsys):
    write_evaluation(tmp_path / "detector", images, NAMES, conf=0.3)
    comparison = compare_runs([tmp_path / "detector", perfect], replicates=60)
    (pair,) = comparison.pairs
    assert pair.images == 20
    assert {path[0] for path in pair.differences} == {"presence"}
    accuracy = pair.differences["presence", "accuracy"]
    assert accuracy.low <= accuracy.difference <= accuracy.high
    assert "presence_f1" in {plot.name for plot in plots_of(comparison)}
    assert "perfect says nothing of where things are: compare their presence" in render_comparison(comparison).lower()
    assert main(["compare", str(tmp_path / "detector"), str(perfect), "--out", str(tmp_path / "out")]) == 0
    assert "Presence accuracy" in capsys.readouterr().out
