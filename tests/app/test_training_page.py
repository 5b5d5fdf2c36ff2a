import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.test_runs import HEAD, write_run
from make import write_image
from make_evaluation import make_images, write_evaluation
from seepseg.app.settings import ROOT

SCRIPT = "from seepseg.app.main import _show\n_show('training')"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    for name, skill in (("plain", 0.3), ("better", 0.9)):
        run = write_run(root / "runs", name, done=10)
        write_evaluation(run / "test", make_images(9, 2, skill=skill), ("oil", "ship"), conf=0.25)
        sheet = {"image": "a.png", "sheet": "a.jpg", "kinds": ["miss"], "iou": 0.2, "missed": 1}
        (run / "test/failures.json").write_text(json.dumps([sheet]))
        write_image(run / "test/a.jpg", np.zeros((8, 32), np.uint8))
        (run / "test/report.html").write_text("<!doctype html>")
    return root


def visit(root: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv(ROOT, str(root))
    page = AppTest.from_string(SCRIPT, default_timeout=30).run()
    assert not page.exception
    return page


def markup(page: AppTest) -> str:
    return "".join(one.proto.body for one in page.get("html"))


def test_a_run_under_way_shows_how_far_it_is_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "runs", "seep", done=2)
    page = visit(tmp_path, monkeypatch)
    assert page.selectbox[0].value == "seep (under way)"
    assert "2 of 10 epochs" in page.markdown[0].value
    with (run / "results.csv").open("a") as file:
        file.write("3,180,1.0,1.0,0.2\n")
    assert "3 of 10 epochs" in page.run().markdown[0].value


def test_a_run_before_its_first_epoch_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "runs", "seep", done=0, status="running")
    (run / "results.csv").write_text(HEAD + "\n")
    page = visit(tmp_path, monkeypatch)
    assert "No epoch is finished yet." in [one.value for one in page.caption]
    assert not page.error


def test_an_evaluated_run_shows_its_figures_and_its_report(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visit(evaluated, monkeypatch)
    assert "Mask AP50" in markup(page)
    assert page.get("download_button")[0].label == "Download the full report"


@pytest.mark.parametrize(
    ("part", "sign"),
    [
        ("Classes", "Boundary IoU"),
        ("Confusion", "truth ↓"),
        ("Failures", "a.png"),
        pytest.param("Curves", "data:image/svg+xml", marks=pytest.mark.slow),
    ],
)
def test_each_part_of_an_evaluation_is_shown(
    evaluated: Path, monkeypatch: pytest.MonkeyPatch, part: str, sign: str
) -> None:
    page = visit(evaluated, monkeypatch)
    assert sign not in markup(page)
    page.segmented_control[0].set_value(part).run()
    assert sign in markup(page)
    assert not page.error


@pytest.mark.slow
def test_two_runs_are_held_against_each_other(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visit(evaluated, monkeypatch)
    page.multiselect[0].set_value(["plain · test", "better · test"]).run()
    assert "better/test − plain/test" in page.dataframe[0].value.columns
    assert not page.error


def test_an_evaluation_that_is_broken_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "runs", "seep", done=10)
    (run / "metrics.json").write_text("{}")
    assert "evaluate the model again" in visit(tmp_path, monkeypatch).error[0].value


def test_without_runs_the_page_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "seepseg train" in visit(tmp_path, monkeypatch).info[0].value
