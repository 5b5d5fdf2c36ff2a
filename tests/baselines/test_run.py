import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

from baselines.conftest import bright_dataset, quick_request
from baselines.made_presence import presence_dataset
from make_training import is_held
from seepseg.baselines import training
from seepseg.baselines.catalogue import CATALOGUE
from seepseg.baselines.plan import plan_baseline
from seepseg.baselines.run import execute, resume_baseline, train_baseline
from seepseg.baselines.training import rate_at
from seepseg.baselines.weights import read_weights
from seepseg.cli import main
from seepseg.errors import DatasetError, SourceError, UsageError
from seepseg.predict.engine import open_model
from seepseg.train.record import read_record, update_record

RESUMED = ("unet-pets", "mobilenetv4-small", "maskrcnn-resnet18", "maskrcnn-resnet50", "unet-convlstm")
"""Shown to go on in every run of the tests, and the larger Mask R-CNN by the smaller."""


def rows_of(run):
    with (run / "results.csv").open() as lines:
        return list(csv.DictReader(lines))


def test_a_run_folder_holds_what_others_rely_on(trained):
    files = {path.relative_to(trained).as_posix() for path in trained.rglob("*") if path.is_file()}
    inside = {"weights/best.pt", "weights/last.pt", "args.yaml", "results.csv", "record.json", "input.json"}
    assert files == inside | {"thresholds.json"}


def test_the_record_is_like_that_of_yolo_and_names_the_network(trained):
    record = read_record(trained)
    assert (record["status"], record["baseline"], record["loss"]) == ("finished", "unet-pets", "mix")
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2, 3]
    assert record["class_weights"] == [1.0, 2.0]
    assert record["start"]["from"] == "scratch"
    assert record["parameters"] == 2_158_739
    assert {"torch", "timm", "segmentation-models-pytorch"} <= set(record["versions"])
    assert str(trained.parent.parent) not in (trained / "record.json").read_text()


def test_results_have_a_row_an_epoch_with_losses_and_miou(trained):
    rows = rows_of(trained)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert {"time", "train/mask_loss", "val/mask_loss", "metrics/mIoU"} <= set(rows[0])
    assert float(rows[-1]["train/mask_loss"]) < float(rows[0]["train/mask_loss"])
    assert float(rows[0]["lr/pg0"]) > float(rows[1]["lr/pg0"]) > float(rows[2]["lr/pg0"])


def test_the_best_epoch_is_that_of_the_highest_miou(trained):
    best = max(float(row["metrics/mIoU"]) for row in rows_of(trained))
    assert read_record(trained)["metrics"]["metrics/mIoU"] == pytest.approx(best, rel=1e-4)


def test_prediction_finds_model_thresholds_and_input(trained):
    model = open_model(trained, device="cpu")
    assert (model.task, model.names, model.imgsz, model.input.tile) == ("semantic", ("oil", "ship"), 32, 32)
    assert model.thresholds is not None


def test_last_weights_of_a_finished_run_are_as_small_as_the_best(trained):
    best, last = (read_weights(trained / "weights" / name)[1] for name in ("best.pt", "last.pt"))
    assert set(best) == set(last)


def stop_after(monkeypatch, epochs):
    whole = training.train_epoch

    def stop(state, job, settings):
        if state.epoch == epochs:
            raise KeyboardInterrupt
        return whole(state, job, settings)

    monkeypatch.setattr(training, "train_epoch", stop)


def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(trained, tmp_path, monkeypatch, capsys):
    request = quick_request(tmp_path, name="b", balance={"weights": "ship=2", "repeat": 0.9})
    with monkeypatch.context() as patched:
        stop_after(patched, 2)
        with pytest.raises(KeyboardInterrupt):
            train_baseline(request, "unet-pets", "mix")
    run = tmp_path / "runs" / "b"
    assert read_record(run)["status"] == "interrupted"
    assert f"go on with: seepseg train --resume {run}" in capsys.readouterr().err
    assert main(["train", "--resume", str(run)]) == 0
    ours, theirs = (read_weights(one / "weights" / "last.pt")[1]["state"] for one in (run, trained))
    assert all(ours[key].equal(theirs[key]) for key in theirs)
    figures = [[{**row, "time": ""} for row in rows_of(one)] for one in (run, trained)]
    assert figures[0] == figures[1]
    assert [one["epoch"] for one in read_record(run)["resumed"]] == [3]


