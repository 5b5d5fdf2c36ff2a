"""Trainings of two epochs on a handful of tiles of 32 px, from scratch, on the CPU."""

import csv
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from make import ragged
from make_dataset import write_dataset
from seepseg import ultralytics_home
from seepseg.errors import OutputError, SeepsegError, UsageError
from seepseg.train import trainer as ours
from seepseg.train.losses import Loss
from seepseg.train.machine import core_count, use_every_core

RARE = Loss(class_weights=(1.0, 3.0), positives=True, focal=1.5, mask="dice")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)

    def tile(index: int) -> Any:
        return ragged(rng, 32, 32) * (1 + index % 2)

    splits = {split: {f"{split}{n}.png": tile(n) for n in range(count)} for split, count in (("train", 8), ("val", 4))}
    return write_dataset(tmp_path_factory.mktemp("tiles"), splits, imgsz=32) / "data.yaml"


def make(kind: type[Any], data: Path, run: Path, **settings: Any) -> Any:
    fixed = {"data": str(data), "model": "yolov8n-seg.yaml", "epochs": 2, "imgsz": 32, "batch": 4, "device": "cpu"}
    fixed |= {"workers": 0, "plots": False, "project": str(run.parent), "name": run.name, "optimizer": "AdamW"}
    return kind(overrides=fixed | settings)


def load(checkpoint: Path) -> Any:
    from ultralytics.utils.patches import torch_load

    return torch_load(checkpoint, map_location="cpu")


def sha256(checkpoint: Path) -> str:
    state = load(checkpoint)["model"].state_dict()
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in state.values())).hexdigest()


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every change of the loss; `first.pt` is last.pt as it lay there after the first epoch, and
    `threads.txt` how many threads computed."""
    run = tmp_path_factory.mktemp("runs") / "rare"
    trainer = make(ours.trainer_class("segment", RARE, best="val_loss"), data, run)
    keep = lambda it: it.epoch or shutil.copy(it.last, run / "first.pt")  # noqa: E731
    trainer.add_callback("on_model_save", keep)
    count = lambda _: (run / "threads.txt").write_text(str(torch.get_num_threads()))  # noqa: E731
    trainer.add_callback("on_train_batch_end", count)
    trainer.train()
    return run


def test_a_training_on_the_cpu_takes_as_many_threads_as_its_environment_says(trained: Path) -> None:
    assert (trained / "threads.txt").read_text() == os.environ["OMP_NUM_THREADS"]


def test_on_the_cpu_every_core_computes_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    before = torch.get_num_threads()
    use_every_core("cpu")
    counted = torch.get_num_threads()
    torch.set_num_threads(before)
    assert counted == core_count()


@pytest.mark.slow
def test_without_changes_the_weights_are_those_of_plain_ultralytics(trained: Path, data: Path, tmp_path: Path) -> None:
    from ultralytics.models.yolo.segment import SegmentationTrainer

    plain = make(SegmentationTrainer, data, tmp_path / "theirs")
    plain.add_callback("on_train_start", lambda _: torch.set_num_threads(1))
    plain.train()
    make(ours.trainer_class("segment", Loss()), data, tmp_path / "ours").train()
    theirs, mine = (sha256(tmp_path / name / "weights" / "last.pt") for name in ("theirs", "ours"))
    assert mine == theirs
    assert mine != sha256(trained / "weights" / "last.pt")


@pytest.mark.slow
def test_a_checkpoint_names_nothing_of_ours(trained: Path) -> None:
    for file in (trained / "first.pt", trained / "weights" / "last.pt", trained / "weights" / "best.pt"):
        needed = torch.serialization.get_unsafe_globals_in_checkpoint(file)
        assert any("ultralytics" in name for name in needed)
        assert not [name for name in needed if "seepseg" in name]


@pytest.fixture(scope="module")
def elsewhere(trained: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What another process says: first without this package, then as Ultralytics' worker on one of several GPUs."""
    from ultralytics.utils.dist import generate_ddp_file

    run = tmp_path_factory.mktemp("ddp") / "run"
    script = Path(generate_ddp_file(make(ours.trainer_class("segment", RARE, best="miou"), data, run)))
    try:
        prepared = script.read_text().replace("trainer.train()", "trainer._setup_train()")
        return run_python(
            "import sys; sys.modules['seepseg'] = None\n"
            "import numpy as np; from ultralytics import YOLO\n"
            f"model = YOLO({str(trained / 'weights' / 'best.pt')!r})\n"
            "print(len(model.predict(np.zeros((32, 32, 3), np.uint8), imgsz=32, device='cpu')), model.names)\n"
            f"del sys.modules['seepseg']\n{prepared}\n    one = trainer.model.criterion\n"
            "    print(trainer.loss_settings, trainer.best_by, one.bce, one.single_mask_loss.args)\n"
            "    import torch; print(one.bce(torch.zeros(1, 2), torch.ones(1, 2)).tolist())"
        )
    finally:
        script.unlink()
        script.with_suffix(".pt").unlink()


