from pathlib import Path

import pytest

from seepseg.errors import OutputError, UsageError
from seepseg.evaluate.folder import choose_folder, evaluation_folder, show_path


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run/weights").mkdir(parents=True)
    (tmp_path / "run/weights/best.pt").write_bytes(b"weights")
    (tmp_path / "run/thresholds.json").write_text("{}")
    return tmp_path / "run"


def fill(out, run, content, **asked):
    with evaluation_folder(out, run, **{"overwrite": False, **asked}) as folder:
        for name in content:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_figures_of_a_run_go_into_the_run_beside_what_is_there(run):
    fill(run, run, ["metrics.json", "plots/pr.png"])
    assert names(run) == ["metrics.json", "plots/pr.png", "thresholds.json", "weights/best.pt"]


def test_an_earlier_evaluation_of_a_run_is_replaced_as_a_whole_and_only_when_asked(run):
    fill(run, run, ["metrics.json", "plots/old.png", "failures.json"])
    with pytest.raises(OutputError, match="--overwrite"):
        fill(run, run, ["metrics.json"])
    fill(run, run, ["metrics.json", "plots/new.png"], overwrite=True)
    assert names(run) == ["metrics.json", "plots/new.png", "thresholds.json", "weights/best.pt"]


def test_what_fails_half_way_leaves_the_earlier_evaluation(run):
    fill(run, run, ["metrics.json"])
    with pytest.raises(ZeroDivisionError), evaluation_folder(run, run, overwrite=True) as folder:
        (folder / "metrics.json").write_text(str(1 / 0))
    assert names(run) == ["metrics.json", "thresholds.json", "weights/best.pt"]


def test_the_folder_of_another_run_is_never_replaced(run):
    fill(run, run, ["metrics.json"])
    with pytest.raises(OutputError, match="another run"):
        fill(run, None, ["metrics.json"], overwrite=True)


def test_another_folder_is_replaced_only_when_asked(tmp_path):
    fill(tmp_path / "out", None, ["metrics.json", "old"])
    with pytest.raises(OutputError, match="already there"):
        fill(tmp_path / "out", None, ["metrics.json"])
    fill(tmp_path / "out", None, ["metrics.json"], overwrite=True)
    assert names(tmp_path / "out") == ["metrics.json"]


def test_a_lone_model_file_needs_a_place_for_its_figures(run):
    assert choose_folder(run, None) == run
    with pytest.raises(UsageError, match="--out"):
        choose_folder(run / "weights/best.pt", None)


def test_paths_are_shown_without_the_folders_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert show_path(tmp_path / "data/data.yaml") == "data/data.yaml"
    assert show_path(Path("/some/where/data/data.yaml")) == "data/data.yaml"