def test_no_other_process_trains_where_one_begins_or_goes_on(tmp_path, monkeypatch):
    held = []

    def stop(state, job, settings):
        held.append(is_held(tmp_path / "runs" / "b"))
        if len(held) > 1:
            raise KeyboardInterrupt
        return whole(state, job, settings)

    whole = training.train_epoch
    monkeypatch.setattr(training, "train_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        train_baseline(quick_request(tmp_path, name="b"), "unet-pets", "mix")
    with pytest.raises(KeyboardInterrupt):
        resume_baseline(tmp_path / "runs" / "b")
    assert held == [True, True, True]


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in RESUMED])
def test_any_network_goes_on_as_if_it_had_not_been_stopped(tmp_path, monkeypatch, name):
    write = presence_dataset if CATALOGUE[name].kind == "classify" else bright_dataset
    asked = {"data": write(tmp_path / "data", size=64), "settings": {"imgsz": 64, "epochs": 2}}
    whole = train_baseline(quick_request(tmp_path, name="a", **asked), name, "mix")
    with monkeypatch.context() as patched:
        stop_after(patched, 1)
        with pytest.raises(KeyboardInterrupt):
            train_baseline(quick_request(tmp_path, name="b", **asked), name, "mix")
    stopped = whole.with_name("b")
    resume_baseline(stopped)
    ours, theirs = (read_weights(one / "weights" / "last.pt")[1]["state"] for one in (stopped, whole))
    assert all(ours[key].equal(theirs[key]) for key in theirs)
    shutil.rmtree(whole.parent)  # a gigabyte of some


def test_a_run_that_was_stopped_while_tidying_up_is_closed(tmp_path, monkeypatch):
    def stop(run):
        raise KeyboardInterrupt

    request = quick_request(tmp_path, name="b", settings={"epochs": 1, "plots": True})
    with monkeypatch.context() as patched:
        patched.setattr("seepseg.baselines.run._plot", stop)
        with pytest.raises(KeyboardInterrupt):
            train_baseline(request, "unet-pets", "mix")
    run = tmp_path / "runs" / "b"
    assert read_record(run)["status"] == "interrupted"
    record = resume_baseline(run, changes={"plots": False})
    assert (record["status"], len(record["epochs"])) == ("finished", 1)


def test_a_name_that_another_training_took_meanwhile_is_left_to_it(tmp_path):
    plan = plan_baseline(quick_request(tmp_path, settings={"epochs": 1}), "unet-pets", "mix")
    plan.run.mkdir(parents=True)
    assert execute(plan) == tmp_path / "runs" / "train2"
    assert not list(plan.run.iterdir())


