"""A run's own account of itself: record.json, kept up with every epoch, and input.json, which prediction reads.

The callbacks are functions of a module, and all they know is in the file or on the trainer: the workers of a training
on several GPUs get them by pickle.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from seepseg.errors import SeepsegError, SourceError, UsageError

RECORD = "record.json"
INPUT = "input.json"
FINISHED, RUNNING, INTERRUPTED, FAILED = "finished", "running", "interrupted", "failed"
PLACES = ("data", "model", "project", "save_dir", "pretrained", "resume", "cfg")
"""Settings that hold folders of this machine."""
WORD = "failure.txt"
"""What ended a process on one of several GPUs, for the one that waits for all of them."""
_TOLD = (RuntimeError, ValueError, AssertionError, OSError, subprocess.CalledProcessError)
"""What Ultralytics raises for reasons that a user can mend; any other exception is a fault of ours."""


def read_record(run: Path) -> dict[str, Any]:
    """What record.json of a run says."""
    file = run / RECORD
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SourceError(f"{run}: not a run of 'seepseg train' (it has no {RECORD})") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{file}: not readable: {error}") from None
    if not isinstance(record, dict):
        raise SourceError(f"{file}: not the record of a run")
    return record


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    partial_file = file.with_name(f".{file.name}.partial")
    partial_file.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    os.replace(partial_file, file)


def update_record(run: Path, **changes: Any) -> None:
    """Some entries anew; nothing where the run has not come as far as a record."""
    if (run / RECORD).is_file():
        write_json(run / RECORD, read_record(run) | changes)


def open_record(run: Path, settings: Mapping[str, Any], facts: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """record.json and input.json of a training that begins."""
    seeds = {"seed": settings["seed"], "deterministic": settings["deterministic"]}
    record = {"status": RUNNING, "started": now(), **facts, "settings": portable(settings), "seeds": seeds}
    write_json(run / RECORD, record | {"resumed": [], "epochs": []})
    write_json(run / INPUT, inputs)


def add_resumption(run: Path, first: int) -> None:
    """A training goes on with this epoch; what is said of it and later ones comes again."""
    record = read_record(run)
    resumed = [*record["resumed"], {"epoch": first, "at": now()}]
    epochs = [one for one in record["epochs"] if one["epoch"] < first]
    update_record(run, resumed=resumed, epochs=epochs, failure=None)


def add_epoch(run: Path, epoch: Mapping[str, Any]) -> None:
    """What an epoch cost."""
    update_record(run, epochs=[*read_record(run)["epochs"], epoch])


def finish(run: Path, metrics: Mapping[str, Any]) -> None:
    """A training that came to its end, with the figures of its best epoch."""
    rounded = {name: round(float(value), 6) for name, value in metrics.items()}
    update_record(run, status=FINISHED, ended=now(), metrics=rounded)


def attach(model: Any, facts: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """Have an Ultralytics model keep the record of its training. `facts` are what is known before it begins."""
    model.add_callback("on_pretrain_routine_start", partial(_begin, facts=facts, inputs=inputs))
    for event, callback in (
        ("on_train_start", _start),
        ("on_train_epoch_start", _start_epoch),
        ("on_train_epoch_end", _end_pass),
        ("on_fit_epoch_end", _end_epoch),
        ("on_train_end", _finish),
    ):
        model.add_callback(event, callback)
    _add_tensorboard(model)


def _add_tensorboard(model: Any) -> None:
    """Curves for TensorBoard where it is installed. Ultralytics asks its settings file, which few know of."""
    for event, callback in import_module("ultralytics.utils.callbacks.tensorboard").callbacks.items():
        model.add_callback(event, callback)


@contextmanager
def closing(run: Path) -> Iterator[None]:
    """Around a training: what ends it early is written down, and told with the way to go on."""
    try:
        with _hearing_workers(run):
            yield
    except KeyboardInterrupt:
        _note_end(run, INTERRUPTED)
        print(f"stopped; {_way_on(run)}", file=sys.stderr)
        raise
    except SeepsegError as error:
        _note_end(run, FAILED, failure=str(error))
        if "--resume" not in str(error):
            error.args = (f"{error}; {_way_on(run)}",)
        raise
    except Exception as error:
        _note_end(run, FAILED, failure=f"{type(error).__name__}: {error}")
        if isinstance(error, _TOLD):
            raise UsageError(f"Ultralytics gave up: {str(error).strip()}; {_way_on(run)}") from error
        raise


@contextmanager
def leaving_word(run: Path) -> Iterator[None]:
    """Around a training in each process: on several GPUs, what ends it is left in the run folder, since nothing else
    reaches the process that started it. The first to fail is heard: the others only miss it."""
    try:
        yield
    except Exception as error:
        if "RANK" in os.environ:
            with suppress(OSError), (run / WORD).open("x", encoding="utf-8") as file:
                file.write(" ".join(str(error).split()) or type(error).__name__)
        raise


@contextmanager
def _hearing_workers(run: Path) -> Iterator[None]:
    """Ultralytics says of a failed worker no more than the command that it was started with."""
    word = run / WORD
    word.unlink(missing_ok=True)
    try:
        yield
    except subprocess.CalledProcessError as error:
        if "torch.distributed" not in str(error.cmd):
            raise
        left = word.read_text(encoding="utf-8") if word.is_file() else ""
        said = left or "what it said stands above"
        raise UsageError(f"a process of the training on several GPUs failed: {said}") from error
    finally:
        word.unlink(missing_ok=True)


def _note_end(run: Path, status: str, **changes: Any) -> None:
    """A disk that is full takes no record: what the user is told then is that the disk is full."""
    with suppress(OSError, SourceError):
        update_record(run, status=status, ended=now(), **changes)


def _way_on(run: Path) -> str:
    if (run / "weights" / "last.pt").is_file():
        return f"go on with: seepseg train --resume {shlex.quote(str(run))}"
    return f"no epoch was finished, so start again under another name, or remove {run} first"


def now() -> str:
    """The time as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the folders of this machine: file names, and relative paths below the working directory."""
    return {key: _relative(value) if key in PLACES and value else value for key, value in settings.items()}


def _relative(value: Any) -> Any:
    if not isinstance(value, str | Path):
        return value
    path = Path(value)
    if not path.is_absolute():
        return str(path)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.name


def _begin(trainer: Any, *, facts: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    run = Path(trainer.save_dir)
    if trainer.resume:
        update_record(run, status=RUNNING, ended=None)
        return
    open_record(run, vars(trainer.args), facts, inputs)


def _keeps_record() -> bool:
    """On several GPUs each worker gets here: the first one writes, as it does of all that Ultralytics writes."""
    return int(os.environ.get("RANK", -1)) in (-1, 0)


def _start(trainer: Any) -> None:
    """By now Ultralytics has resolved optimizer, batch and learning rate."""
    if not _keeps_record():
        return
    run = Path(trainer.save_dir)
    update_record(run, settings=portable(vars(trainer.args)), parameters=count_parameters(trainer.model))
    if trainer.resume:
        add_resumption(run, trainer.start_epoch + 1)


def count_parameters(model: Any) -> int:
    """Numbers that a model is made of; the averages that batch norm keeps don't count."""
    return sum(one.numel() for one in model.parameters())


def _start_epoch(trainer: Any) -> None:
    trainer.seepseg_began = time.perf_counter()


def _end_pass(trainer: Any) -> None:
    trainer.seepseg_pass_s = time.perf_counter() - trainer.seepseg_began


def _end_epoch(trainer: Any) -> None:
    """Called once more after the last epoch, for the final validation, which is none."""
    began = trainer.__dict__.pop("seepseg_began", None)
    if began is None or not _keeps_record():
        return
    run, images = Path(trainer.save_dir), len(trainer.train_loader.dataset)
    epoch = {
        "epoch": trainer.epoch + 1,
        "seconds": round(time.perf_counter() - began, 2),
        "images_per_s": round(images / trainer.seepseg_pass_s, 2),
    }
    if trainer.device.type == "cuda":
        epoch["gpu_memory_gb"] = round(trainer.accelerator.max_memory_reserved() / 1e9, 2)
    add_epoch(run, epoch)
    # Ultralytics halves a batch that does not fit into memory, and with `time` it changes the epochs.
    update_record(run, settings=portable(vars(trainer.args)))


def _finish(trainer: Any) -> None:
    finish(Path(trainer.save_dir), trainer.metrics)
