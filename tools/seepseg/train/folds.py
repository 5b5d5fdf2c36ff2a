"""Cross-validation: one run a fold, and what they come to together."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seepseg.dataset.identity import dataset_hash
from seepseg.dataset.layout import read_dataset
from seepseg.errors import DatasetError, UsageError, listing
from seepseg.train import record
from seepseg.train.balance import balance_table
from seepseg.train.balanced import open_dataset
from seepseg.train.faults import check_dataset
from seepseg.train.plan import Request, find_place, resolve_balance


def list_folds(data: Path) -> list[Path]:
    """folds/<k>.yaml of a dataset, in order."""
    folder = read_dataset(data).yaml.parent / "folds"
    files = sorted(folder.glob("*.yaml"), key=lambda file: (len(file.stem), file.stem))
    files = [file for file in files if file.stem.isdigit()]
    if not files:
        raise UsageError(f"{folder}: no folds to train on; write them with 'seepseg convert … --folds 5'")
    return files


def train_folds(
    request: Request, train: Callable[[Request], Path], *, how: Mapping[str, str] = MappingProxyType({})
) -> Path:
    """Each fold by `train`, as NAME-fold<k>; the file with all figures, their mean and standard deviation. `how` is
    what the user says of `train`, such as the stages.

    What the same request has finished already is taken as it is: so it goes on after an interruption.
    """
    files = list_folds(request.data)
    name = request.name or find_place(request.project, None).name
    summary = request.project / f"{name}-folds.json"
    folds = [_fold(request, name, file, how) for file in files]
    done = {fold.data: place for fold in folds if (place := _done(fold))}
    for fold in folds:
        if fold.data not in done:
            find_place(request.project, fold.name)
    _check(files, request)
    runs = {}
    for number, fold in enumerate(folds, 1):
        print(
            f"fold {number} of {len(files)}: {fold.data}" + (", done already" if fold.data in done else ""), flush=True
        )
        run = done.get(fold.data) or train(fold)
        runs[run.name] = record.read_record(run).get("metrics", {})
        # After each, so that an interruption loses none of them.
        record.write_json(summary, summarise(runs, len(files)))
    print(fold_table(summarise(runs, len(files))))
    return summary


def _fold(request: Request, name: str, file: Path, how: Mapping[str, str]) -> Request:
    """Its record keeps the words of the user, by which it is known again, and not what planning and stages make of
    them."""
    fold = replace(request, data=file, name=f"{name}-fold{file.stem}")
    return replace(fold, extra={**request.extra, "fold": file.stem, "asked": fold.as_json() | dict(how)})


def _done(fold: Request) -> Path | None:
    """The run of an earlier time, where it was asked for in the same words, of the same data, and came to its end."""
    run = fold.project / str(fold.name)
    if not (run / record.RECORD).is_file():
        return None
    kept = record.read_record(run)
    same = kept.get("asked") == json.loads(json.dumps(fold.extra["asked"], default=str))
    finished = kept.get("status") == record.FINISHED
    return run if same and finished and _saw(kept, fold.data) else None


def _saw(kept: Mapping[str, Any], data: Path) -> bool:
    """A dataset that was made of the fold's for balance has another hash: it is taken on trust."""
    told = kept.get("dataset") or {}
    return told.get("hash") == dataset_hash(read_dataset(data)) or Path(str(told.get("data"))).name != data.name


def _check(files: Sequence[Path], request: Request) -> None:
    """The faults of every fold, before hours of training on the first. Merging classes may mend what they have."""
    problems = []
    for file in files:
        try:
            dataset = open_dataset(file)
            if not resolve_balance(dataset, request)[0].merge:
                check_dataset(dataset)
        except DatasetError as error:
            problems.append(str(error))
    if problems:
        raise DatasetError(listing(problems))


def summarise(runs: Mapping[str, Mapping[str, float]], planned: int) -> dict[str, Any]:
    """Mean and standard deviation (of the sample) of each figure that every fold has."""
    shared = [key for key in next(iter(runs.values()), {}) if all(key in one for one in runs.values())]
    columns = {key: [one[key] for one in runs.values()] for key in shared}
    return {
        "folds": planned,
        "done": len(runs),
        "runs": {name: dict(metrics) for name, metrics in runs.items()},
        "mean": {key: round(statistics.fmean(values), 6) for key, values in columns.items()},
        "sd": {key: round(statistics.stdev(values), 6) if len(values) > 1 else None for key, values in columns.items()},
    }


def fold_table(summary: Mapping[str, Any]) -> str:
    """A line a run, then mean ± sd, of the figures of validation."""
    keys = [key for key in summary["mean"] if key.startswith("metrics/")]
    rows: list[dict[str, Any]] = [
        {"run": name, **{_short(key): f"{metrics[key]:.4f}" for key in keys}}
        for name, metrics in summary["runs"].items()
    ]
    rows.append({"run": "mean ± sd", **{_short(key): _spread(summary, key) for key in keys}})
    return balance_table(rows)


def _short(key: str) -> str:
    return key.removeprefix("metrics/")


def _spread(summary: Mapping[str, Any], key: str) -> str:
    sd = summary["sd"][key]
    return f"{summary['mean'][key]:.4f} ± " + ("?" if sd is None else f"{sd:.4f}")
