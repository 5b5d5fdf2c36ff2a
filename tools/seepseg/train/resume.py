"""A training that was stopped goes on from the last epoch that it finished."""

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from seepseg import ultralytics_home
from seepseg.dataset.identity import dataset_hash
from seepseg.errors import DatasetError, SourceError, UsageError
from seepseg.train import record
from seepseg.train.balance import Balance, override
from seepseg.train.balanced import apply_balance, open_dataset
from seepseg.train.lock import hold
from seepseg.train.plan import first_line, make_loss
from seepseg.train.repeats import SUFFIX, write_repeats
from seepseg.train.run import leave_thresholds

MAY_CHANGE = ("batch", "device", "workers", "cache", "patience", "time", "plots", "save_period")
"""What Ultralytics lets a resumed training change, and what leaves the figures comparable."""


def find_run(text: str, project: Path) -> Path:
    """A run by its folder or by its name."""
    run = next((place for place in (Path(text), project / text) if place.is_dir()), None)
    if run is None:
        raise UsageError(f"--resume {text}: no such run, neither a folder nor a name in {project}")
    return run


def resume(run: Path, *, data: Path | None = None, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Train a stopped run to its end; its record afterwards. `data` says where the dataset has moved to."""
    with hold(run):
        kept = check_resumable(run, changes or {})
        checkpoint = _read_checkpoint(run)
        if checkpoint["epoch"] == -1 or checkpoint["epoch"] + 1 >= checkpoint["train_args"]["epochs"]:
            return _close(run, trained_on(run, data))
        file = same_dataset(data or Path(checkpoint["train_args"]["data"]), kept, run)
        trim_results(run, checkpoint["epoch"] + 1)
        print(f"going on with {run} after epoch {checkpoint['epoch'] + 1} of {checkpoint['train_args']['epochs']}")
        _continue(run, kept, file, changes or {})
        leave_thresholds(run, file)
        return record.read_record(run)


def check_resumable(run: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a run that can go on with these settings changed."""
    kept = record.read_record(run)
    refused = sorted(set(changes) - set(MAY_CHANGE))
    if refused:
        raise UsageError(
            f"a resumed training keeps its settings, so {', '.join(refused)} cannot change; only "
            f"{', '.join(MAY_CHANGE)} can. For others start a new run from its weights: --weights {run}"
        )
    if kept["status"] == record.FINISHED:
        raise UsageError(f"{run} is finished; train on from its weights with --weights {run}")
    return kept


def _continue(run: Path, kept: Mapping[str, Any], data: Path, changes: Mapping[str, Any]) -> None:
    from ultralytics.models.yolo.model import YOLO

    from seepseg.train.trainer import trainer_class

    last = str((run / "weights" / "last.pt").resolve())
    balance = override(Balance(), kept["balance"], f"{run / record.RECORD}: balance")
    loss = make_loss(balance, kept["class_weights"])
    model = YOLO(last)
    record.attach(model, {}, {})
    with record.closing(run):
        model.train(
            trainer=trainer_class(kept["task"], loss, best=kept["best"]),
            resume=last,
            data=str(data.resolve()),
            save_dir=str(run.resolve()),
            **changes,
        )


def find_last(run: Path) -> Path:
    """The weights that a run goes on from."""
    last = run / "weights" / "last.pt"
    if not last.is_file():
        raise SourceError(
            f"{run} stopped before its first epoch was finished (it has no weights/last.pt); "
            "start it again under another name, or remove the folder first"
        )
    return last


def _read_checkpoint(run: Path) -> dict[str, Any]:
    last = find_last(run)
    ultralytics_home.prepare()
    patches: Any = import_module("ultralytics.utils.patches")
    try:
        checkpoint: dict[str, Any] = patches.torch_load(last, map_location="cpu")
        checkpoint["train_args"]["epochs"] - checkpoint["epoch"]
    except Exception as error:  # whatever reading half a file raises
        raise SourceError(
            f"{last}: cannot be read ({first_line(error)}), perhaps since the disk was full; "
            f"start a new run from {run / 'weights' / 'best.pt'} with --weights"
        ) from None
    return checkpoint


def same_dataset(file: Path, kept: Mapping[str, Any], run: Path) -> Path:
    """The dataset of the run, if it still holds what it held. Repeats are written anew: another run may have replaced
    the list."""
    if not file.exists():
        raise DatasetError(f"{file}: the dataset of {run} is not there; say where it is: DATA.yaml --resume {run}")
    given, threshold, seed = _unrepeated(file), kept["balance"].get("repeat"), kept["seeds"]["seed"]
    dataset = open_dataset(given)
    balance = replace(override(Balance(), kept["balance"], f"{run / record.RECORD}: balance"), repeat=0.0)
    if dataset_hash(dataset) != kept["dataset"]["hash"] and (balance.merge or balance.paste):
        dataset = apply_balance(dataset, balance, seed=seed).dataset
    if dataset_hash(dataset) != kept["dataset"]["hash"]:
        raise DatasetError(
            f"{given}: images or labels have changed since {run} began, so it cannot go on as the same training; "
            f"start a new run from its weights with --weights {run}"
        )
    return write_repeats(dataset, threshold, seed=seed).yaml if threshold else dataset.yaml


def trained_on(run: Path, data: Path | None = None) -> Path:
    """The data.yaml that has the classes of a run: `data`, unless it trained on a sibling with classes merged."""
    if data is not None and not record.read_record(run)["balance"]["merge"]:
        return data
    arguments = yaml.safe_load((run / "args.yaml").read_text(encoding="utf-8"))
    file = _unrepeated(Path(arguments["data"]))
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _unrepeated(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(SUFFIX) + ".yaml") if file.name.endswith(SUFFIX) else file


def trim_results(run: Path, epochs: int) -> None:
    """Rows of epochs that come again: a run can be killed between its row and its weights."""
    file = run / "results.csv"
    if not file.is_file():
        return
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = csv.reader(io.StringIO("".join(lines[1:])))
    kept = [line for line, row in zip(lines[1:], rows, strict=True) if row and float(row[0]) <= epochs]
    partial = file.with_name(".results.csv.partial")
    partial.write_text("".join(lines[:1] + kept), encoding="utf-8")
    os.replace(partial, file)


def _close(run: Path, data: Path) -> dict[str, Any]:
    """All epochs were done, and what was left was tidying up. The figures are those of the best epoch when it came."""
    from seepseg.train.trainer import whole_strips

    engine: Any = import_module("ultralytics.engine.trainer")
    kept: dict[str, Any] = {}
    with whole_strips():
        for name in ("last.pt", "best.pt"):
            if (run / "weights" / name).is_file():
                kept = engine.strip_optimizer(run / "weights" / name)
    metrics = kept.get("train_metrics") or {}
    record.update_record(run, failure=None)
    record.finish(run, {name: value for name, value in metrics.items() if name.startswith("metrics/")})
    leave_thresholds(run, data)
    print(f"{run} had trained all its epochs and is finished now")
    return record.read_record(run)
