import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.conftest import zip_of
from seepseg.app import models
from seepseg.app.models import Choice, found_models
from seepseg.app.settings import ROOT, Settings


def run_folder(root: Path, name: str, *, age: int = 0, status: str = "finished") -> Path:
    run = root / "runs" / name
    (run / "weights").mkdir(parents=True)
    (run / "weights/best.pt").touch()
    (run / "record.json").write_text(json.dumps({"status": status}))
    os.utime(run, (1e9 - age, 1e9 - age))
    return run


def titles(root: Path, *more: Path) -> list[str]:
    return [choice.title for choice in found_models(Settings(root, more))]


def test_the_reference_comes_first_then_the_named_ones_then_the_newest(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old", "sos")):
        run_folder(tmp_path, name, age=age)
    named = run_folder(tmp_path / "elsewhere", "mine")
    assert titles(tmp_path, named) == ["sos", "mine", "new", "old"]


def test_runs_that_lie_together_in_a_folder_are_found(tmp_path: Path) -> None:
    run_folder(tmp_path, "ablation/control")
    assert titles(tmp_path) == ["ablation/control"]


def test_a_run_without_weights_is_no_model(tmp_path: Path) -> None:
    (run_folder(tmp_path, "begun") / "weights/best.pt").unlink()
    assert titles(tmp_path) == []


def test_loose_weights_count_only_where_they_were_named(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/start.pt").touch()
    assert titles(tmp_path) == []
    assert titles(tmp_path, tmp_path / "runs/start.pt") == ["start.pt"]


def test_a_bundle_is_found_as_a_folder_and_as_a_zip(tmp_path: Path) -> None:
    place = tmp_path / "bundles"
    (place / "one").mkdir(parents=True)
    (place / "one/bundle.json").write_text("{}")
    (place / "two.zip").write_bytes(zip_of({"bundle.json": b"{}"}))
    found = found_models(Settings(tmp_path, (place,)))
    assert [(choice.title, choice.kind) for choice in found] == [("one", "bundle"), ("two.zip", "bundle")]


def test_a_training_under_way_says_so(tmp_path: Path) -> None:
    run_folder(tmp_path, "seep", status="running")
    assert titles(tmp_path) == ["seep (in training)"]


def test_no_two_titles_are_alike(tmp_path: Path) -> None:
    mine = run_folder(tmp_path / "elsewhere", "sos")
    run_folder(tmp_path, "sos")
    assert titles(tmp_path, mine) == ["sos", "runs/sos"]


def test_new_weights_are_another_model(tmp_path: Path) -> None:
    run = run_folder(tmp_path, "seep")
    before = Choice(run, "seep", "run").stamp
    os.utime(run / "weights/best.pt", (5, 5))
    assert Choice(run, "seep", "run").stamp != before


def choosing() -> None:
    import streamlit as st

    from seepseg.app.models import choose

    loaded = choose()
    with loaded.lock:
        st.write(f"{loaded.choice.title}: {loaded.model.names}")


@pytest.fixture
def visited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ROOT, str(tmp_path))
    return tmp_path


def test_without_any_model_the_page_says_what_to_run(visited: Path) -> None:
    page = AppTest.from_function(choosing).run()
    assert "seepseg train" in page.info[0].value
    assert str(visited / "runs") in page.info[0].value
    assert not page.markdown
    assert not page.exception


@pytest.mark.slow
def test_a_model_that_cannot_be_read_ends_in_a_sentence(visited: Path) -> None:
    run_folder(visited, "broken")
    page = AppTest.from_function(choosing).run(timeout=60)
    assert "best" in page.error[0].value
    assert not page.markdown
    assert not page.exception


@pytest.mark.slow
def test_the_chosen_model_stays_chosen_and_is_shared(visited: Path, weights: Callable[..., Path]) -> None:
    for name, classes in (("sos", 3), ("other", 2)):
        run = run_folder(visited, name)
        shutil.copy(weights("yolov8n-seg", classes), run / "weights/best.pt")
    page = AppTest.from_function(choosing).run(timeout=60)
    assert page.markdown[0].value.startswith("sos")
    page.selectbox[0].select("other").run(timeout=60)
    assert page.markdown[0].value == "other: ('class0', 'class1')"
    assert page.run().markdown[0].value.startswith("other")
    choice = found_models(Settings(visited))[1]
    assert models.load(choice) is models.load(choice)


def test_a_loaded_model_predicts(visited: Path, weights: Callable[..., Path]) -> None:
    shutil.copy(weights("yolov8n-seg"), run_folder(visited, "sos") / "weights/best.pt")
    loaded = models.load(found_models(Settings(visited))[0])
    assert len(loaded.model.predict([np.zeros((64, 64), np.uint8)])) == 1