@pytest.mark.slow
def test_plain_ultralytics_predicts_with_the_weights_where_we_are_not_installed(elsewhere: str) -> None:
    assert "1 {0: 'oil', 1: 'ship'}" in elsewhere


@pytest.mark.slow
def test_the_best_epoch_is_the_one_of_the_chosen_figure(trained: Path) -> None:
    with (trained / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    totals = [sum(float(value) for key, value in row.items() if key.startswith("val/")) for row in rows]
    metrics = load(trained / "weights" / "best.pt")["train_metrics"]
    assert len(totals) == 2
    assert metrics["fitness"] == pytest.approx(-min(totals), abs=1e-3)


@pytest.mark.slow
def test_workers_on_several_gpus_get_the_same_loss(elsewhere: str) -> None:
    assert f"{RARE!r} miou" in elsewhere
    assert "('dice',)" in elsewhere
    weighted = [round(weight * np.log(2) / 2**1.5, 4) for weight in (1, 3)]
    assert np.round(json.loads(elsewhere.splitlines()[-1])[0], 4).tolist() == weighted


@pytest.mark.slow
def test_a_run_can_be_chosen_by_mean_iou(data: Path, tmp_path: Path) -> None:
    kind = ours.trainer_class("segment", Loss(class_weights=(1.0, 3.0)), best="miou")
    trainer = make(kind, data, tmp_path / "run", model="yolo26n-seg.yaml", epochs=1)
    trainer.train()
    assert trainer.model.criterion.one2many.class_weights.flatten().tolist() == [1.0, 3.0]
    assert trainer.model.criterion.one2one.class_weights.flatten().tolist() == [1.0, 3.0]
    with (tmp_path / "run" / "results.csv").open() as file:
        row = next(csv.DictReader(file))
    assert 0 < float(row["metrics/mIoU"]) <= 1
    assert trainer.fitness == pytest.approx(float(row["metrics/mIoU"]), abs=1e-5)


@pytest.mark.slow
def test_a_semantic_training_weighs_its_classes_and_goes_by_mean_iou(data: Path, tmp_path: Path) -> None:
    kind = ours.trainer_class("semantic", Loss(class_weights=(1.0, 3.0)))
    trainer = make(kind, data, tmp_path / "run", model="yolo26n-sem.yaml", epochs=1)
    trainer.train()
    assert trainer.model.criterion.ce.weight.tolist() == [1.0, 3.0, 1.0]
    assert trainer.fitness == pytest.approx(load(trainer.last)["train_metrics"]["metrics/mIoU"], abs=1e-5)


@pytest.mark.slow
def test_weights_that_are_no_numbers_after_the_first_epoch_end_the_training(data: Path, tmp_path: Path) -> None:
    trainer = make(ours.trainer_class("segment", Loss()), data, tmp_path / "run")

    def spoil(trainer: Any) -> None:
        next(trainer.model.parameters()).data.fill_(float("nan"))

    trainer.add_callback("on_train_batch_end", spoil)
    with pytest.raises(UsageError, match=r"not a number in epoch 1; lower the learning rate .* \(amp=False\)"):
        trainer.train()


def test_nan_that_ultralytics_cannot_recover_from_is_a_sentence() -> None:
    trainer = object.__new__(ours.trainer_class("segment", Loss()))
    trainer.__dict__ |= {
        "loss": torch.tensor(np.nan),
        "fitness": None,
        "start_epoch": 0,
        "last": Path("missing/last.pt"),
    }
    with pytest.raises(UsageError, match="in epoch 5, and returning to the last checkpoint did not help"):
        trainer._handle_nan_recovery(4)


def writer(run: Path) -> SimpleNamespace:
    """As much of a trainer as writing checkpoints needs, with an epoch's files in place."""
    weights = run / "weights"
    weights.mkdir()
    for name in ("last.pt", "best.pt"):
        (weights / name).write_text("whole")
    average = SimpleNamespace(ema=SimpleNamespace(criterion=len))
    return SimpleNamespace(save_dir=run, wdir=weights, last=weights / "last.pt", best=weights / "best.pt", ema=average)


def test_a_checkpoint_that_breaks_off_leaves_the_one_before(tmp_path: Path) -> None:
    trainer = writer(tmp_path)
    before = dict(vars(trainer))
    with pytest.raises(OSError, match="full"), ours.whole_files(trainer):  # noqa: PT012
        trainer.wdir.mkdir()
        trainer.last.write_text("ha")
        raise OSError(errno.ENOSPC, "full")
    assert (tmp_path / "weights" / "last.pt").read_text() == "whole"
    assert [file.name for file in tmp_path.iterdir()] == ["weights"]
    assert vars(trainer) == before
    assert trainer.ema.ema.criterion is len


def test_checkpoints_take_their_places_once_all_are_written(tmp_path: Path) -> None:
    trainer = writer(tmp_path)
    with ours.whole_files(trainer):
        trainer.wdir.mkdir()
        for file in (trainer.last, trainer.best, trainer.wdir / "epoch3.pt"):
            file.write_text("new")
        assert trainer.ema.ema.criterion is None
        assert (tmp_path / "weights" / "last.pt").read_text() == "whole"
    assert {file.name: file.read_text() for file in (tmp_path / "weights").iterdir()} == {
        "last.pt": "new",
        "best.pt": "new",
        "epoch3.pt": "new",
    }


def test_stripping_that_breaks_off_leaves_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ultralytics_home.prepare()
    from ultralytics.engine import trainer as engine

    def strip(file: Path, to: str, updates: Any) -> None:
        Path(to).write_text("ha")
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr(engine, "strip_optimizer", strip)
    file = tmp_path / "last.pt"
    file.write_text("whole")
    with pytest.raises(RuntimeError, match="failed"), ours.whole_strips():
        engine.strip_optimizer(file)
    assert engine.strip_optimizer is strip
    assert file.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left"), OutputError, "the disk is full; free some space"),
        (RuntimeError("PytorchStreamWriter failed writing file"), OutputError, "the disk is full"),
        (
            RuntimeError("CUDA out of memory. Tried to"),
            UsageError,
            "batch=16 at imgsz=640 .*; try batch=8 or a smaller",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), UsageError, "try batch=8"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), UsageError, "try batch=8"),
        (RuntimeError("unable to write to file </torch_7_9>: No space left on device (28)"), UsageError, "workers=0"),
        (RuntimeError("dataloader's workers are out of shared memory. Please"), UsageError, "--shm-size"),
        (MemoryError(), UsageError, "try batch=8"),
    ],
)
def test_what_ran_out_is_said_with_the_way_out(
    error: BaseException, kind: type[SeepsegError], sentence: str, tmp_path: Path
) -> None:
    said = ours.explain(error, tmp_path, 16, 640)
    assert isinstance(said, kind)
    with pytest.raises(kind, match=sentence):
        raise said


