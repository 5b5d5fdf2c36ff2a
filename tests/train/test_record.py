import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seepseg.errors import MissingExtra, OutputError, UsageError
from seepseg.train import record
from seepseg.train.record import (
    add_resumption,
    attach,
    closing,
    leaving_word,
    portable,
    read_record,
    update_record,
    write_json,
)


class Model:
    """Collects callbacks as an Ultralytics model does."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}

    def add_callback(self, event: str, callback: Any) -> None:
        self.callbacks[event] = callback


def trainer_in(run: Path, *, resume: bool = False) -> Any:
    run.mkdir(parents=True, exist_ok=True)
    args = SimpleNamespace(seed=3, deterministic=True, epochs=2, data=str(run / "data.yaml"), batch=4)
    loader = SimpleNamespace(dataset=range(8))
    device = SimpleNamespace(type="cpu")
    model = SimpleNamespace(parameters=lambda: [SimpleNamespace(numel=lambda: 4), SimpleNamespace(numel=lambda: 3)])
    of_training = {"epoch": 0, "start_epoch": 0, "train_loader": loader, "device": device, "metrics": {}}
    return SimpleNamespace(save_dir=run, args=args, resume=resume, model=model, **of_training)


def play(model: Model, trainer: Any, epochs: list[int]) -> None:
    model.callbacks["on_pretrain_routine_start"](trainer)
    model.callbacks["on_train_start"](trainer)
    for trainer.epoch in epochs:
        model.callbacks["on_train_epoch_start"](trainer)
        model.callbacks["on_train_epoch_end"](trainer)
        model.callbacks["on_fit_epoch_end"](trainer)


def test_a_run_says_running_until_its_end(tmp_path: Path) -> None:
    model, trainer = Model(), trainer_in(tmp_path / "a")
    attach(model, {"task": "segment"}, {"imgsz": 32})
    play(model, trainer, [0, 1])
    assert read_record(tmp_path / "a")["status"] == "running"
    trainer.metrics = {"metrics/mAP50(M)": 0.25}
    model.callbacks["on_train_end"](trainer)
    kept = read_record(tmp_path / "a")
    assert (kept["status"], kept["metrics"], kept["task"]) == ("finished", {"metrics/mAP50(M)": 0.25}, "segment")
    assert kept["parameters"] == 7
    assert json.loads((tmp_path / "a" / "input.json").read_text()) == {"imgsz": 32}


def test_the_final_validation_is_no_epoch(tmp_path: Path) -> None:
    model, trainer = Model(), trainer_in(tmp_path / "a")
    attach(model, {}, {})
    play(model, trainer, [0, 1])
    trainer.epoch = 2
    model.callbacks["on_fit_epoch_end"](trainer)
    assert [one["epoch"] for one in read_record(tmp_path / "a")["epochs"]] == [1, 2]


def test_a_resumed_run_keeps_its_first_words_and_drops_epochs_that_come_again(tmp_path: Path) -> None:
    model = Model()
    attach(model, {"task": "segment"}, {"imgsz": 32})
    play(model, trainer_in(tmp_path / "a"), [0, 1])
    again, trainer = Model(), trainer_in(tmp_path / "a", resume=True)
    trainer.start_epoch = 1
    attach(again, {}, {})
    play(again, trainer, [1, 2])
    kept = read_record(tmp_path / "a")
    assert kept["task"] == "segment"
    assert [one["epoch"] for one in kept["resumed"]] == [2]
    assert [one["epoch"] for one in kept["epochs"]] == [1, 2, 3]


def test_callbacks_reach_the_workers_of_several_gpus(tmp_path: Path) -> None:
    import cloudpickle

    model, copied = Model(), Model()
    attach(model, {"task": "segment"}, {"imgsz": 32})
    copied.callbacks = cloudpickle.loads(cloudpickle.dumps(model.callbacks))
    play(copied, trainer_in(tmp_path / "a"), [0])
    assert len(read_record(tmp_path / "a")["epochs"]) == 1


def test_on_several_gpus_the_first_worker_alone_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, trainer = Model(), trainer_in(tmp_path / "a")
    attach(model, {}, {})
    play(model, trainer, [0])
    before = read_record(tmp_path / "a")
    monkeypatch.setenv("RANK", "1")
    trainer.args.batch, trainer.epoch = 2, 1
    for event in ("on_train_start", "on_train_epoch_start", "on_train_epoch_end", "on_fit_epoch_end"):
        model.callbacks[event](trainer)
    assert read_record(tmp_path / "a") == before


def test_a_batch_that_ultralytics_halved_stands_in_the_record(tmp_path: Path) -> None:
    model, trainer = Model(), trainer_in(tmp_path / "a")
    attach(model, {}, {})
    play(model, trainer, [])
    assert read_record(tmp_path / "a")["settings"]["batch"] == 4
    trainer.args.batch = 2
    for event in ("on_train_epoch_start", "on_train_epoch_end", "on_fit_epoch_end"):
        model.callbacks[event](trainer)
    assert read_record(tmp_path / "a")["settings"]["batch"] == 2


def test_no_folder_of_this_machine_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"data": str(tmp_path / "sets" / "data.yaml"), "model": "/elsewhere/best.pt", "epochs": 3, "cfg": None}
    assert portable(settings) == {"data": "sets/data.yaml", "model": "best.pt", "epochs": 3, "cfg": None}


def test_ctrl_c_is_written_down_with_the_way_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "record.json", {"status": "running"})
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "last.pt").touch()
    with pytest.raises(KeyboardInterrupt), closing(tmp_path):
        raise KeyboardInterrupt
    assert read_record(tmp_path)["status"] == "interrupted"
    assert f"seepseg train --resume {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        UsageError("does not fit into memory"),
        RuntimeError("does not fit into memory"),
        MissingExtra("does not fit into memory", "x", "y"),
        subprocess.CalledProcessError(1, "does not fit into memory"),
        PermissionError("does not fit into memory"),
    ],
)
def test_a_failure_is_written_down_and_told(tmp_path: Path, error: Exception) -> None:
    write_json(tmp_path / "record.json", {"status": "running"})
    told = type(error) if isinstance(error, UsageError | MissingExtra) else UsageError
    with pytest.raises(told, match=r"does not fit into memory.*no epoch was finished"), closing(tmp_path):
        raise error
    assert read_record(tmp_path)["status"] == "failed"
    assert "does not fit into memory" in read_record(tmp_path)["failure"]


WORKERS = ["python", "-m", "torch.distributed.run", "--nproc_per_node", "2", "/elsewhere/_temp_7.py"]


def fail_on_several_gpus(run: Path, words: tuple[str, ...]) -> None:
    """As Ultralytics' launcher does after its processes, which end with these words."""
    for word in words:
        with pytest.raises(UsageError, match=word), leaving_word(run):
            raise UsageError(word)
    raise subprocess.CalledProcessError(1, WORKERS)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("batch=64 does not fit", "the other one is gone"), "batch=64 does not fit"), ((), "what it said stands above")],
)
def test_what_ended_a_process_on_one_of_several_gpus_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    write_json(tmp_path / "record.json", {"status": "running"})
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(UsageError, match=f"several GPUs failed: {said}; no epoch") as caught, closing(tmp_path):
        fail_on_several_gpus(tmp_path, words)
    assert "_temp_7" not in str(caught.value) + (tmp_path / "record.json").read_text()
    assert said in read_record(tmp_path)["failure"]
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def test_a_single_process_leaves_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(UsageError), leaving_word(tmp_path):
        raise UsageError("does not fit")
    assert not list(tmp_path.iterdir())


def test_a_run_that_goes_on_has_not_failed_any_more(tmp_path: Path) -> None:
    write_json(tmp_path / "record.json", {"status": "running", "failure": "no memory", "resumed": [], "epochs": []})
    add_resumption(tmp_path, 3)
    assert read_record(tmp_path)["failure"] is None


def test_a_full_disk_is_told_though_it_takes_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path / "record.json", {"status": "running"})

    def fail(*names: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(record.os, "replace", fail)
    with pytest.raises(OutputError, match="the disk is full; free some space; no epoch"), closing(tmp_path):
        raise OutputError("the disk is full; free some space")


def test_a_fault_of_our_own_is_not_dressed_up_and_ends_the_run(tmp_path: Path) -> None:
    write_json(tmp_path / "record.json", {"status": "running"})
    with pytest.raises(KeyError), closing(tmp_path):
        raise KeyError("oops")
    assert read_record(tmp_path)["status"] == "failed"


def test_nothing_is_written_where_no_record_is(tmp_path: Path) -> None:
    update_record(tmp_path, status="failed")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_write_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path / "record.json", {"status": "running"})

    def fail(*names: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(record.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        update_record(tmp_path, status="finished")
    assert read_record(tmp_path)["status"] == "running"
