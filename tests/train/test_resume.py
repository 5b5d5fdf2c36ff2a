import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from make_training import QUICK, tiny_dataset, tiny_request
from seepseg.cli import main
from seepseg.dataset.identity import dataset_hash
from seepseg.errors import DatasetError, SourceError, UsageError
from seepseg.train.balanced import as_json
from seepseg.train.plan import plan_run
from seepseg.train.record import read_record, update_record, write_json
from seepseg.train.resume import find_run, resume, same_dataset
from seepseg.train.run import train

EPOCHS = 3


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed after its first epoch and resumed."""
    folder = tmp_path_factory.mktemp("killed")
    data = tiny_dataset(folder / "data") / "data.yaml"
    settings = [f"{key}={value}" for key, value in {**QUICK, "epochs": EPOCHS}.items()]
    command = [sys.executable, "-m", "seepseg", "train", str(data), "--weights", "scratch", "--name", "a"]
    command += ["--class-weights", "sqrt", "--repeat", "0.9", *settings]
    run = folder / "runs" / "a"
    with (folder / "log.txt").open("w") as log:
        job = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        while job.poll() is None and len(_epochs(run)) < 1:
            time.sleep(0.05)
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert job.returncode == -signal.SIGKILL, (folder / "log.txt").read_text()
    update_record(run, killed=read_record(run)["status"])
    here = Path.cwd()
    try:
        os.chdir(folder)
        assert main(["train", "--resume", "a"]) == 0
    finally:
        os.chdir(here)
    return run


def _epochs(run: Path) -> list[Any]:
    return list(read_record(run)["epochs"]) if (run / "record.json").exists() else []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
class TestKilled:
    def test_a_killed_run_is_known_by_its_record(self, finished: Path) -> None:
        assert read_record(finished)["killed"] == "running"

    def test_it_goes_on_to_the_end_and_says_so(self, finished: Path) -> None:
        record = read_record(finished)
        assert record["status"] == "finished"
        assert [one["epoch"] for one in record["resumed"]] == [record["resumed"][0]["epoch"]]
        assert 2 <= record["resumed"][0]["epoch"] <= EPOCHS
        assert [one["epoch"] for one in record["epochs"]] == list(range(1, EPOCHS + 1))

    def test_each_epoch_has_one_row(self, finished: Path) -> None:
        with (finished / "results.csv").open() as rows:
            assert [int(row["epoch"]) for row in csv.DictReader(rows)] == list(range(1, EPOCHS + 1))

    def test_it_keeps_its_weights_of_classes(self, finished: Path) -> None:
        record = read_record(finished)
        assert record["class_weights"] == pytest.approx([row["weight"] for row in record["classes"]], abs=1e-6)

    def test_a_finished_run_is_not_resumed(self, finished: Path) -> None:
        with pytest.raises(UsageError, match="is finished; train on from its weights with --weights"):
            resume(finished)

    def test_a_run_that_was_killed_while_tidying_up_is_closed(self, finished: Path) -> None:
        update_record(finished, status="running", metrics=None)
        record = resume(finished)
        assert record["status"] == "finished"
        assert "metrics/mAP50-95(M)" in record["metrics"]

    def test_half_a_checkpoint_is_a_sentence(self, finished: Path, tmp_path: Path) -> None:
        run = _stopped(tmp_path)
        whole = (finished / "weights" / "last.pt").read_bytes()
        (run / "weights" / "last.pt").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(SourceError, match=r"last\.pt: cannot be read .*best\.pt with --weights"):
            resume(run)

    def test_a_dataset_that_changed_is_not_trained_on(self, finished: Path, tmp_path: Path) -> None:
        run = _interrupted(tmp_path, finished)
        data = tiny_dataset(tmp_path / "other", train=9) / "data.yaml"
        with pytest.raises(DatasetError, match="images or labels have changed"):
            resume(run, data=data)

    def test_a_dataset_that_is_gone_is_asked_for(self, finished: Path, tmp_path: Path) -> None:
        run = _interrupted(tmp_path, finished)
        with pytest.raises(DatasetError, match=r"is not there; say where it is: DATA\.yaml --resume"):
            resume(run, data=tmp_path / "none.yaml")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_run_of_merged_classes_is_closed_on_those_whatever_data_is_named(tmp_path: Path) -> None:
    request = tiny_request(tmp_path, balance={"merge": ["all=oil,ship"]})
    run = train(request)
    (run / "thresholds.json").unlink()
    update_record(run, status="failed", failure="the disk was full", metrics=None)
    record = resume(run, data=request.data)
    assert (record["status"], record["failure"]) == ("finished", None)
    assert list(json.loads((run / "thresholds.json").read_text())["confidence"]) == ["all"]


def _stopped(folder: Path, **entries: Any) -> Path:
    run = folder / "runs" / "b"
    (run / "weights").mkdir(parents=True)
    write_json(run / "record.json", {"status": "running", "epochs": [], "resumed": [], **entries})
    return run


def _interrupted(folder: Path, finished: Path) -> Path:
    """A run whose last.pt says that epochs are missing."""
    import torch

    record = read_record(finished)
    run = _stopped(folder, **{key: record[key] for key in ("dataset", "balance", "seeds")})
    state = {"epoch": 0, "train_args": {"epochs": 3, "data": "gone.yaml"}}
    torch.save(state, run / "weights" / "last.pt")
    return run


def test_a_run_without_an_epoch_has_nothing_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="stopped before its first epoch"):
        resume(_stopped(tmp_path))


def test_a_merged_dataset_that_is_gone_is_derived_again_from_the_users(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path, balance={"merge": ["all=oil,ship"], "repeat": 0.9}))
    merged = plan.balanced.dataset
    kept = {"balance": as_json(plan.balance), "dataset": {"hash": dataset_hash(merged)}, "seeds": {"seed": 0}}
    shutil.rmtree(merged.root)
    found = same_dataset(plan.request.data, kept, tmp_path / "runs" / "a")
    assert found == plan.balanced.data
    assert found.is_file()


def test_a_dataset_that_has_moved_may_be_named_by_its_folder(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path))
    kept = {"balance": as_json(plan.balance), "dataset": {"hash": dataset_hash(plan.balanced.dataset)}}
    found = same_dataset(plan.request.data.parent, kept | {"seeds": {"seed": 0}}, tmp_path / "runs" / "a")
    assert found == plan.request.data


def test_what_is_no_run_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"it has no record\.json"):
        resume(tmp_path)


def test_a_broken_record_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{")
    with pytest.raises(SourceError, match=r"record\.json: not readable"):
        resume(tmp_path)


def test_a_resumed_training_keeps_its_settings(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keeps its settings, so lr0 cannot change; only batch, device"):
        resume(_stopped(tmp_path), changes={"lr0": 0.1, "batch": 2})


def test_a_run_is_found_by_folder_or_name(tmp_path: Path) -> None:
    run = _stopped(tmp_path)
    assert find_run("b", tmp_path / "runs") == find_run(str(run), Path("runs")) == run
    with pytest.raises(UsageError, match="--resume c: no such run"):
        find_run("c", tmp_path / "runs")


def test_a_record_is_replaced_whole(tmp_path: Path) -> None:
    run = _stopped(tmp_path)
    update_record(run, status="interrupted")
    assert json.loads((run / "record.json").read_text())["status"] == "interrupted"
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []
