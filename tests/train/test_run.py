import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from make_training import QUICK, tiny_dataset, tiny_request
from seepseg.dataset.layout import read_dataset
from seepseg.errors import OutputError, UsageError
from seepseg.train.plan import Request, plan_run
from seepseg.train.record import read_record
from seepseg.train.resume import trained_on
from seepseg.train.run import claim_place, execute, leave_thresholds, open_model, train

# torch and Ultralytics warn of what they do inside.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


BALANCE = {"weights": "sqrt", "positives": True, "repeat": 0.9, "mask_loss": "dice", "focal": 1.5}


@pytest.fixture(scope="module")
def weighted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every switch that changes the loss, and repeats."""
    folder = tmp_path_factory.mktemp("weighted")
    return train(tiny_request(folder, name="a", balance=BALANCE, settings={"plots": True, "epochs": 2}))


def weights_of(run: Path) -> str:
    """A hash of the tensors; the file itself holds dates."""
    model = open_model(str(run / "weights" / "last.pt"), "segment").model
    tensors = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    return hashlib.sha256(tensors).hexdigest()


def test_a_run_folder_holds_what_others_rely_on(weighted: Path) -> None:
    files = {path.relative_to(weighted).as_posix() for path in weighted.rglob("*")}
    assert {"weights/best.pt", "weights/last.pt", "args.yaml", "results.csv", "record.json", "input.json"} <= files
    assert "thresholds.json" in files
    assert {"results.png", "labels.jpg", "confusion_matrix.png", "MaskPR_curve.png", "train_batch0.jpg"} <= files


def test_a_run_of_any_name_lies_where_it_was_asked_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = train(tiny_request(tmp_path, name="model", settings={"epochs": 1, "freeze": 2}))
    assert run == tmp_path / "runs" / "model"
    assert (run / "weights" / "best.pt").is_file()
    assert sorted(path.name for path in run.parent.iterdir()) == ["model"]
    assert "Freezing layer" not in capfd.readouterr().out


def test_a_stop_while_thresholds_are_chosen_says_what_chooses_them(
    weighted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*words: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seepseg.evaluate.run.choose_run_thresholds", stop)
    with pytest.raises(KeyboardInterrupt):
        leave_thresholds(weighted, Path("sets/data.yaml"))
    assert f"seepseg eval {weighted} sets/data.yaml --split val" in capsys.readouterr().err


def test_the_record_says_what_was_done(weighted: Path) -> None:
    record = read_record(weighted)
    assert record["status"] == "finished"
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2]
    assert all(epoch["seconds"] > 0 and epoch["images_per_s"] > 0 for epoch in record["epochs"])
    assert record["seeds"] == {"seed": 0, "deterministic": True}
    assert {"python", "torch", "ultralytics", "seepseg"} <= set(record["versions"])
    assert record["hardware"]["cores"] > 0
    assert record["parameters"] == sum(
        one.numel() for one in open_model(str(weighted / "weights/last.pt"), "segment").model.parameters()
    )
    assert record["start"]["from"] == "scratch"
    assert "metrics/mAP50-95(M)" in record["metrics"]
    assert (record["settings"]["epochs"], record["settings"]["optimizer"]) == (2, "AdamW")


def test_the_record_names_no_folder_of_this_machine(weighted: Path) -> None:
    assert str(weighted.parent.parent) not in (weighted / "record.json").read_text()


def test_the_table_of_the_record_counts_what_an_epoch_shows(weighted: Path) -> None:
    oil, ship = read_record(weighted)["classes"]
    assert (oil["instances"], ship["instances"]) == (8, 3)
    listed = (weighted.parent.parent / "data" / "train.repeat.txt").read_text().split()
    assert oil["instances_per_epoch"] == len(listed) > 8
    assert ship["instances_per_epoch"] == sum(name.endswith(("0.png", "3.png", "6.png")) for name in listed)


def test_ultralytics_trains_on_the_repeated_list(weighted: Path) -> None:
    arguments = yaml.safe_load((weighted / "args.yaml").read_text())
    assert Path(arguments["data"]).name == "data.repeat.yaml"
    assert "cls_pw" not in arguments or not arguments["cls_pw"]


def test_input_json_says_how_pictures_were_made(weighted: Path) -> None:
    assert json.loads((weighted / "input.json").read_text()) == {
        "task": "segment",
        "names": ["oil", "ship"],
        "imgsz": 32,
        "scale": None,
        "bands": None,
        "metres_per_pixel": None,
        "tile": 32,
    }


def test_the_same_seed_gives_the_same_weights(weighted: Path, tmp_path: Path) -> None:
    again = train(tiny_request(tmp_path, balance=BALANCE, settings={"epochs": 2}))
    assert weights_of(again) == weights_of(weighted)


def test_the_semantic_task_trains_on_the_same_labels(tmp_path: Path) -> None:
    settings = {"task": "semantic", "imgsz": 64}
    run = train(tiny_request(tmp_path, settings=settings, best="miou"))
    assert json.loads((run / "input.json").read_text())["task"] == "semantic"
    assert "metrics/mIoU" in read_record(run)["metrics"]


def test_one_class_of_all_is_trained_from_a_dataset_beside(tmp_path: Path) -> None:
    run = train(tiny_request(tmp_path, settings={"single_cls": True}))
    record: dict[str, Any] = read_record(run)
    assert [(row["class"], row["instances"]) for row in record["classes"]] == [("item", 11)]
    assert json.loads((run / "input.json").read_text())["names"] == ["item"]
    assert (run / "thresholds.json").exists()
    assert read_dataset(trained_on(run, tmp_path / "data" / "data.yaml")).names == ("item",)


def test_a_folder_taken_since_the_plan_was_made_stays_the_others(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path))
    plan.run.mkdir(parents=True)
    run = execute(plan)
    assert (plan.run.name, run.name) == ("train", "train2")
    assert list(plan.run.iterdir()) == []
    assert read_record(run)["status"] == "finished"


def test_of_two_trainings_under_one_name_the_second_is_told(tmp_path: Path) -> None:
    request = Request(tmp_path, project=tmp_path / "runs", name="a")
    assert claim_place(tmp_path / "runs" / "a", request) == tmp_path / "runs" / "a"
    with pytest.raises(OutputError, match="already there; give another --name"):
        claim_place(tmp_path / "runs" / "a", request)


def test_a_project_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(OutputError, match="runs/a: cannot be made: Not a directory; give another --project"):
        claim_place(tmp_path / "runs" / "a", Request(tmp_path, project=tmp_path / "runs", name="a"))


def test_what_ultralytics_cannot_do_is_a_sentence_and_in_the_record(tmp_path: Path) -> None:
    data = tiny_dataset(tmp_path / "data", train=5) / "data.yaml"
    request = Request(data, {**QUICK, "batch": 4}, weights="scratch", project=tmp_path / "runs")
    with pytest.raises(UsageError, match=r"BatchNorm.*no epoch was finished"):
        train(request)
    record = read_record(tmp_path / "runs" / "train")
    assert record["status"] == "failed"
    assert "BatchNorm" in record["failure"]


def test_where_tensorboard_is_installed_it_has_the_curves(tmp_path: Path) -> None:
    data = tiny_dataset(tmp_path / "data") / "data.yaml"
    settings = [f"{key}={value}" for key, value in {**QUICK, "epochs": 2}.items()]
    command = [sys.executable, "-m", "seepseg", "train", str(data), "--weights", "scratch", "--name", "a", *settings]
    beyond_tests = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    subprocess.run(command, cwd=tmp_path, env=beyond_tests, check=True, capture_output=True)
    events = EventAccumulator(str(tmp_path / "runs" / "a"))
    events.Reload()
    with (tmp_path / "runs" / "a" / "results.csv").open() as rows:
        epochs = list(csv.DictReader(rows))
    drawn = events.Scalars("train/seg_loss")
    assert [one.step for one in drawn] == [1, 2]
    assert [one.value for one in drawn] == pytest.approx([float(row["train/seg_loss"]) for row in epochs], rel=1e-4)
