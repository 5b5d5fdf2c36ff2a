"""One training from beginning to end: everything decided and shown, then Ultralytics, then the record closed."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from logging import LogRecord
from pathlib import Path
from statistics import median
from typing import Any

from seepseg import ultralytics_home
from seepseg.dataset.identity import dataset_hash
from seepseg.errors import OutputError, SeepsegError, UsageError
from seepseg.raster import read_pixels
from seepseg.sources.recipe import tell_origin
from seepseg.train import machine, record
from seepseg.train.balanced import as_json
from seepseg.train.lock import hold
from seepseg.train.plan import Plan, Request, describe, find_place, first_line, plan_run
from seepseg.train.start import ARCHITECTURES

BACKBONE = "backbone"
"""A `freeze` of ours: as many layers as the architecture's backbone has."""
MOST_LOOKED_AT = 50
"""Training images whose size is looked up."""
MOST_TRIES = 100
"""Names that other trainings may snatch away before it is no accident."""


def train(request: Request) -> Path:
    """Plan, tell, execute."""
    plan = plan_run(request)
    print(describe(plan), flush=True)
    return execute(plan)


def execute(plan: Plan) -> Path:
    """Train; the run folder. Whatever ends it early stands in its record."""
    from seepseg.train.trainer import trainer_class

    model = open_model(plan.start.model, plan.task)
    _hush_frozen_layers()
    settings = dict(plan.settings)
    if settings.get("freeze") == BACKBONE:
        settings["freeze"] = len(model.model.yaml["backbone"])
    if plan.start.pretrained:
        settings["pretrained"] = plan.start.pretrained
    plan = replace(plan, run=claim_place(plan.run, plan.request))
    record.attach(model, facts_of(plan), inputs_of(plan))
    trainer = trainer_class(plan.task, plan.loss, best=plan.request.best)
    with hold(plan.run), record.closing(plan.run):
        model.train(
            trainer=trainer,
            data=str(plan.balanced.data.resolve()),
            project=str(plan.run.parent.resolve()),
            name=_name_of(plan.run),
            exist_ok=True,
            **settings,
        )
    leave_thresholds(plan.run, plan.balanced.dataset.yaml)
    return plan.run


def _name_of(run: Path) -> str:
    """Ultralytics takes the name "model" for a wish to have that of the weights."""
    return "./model" if run.name == "model" else run.name


def _hush_frozen_layers() -> None:
    """`freeze` stands among the settings; Ultralytics adds a line for every tensor of it."""
    import_module("ultralytics.utils").LOGGER.addFilter(_is_worth_telling)


def _is_worth_telling(line: LogRecord) -> bool:
    return not line.getMessage().startswith("Freezing layer")


def claim_place(run: Path, request: Request) -> Path:
    """Make the folder of a new run. Another training may have taken it since this one was planned: then it is the next
    free one, or an error where the user chose the name."""
    place = run
    for _ in range(MOST_TRIES):
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            place = find_place(request.project, request.name)
            continue
        except OSError as error:
            raise OutputError(f"{place}: cannot be made: {error.strerror}; give another --project") from None
        if place != run:
            print(f"note: {run} was taken by another training meanwhile; run folder: {place}", flush=True)
        return place
    raise OutputError(f"{place}: cannot be made, as something of that name keeps coming; give another --name")


def leave_thresholds(run: Path, data: Path) -> None:
    """Choose on the val split what `predict` will use. A training that ended well is not spoilt where that fails, be
    it for want of memory."""
    from seepseg.evaluate.run import choose_run_thresholds

    try:
        choose_run_thresholds(run, data, device=_device_of(run))
    except KeyboardInterrupt:
        how = f"seepseg eval {shlex.quote(str(run))} {shlex.quote(str(data))} --split val"
        print(f"stopped; the training is done, and what chooses the thresholds is: {how}", file=sys.stderr)
        raise
    except (SeepsegError, RuntimeError, MemoryError, OSError) as error:
        said = str(error) if isinstance(error, SeepsegError) else first_line(error)
        print(f"note: no thresholds were chosen: {said}")


def _device_of(run: Path) -> str | None:
    """The first that it was trained on: others may be somebody else's, or too small."""
    named = record.read_record(run).get("settings", {}).get("device")
    return None if named is None else str(named).split(",")[0] or None


def open_model(name: str, task: str) -> Any:
    """Ultralytics' model of a .pt or an architecture, if it does the task."""
    ultralytics_home.prepare()
    from ultralytics.models.yolo.model import YOLO

    try:
        model = YOLO(name)
    except Exception as error:  # a file that is no model fails in any way that unpickling can
        raise UsageError(f"{name}: not a model that Ultralytics can open: {first_line(error)}") from None
    if model.task != task:
        other = Path(ARCHITECTURES[task]).with_suffix(".pt")
        raise UsageError(
            f"{name}: is a model for {model.task}, and this training is for {task}; "
            + ("add task=semantic, or name another" if model.task == "semantic" else f"name one such as {other}")
        )
    return model


def facts_of(plan: Plan) -> dict[str, Any]:
    """What the record says of a training before it begins."""
    dataset = plan.balanced.dataset
    return {
        "task": plan.task,
        "best": plan.request.best,
        "balance": as_json(plan.balance),
        "class_weights": plan.balanced.weights,
        "classes": list(plan.balanced.rows),
        "start": plan.start.as_json(),
        "dataset": {
            "data": record.portable({"data": str(plan.balanced.data.resolve())})["data"],
            "hash": dataset_hash(dataset),
            "images": {split: len(images) for split, images in dataset.splits.items()},
            **tell_origin(plan.request.data.resolve()),
        },
        "versions": machine.read_versions(),
        "git": machine.read_commit(),
        "hardware": machine.read_hardware(),
        "device": plan.device,
        "asked": plan.request.as_json(),
        **plan.request.extra,
    }


def inputs_of(plan: Plan) -> dict[str, Any]:
    """What input.json says of the images that the model wants."""
    dataset = plan.balanced.dataset
    return {
        "task": plan.task,
        "names": list(dataset.names),
        "imgsz": plan.settings["imgsz"],
        **{key: dataset.settings.get(key) for key in ("scale", "bands", "metres_per_pixel")},
        "tile": _usual_side(dataset.splits["train"]),
    }


def _usual_side(images: Sequence[Path]) -> int:
    """The median of the longer sides, in pixels: what scenes are cut to, so that objects come as large as here."""
    some = images[:: len(images) // MOST_LOOKED_AT + 1]
    return int(median(max(read_pixels(image).shape[:2]) for image in some))