def test_a_run_without_an_epoch_has_nothing_to_go_on_from(tmp_path, monkeypatch):
    stop_after(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        train_baseline(quick_request(tmp_path, name="b"), "unet-pets", "mix")
    with pytest.raises(SourceError, match="stopped before its first epoch"):
        resume_baseline(tmp_path / "runs" / "b")


def test_a_finished_run_is_not_resumed(trained):
    with pytest.raises(UsageError, match="is finished; train on from its weights with --weights"):
        resume_baseline(trained)


def test_a_dataset_that_changed_is_not_trained_on(trained, tmp_path):
    update_record(trained, status="interrupted")
    try:
        with pytest.raises(DatasetError, match="images or labels have changed"):
            resume_baseline(trained, data=bright_dataset(tmp_path / "other", count=7))
        with pytest.raises(SourceError, match="does not say how to go on"):
            resume_baseline(trained)
    finally:
        update_record(trained, status="finished")


@pytest.mark.slow
def test_one_class_trains_with_one_channel(tmp_path):
    data = bright_dataset(tmp_path / "data", names=("oil",))
    settings = {"epochs": 1, "workers": 2, "plots": True}
    run = train_baseline(quick_request(tmp_path, data=data, name="a", settings=settings), "unet-pets", "iou")
    assert read_weights(run / "weights" / "best.pt")[1]["state"]["network.head.weight"].shape[0] == 1
    assert open_model(run, device="cpu").background is None
    assert (run / "results.png").stat().st_size > 1000


def test_a_loss_that_is_no_number_ends_with_a_sentence_and_in_the_record(tmp_path, monkeypatch):
    request = quick_request(tmp_path, name="a", settings={"lr0": 1e9, "warmup_epochs": 0.0})
    with pytest.raises(UsageError, match="infinite or not a number in epoch"):
        train_baseline(request, "unet-pets", "ce")
    assert read_record(tmp_path / "runs" / "a")["status"] == "failed"


def test_a_file_that_cannot_be_read_ends_with_a_sentence_of_ours(tmp_path, monkeypatch):
    def fail(state, job, settings):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(training, "train_epoch", fail)
    with pytest.raises(UsageError, match=r"the training gave up: .*Input/output error; no epoch was finished"):
        train_baseline(quick_request(tmp_path, name="a"), "unet-pets", "mix")


def test_the_rate_rises_then_falls_to_its_last_share():
    settings = {"epochs": 10, "warmup_epochs": 1.0, "lr0": 1.0, "lrf": 0.1}
    rates = [rate_at(step, 10, settings) for step in range(101)]
    assert rates[0] < rates[5] < rates[10]
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)


@pytest.mark.parametrize("asked", [True, False])
def test_only_what_has_one_result_is_computed_with_where_asked(tmp_path, monkeypatch, asked):
    seen = []
    whole = training.train_epoch

    def look(state, job, settings):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return whole(state, job, settings)

    monkeypatch.setattr(training, "train_epoch", look)
    settings = {"epochs": 1, "deterministic": asked}
    train_baseline(quick_request(tmp_path, name="a", settings=settings), "unet-pets", "mix")
    assert (seen, torch.are_deterministic_algorithms_enabled()) == ([asked], False)


def test_patience_ends_a_training_that_gets_no_better(tmp_path, capsys):
    settings = {"lr0": 1e-12, "epochs": 9, "patience": 2}
    run = train_baseline(quick_request(tmp_path, name="a", settings=settings), "unet-pets", "mix")
    assert len(rows_of(run)) <= 5
    assert "no better epoch in 2" in capsys.readouterr().out


@pytest.mark.slow
def test_by_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = bright_dataset(Path("data"))
    (tmp_path / "p.yaml").write_text("epochs: 1\nmosaic: 0.5\nmodel: yolo11n-seg.pt\n")
    words = ["--baseline", "unet-pets", "--loss", "ce", "--name", "a", "--config", "p.yaml", "imgsz=32", "batch=4"]
    assert main(["train", str(data), *words, "plots=False", "workers=0", "device=cpu"]) == 0
    shown = capsys.readouterr().out
    assert "note: a baseline has no use for these of the preset: mosaic, model" in shown
    assert "next: seepseg eval runs/a data/data.yaml" in shown
    assert main(["eval", "runs/a", str(data), "--split", "val", "--out", "out"]) == 0
    assert json.loads(Path("out/metrics.json").read_text())["pixels"]["miou"] is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--baseline", "unet"], "--baseline unet: no such network"),
        (["--loss", "ce"], "--loss is of --baseline"),
        (["--baseline", "unet-pets", "--stages", "head:1@1e-3"], "--stages is of YOLO"),
        (["--baseline", "unet-pets", "model=yolov8n-seg.yaml"], "model=yolov8n-seg.yaml: a baseline has no such"),
        (["--baseline", "unet-pets", "epoch=3"], "did you mean epochs"),
    ],
)
def test_a_users_mistake_is_a_sentence(tmp_path, capsys, words, said):
    assert main(["train", str(bright_dataset(tmp_path / "data")), *words]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_a_dry_run_trains_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = str(bright_dataset(tmp_path / "data"))
    assert main(["train", data, "--baseline", "unet-pets", "--weights", "scratch", "--dry-run", "epochs=3"]) == 0
    assert "starting unet-pets from random weights, as asked" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()
