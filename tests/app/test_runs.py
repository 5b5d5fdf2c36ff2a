import json
import os
import time
from pathlib import Path

import pytest

from seepseg.app.runs import describe, find_runs, read_curves, read_run

HEAD = "epoch,time,train/seg_loss,val/seg_loss,metrics/mAP50-95(M)"


def write_run(
    root: Path,
    name: str,
    *,
    done: int = 2,
    epochs: int = 10,
    age_s: float = 0,
    seconds: float = 60,
    **record: object,
) -> Path:
    run = root / name
    (run / "weights").mkdir(parents=True)
    rows = [f"{number},{number * seconds},{3 / number},{4 / number},{number / 100}" for number in range(1, done + 1)]
    (run / "results.csv").write_text("\n".join([HEAD, *rows]) + "\n")
    (run / "args.yaml").write_text(f"epochs: {epochs}\n")
    if record:
        (run / "record.json").write_text(json.dumps(record))
    for file in run.iterdir():
        os.utime(file, (time.time() - age_s,) * 2)
    return run


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"done": 2}, "running"),
        ({"done": 10}, "finished"),
        ({"done": 2, "age_s": 3600}, "stopped"),
        ({"done": 2, "age_s": 3600, "seconds": 2000}, "running"),
        ({"status": "running"}, "running"),
        ({"status": "running", "age_s": 3600}, "stopped"),
        ({"status": "finished", "done": 4}, "finished"),
        ({"status": "interrupted"}, "stopped"),
        ({"status": "failed", "failure": "no memory"}, "failed"),
    ],
)
def test_the_state_of_a_run_is_told_by_its_record_or_else_by_its_curves(
    tmp_path: Path, facts: dict[str, object], status: str
) -> None:
    run = write_run(tmp_path, "seep", **facts)  # type: ignore[arg-type]
    assert read_run(run, tmp_path).status == status


def test_runs_under_way_come_first_then_the_newest(tmp_path: Path) -> None:
    write_run(tmp_path, "old", done=10, age_s=9000)
    write_run(tmp_path, "new", done=10, age_s=100)
    write_run(tmp_path, "ablation/live", age_s=200)
    assert [run.name for run in find_runs(tmp_path)] == ["ablation/live", "new", "old"]


def test_evaluations_are_found_in_the_run_and_below_it(tmp_path: Path) -> None:
    run = write_run(tmp_path, "seep")
    (run / "test").mkdir()
    (run / "metrics.json").touch()
    (run / "test/metrics.json").touch()
    assert list(read_run(run, tmp_path).evaluations.items()) == [("of the run", run), ("test", run / "test")]


def test_a_folder_with_figures_alone_is_an_evaluation(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/metrics.json").touch()
    assert [run.status for run in find_runs(tmp_path)] == ["evaluation"]


def test_a_line_that_is_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    run = write_run(tmp_path, "seep", done=2)
    with (run / "results.csv").open("a") as file:
        file.write("3,180,1.0")
    assert read_curves(run)["epoch"] == [1, 2]
    assert read_run(run, tmp_path).done == 2


def test_a_loss_that_is_no_number_leaves_a_gap(tmp_path: Path) -> None:
    run = write_run(tmp_path, "seep", done=0)
    (run / "results.csv").write_text(f"{HEAD}\n1,60,nan,2,inf\n")
    assert read_curves(run)["train/seg_loss"] == [None]


def test_files_that_are_not_what_they_should_be_do_no_harm(tmp_path: Path) -> None:
    run = write_run(tmp_path, "seep", done=1)
    (run / "record.json").write_text("[1")
    (run / "args.yaml").write_text("a: [")
    (run / "results.csv").write_bytes(b"\xff\x00")
    assert read_run(run, tmp_path).epochs is None


def test_a_run_is_described_in_a_sentence(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, "seep"), tmp_path)
    assert describe(run, run.changed + 200) == "Under way: 2 of 10 epochs, the last 3 minutes ago."
    begun = read_run(write_run(tmp_path, "new", done=1, epochs=1), tmp_path)
    assert describe(begun, begun.changed) == "Finished after 1 of 1 epoch, just now."
    failed = read_run(write_run(tmp_path, "bad", status="failed", failure="No memory."), tmp_path)
    assert describe(failed, failed.changed) == "Failed after 2 of 10 epochs, just now. No memory."