def test_a_full_disk_names_the_command_that_goes_on(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "last.pt").touch()
    assert f"seepseg train --resume {tmp_path}" in str(ours.explain(OSError(errno.ENOSPC, "full"), tmp_path, 16, 640))


def test_any_other_failure_keeps_its_traceback(tmp_path: Path) -> None:
    assert ours.explain(RuntimeError("shape mismatch"), tmp_path, 16, 640) is None


METRICS = {"metrics/mAP50-95(M)": 0.2, "metrics/mAP50(M)": 0.4, "val/box_loss": 1.5, "val/cls_loss": 2.0}


@pytest.mark.parametrize(
    ("best", "figure"), [("mask_map", 0.2), ("mask_map50", 0.4), ("val_loss", -3.5), ("ultralytics", 0.7)]
)
def test_fitness_is_the_chosen_figure(best: str, figure: float) -> None:
    assert ours.fitness_of(best, METRICS, 0.7) == pytest.approx(figure)


def test_the_vector_and_cls_pw_exclude_each_other() -> None:
    kind = ours.trainer_class("segment", Loss(class_weights=(1.0, 2.0)))
    with pytest.raises(UsageError, match=r"cls_pw=0\.5 and class weights exclude each other"):
        kind.set_class_weights(SimpleNamespace(args=SimpleNamespace(cls_pw=0.5)))


@pytest.mark.parametrize(("task", "best"), [("segment", "accuracy"), ("semantic", "mask_map50")])
def test_a_figure_that_a_task_does_not_have_is_refused(task: str, best: str) -> None:
    with pytest.raises(UsageError, match="best epoch"):
        ours.trainer_class(task, Loss(), best=best)
