"""One training of a baseline from beginning to end, or the rest of one that was stopped."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from seepseg import ultralytics_home
from seepseg.baselines.catalogue import Entry, find_entry, find_trained
from seepseg.baselines.plan import entry_of, plan_baseline, weigh
from seepseg.baselines.settings import complete
from seepseg.baselines.weights import Facts, channels_of, read_weights, write_weights
from seepseg.dataset.layout import read_dataset
from seepseg.errors import SeepsegError, SourceError, UsageError
from seepseg.train import record
from seepseg.train.balance import Balance, override
from seepseg.train.lock import hold
from seepseg.train.plan import Plan, Request, describe, first_line, make_loss
from seepseg.train.resume import check_resumable, find_last, same_dataset, trim_results
from seepseg.train.run import claim_place, facts_of, inputs_of, leave_thresholds
from seepseg.train.trainer import explain

if TYPE_CHECKING:
    from seepseg.baselines.training import Job, State

LIBRARIES = ("timm", "segmentation-models-pytorch", "torchvision")
ARGUMENTS = "args.yaml"


def train_baseline(request: Request, name: str, loss: str) -> Path:
    """Plan, tell, execute; the run folder."""
    plan = plan_baseline(request, name, loss)
    print(describe(plan), flush=True)
    return execute(plan)


def execute(plan: Plan) -> Path:
    """Train; whatever ends it early stands in the run's record."""
    from seepseg.baselines.pretrained import load_start

    entry, data = entry_of(plan), plan.balanced.data.resolve()
    plan = replace(plan, run=claim_place(plan.run, plan.request))
    settings = {**plan.settings, "task": plan.task, "model": entry.name, "data": str(data)}
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    (plan.run / ARGUMENTS).write_text(text, encoding="utf-8")
    facts = facts_of(plan)
    record.open_record(plan.run, settings, facts | {"versions": facts["versions"] | _versions()}, inputs_of(plan))
    with hold(plan.run), _ending(plan.run, settings):
        job, state = _prepare(entry, data, settings, record.read_record(plan.run))
        if told := load_start(state.model, entry, plan.start):  # type: ignore[arg-type]
            print(f"note: {told}")
        record.update_record(plan.run, parameters=record.count_parameters(state.model))
        _fit(plan.run, data, settings, job, state)
    leave_thresholds(plan.run, plan.balanced.dataset.yaml)
    return plan.run


def resume_baseline(run: Path, *, data: Path | None = None, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Train a stopped run to its end, as it would have been without the stop; its record afterwards."""
    with hold(run):
        kept = check_resumable(run, changes or {})
        last = find_last(run)
        settings = yaml.safe_load((run / ARGUMENTS).read_text(encoding="utf-8"))
        settings |= {key: value for key, value in complete(changes or {}).items() if key in (changes or {})}
        file = same_dataset(data or Path(settings["data"]), kept, run)
        facts, content = read_weights(last)
        entry = find_trained(facts.network, last)
        with _ending(run, settings):
            job, state = _prepare(entry, file, settings, kept)
            _restore(state, content, last)
            trim_results(run, state.epoch)
            record.update_record(run, status=record.RUNNING, ended=None)
            record.add_resumption(run, state.epoch + 1)
            print(f"going on with {run} after epoch {state.epoch} of {settings['epochs']}")
            _fit(run, file, settings, job, state)
        leave_thresholds(run, file)
        return record.read_record(run)


def is_baseline_run(run: Path) -> bool:
    """Whether the run's record speaks of a baseline."""
    return "baseline" in record.read_record(run)


def _prepare(entry: Entry, data: Path, settings: Mapping[str, Any], kept: Mapping[str, Any]) -> "tuple[Job, State]":
    """From what stands in the run folder alone, so that a new training and one that goes on are the same."""
    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.training import start_state
    from seepseg.predict.network import Wish
    from seepseg.predict.torch_network import find_device
    from seepseg.train.machine import use_every_core

    named = settings["device"]
    device = find_device(Wish(device=None if named in (None, "") else str(named)))
    use_every_core(device.type)
    classes = len(read_dataset(data).names)
    balance = override(Balance(), kept["balance"], f"{record.RECORD}: balance")
    loss = weigh(kept["loss"], make_loss(balance, kept["class_weights"]), classes, entry.kind)
    _torch_utils().init_seeds(settings["seed"], deterministic=bool(settings["deterministic"]))
    model = build_network(entry, channels_of(classes, entry.kind)).to(device)
    job = import_module(f"seepseg.baselines.{entry.kind}").make_job(data, settings, loss, device)
    return job, start_state(model, settings, device)


def _fit(run: Path, data: Path, settings: Mapping[str, Any], job: "Job", state: "State") -> None:
    from seepseg.baselines.training import fit

    kept = record.read_record(run)
    entry = find_entry(kept["baseline"])
    facts = Facts(entry.name, entry.kind, read_dataset(data).names, settings["imgsz"])
    fit(state, job, run, facts, settings, kept["best"])
    if settings["plots"]:
        _plot(run)
    # A figure that the val split does not define is left out: JSON has no word for it.
    record.finish(run, {key: value for key, value in (state.figures or {}).items() if not isnan(value)})
    # Last, so that a run which is stopped before can still go on. Without what that takes: a third of the size.
    write_weights(run / "weights" / "last.pt", facts, state.model.state_dict())


def _restore(state: "State", content: Mapping[str, Any], last: Path) -> None:
    from seepseg.baselines.training import unpack

    try:
        state.model.load_state_dict(content["state"])
        if "training" in content:
            unpack(state, content["training"])
        else:
            raise KeyError("training")
    except (KeyError, ValueError, RuntimeError) as error:
        raise SourceError(
            f"{last}: does not say how to go on ({first_line(error)}); start a new run from it with --weights {last}"
        ) from None


@contextmanager
def _ending(run: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    """As YOLO's runs end: with a sentence, and in the record."""
    with record.closing(run):
        try:
            yield
        except SeepsegError:
            raise
        except (RuntimeError, ValueError, OSError, MemoryError) as error:
            sentence = explain(error, run, settings["batch"], settings["imgsz"])
            raise sentence or UsageError(f"the training gave up: {first_line(error)}") from error
        finally:
            _torch_utils().unset_deterministic()


def _torch_utils() -> Any:
    ultralytics_home.prepare()
    return import_module("ultralytics.utils.torch_utils")


def _plot(run: Path) -> None:
    """results.png, as Ultralytics draws it."""
    import warnings

    from ultralytics.utils.plotting import plot_results

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plot_results(file=run / "results.csv")


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
