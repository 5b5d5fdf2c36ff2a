"""Training in stages: the head first, then all of it, each stage from the best weights of the one before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seepseg.errors import UsageError, listing
from seepseg.train.plan import Request, find_place
from seepseg.train.record import FINISHED, read_record
from seepseg.train.run import BACKBONE, train

PARTS = {"head": BACKBONE, "all": None}
"""What a stage trains, and what it freezes for that."""
EXAMPLE = "head:6@2e-4,all:12@1e-4,all:24@2e-5"
OWNED = ("epochs", "lr0", "freeze")


@dataclass(frozen=True, slots=True)
class Stage:
    """Some epochs at one learning rate."""

    part: str
    epochs: int
    lr: float


def read_stages(text: str) -> tuple[Stage, ...]:
    """PART:EPOCHS@RATE, separated by commas."""
    stages, problems = [], []
    for word in text.split(","):
        found = re.fullmatch(r"(\w+):(\d+)@([\d.eE+-]+)", word.strip())
        try:
            stage = Stage(found[1], int(found[2]), float(found[3])) if found else None
        except ValueError:
            stage = None
        if stage is None or stage.part not in PARTS or stage.epochs < 1 or not 0 < stage.lr <= 1:
            problems.append(f"--stages {word}: a stage is PART:EPOCHS@RATE with head or all, such as {EXAMPLE}")
        else:
            stages.append(stage)
    if problems:
        raise UsageError(listing(problems))
    return tuple(stages)


def drop_schedule(preset: dict[str, Any]) -> dict[str, Any]:
    """A preset without the schedule that stages replace; the user hears of it."""
    replaced = [key for key in OWNED if key in preset]
    if replaced:
        print(f"note: --stages replaces {', '.join(replaced)} of the preset")
    return {key: value for key, value in preset.items() if key not in OWNED}


def stage_names(name: str, count: int) -> list[str]:
    """NAME-stage1, NAME-stage2 … and last NAME itself: the run that is wanted is a run like any other."""
    return [f"{name}-stage{number}" for number in range(1, count)] + [name]


def train_stages(request: Request, stages: Sequence[Stage], *, done: int = 0) -> Path:
    """The run of the last stage. `done` stages are there already, the last of them with its best weights."""
    check_stages(request, stages)
    request = replace(request, name=request.name or find_place(request.project, None).name)
    names = stage_names(str(request.name), len(stages))
    for name in names[done:]:
        find_place(request.project, name)
    run = request.project / names[done - 1] if done else None
    for number, (stage, name) in enumerate(list(zip(stages, names, strict=True))[done:], done + 1):
        print(f"stage {number} of {len(stages)}: {stage.part}, {stage.epochs} epochs at {stage.lr:g}", flush=True)
        run = train(_staged(request, stages, number, name, run))
    assert run is not None
    return run


def check_stages(request: Request, stages: Sequence[Stage]) -> Sequence[Stage]:
    """The stages, unless the settings have a schedule too."""
    owned = [key for key in OWNED if key in request.settings]
    if owned:
        raise UsageError(f"--stages says {', '.join(OWNED)} itself; take {', '.join(owned)} out")
    return stages


def is_done_stage(run: Path) -> bool:
    """Whether this is a finished stage that others are to follow."""
    kept = read_record(run)
    return kept["status"] == FINISHED and "stage" in kept and kept["stage"]["of"] != run.name


def go_on(run: Path, data: Path | None = None) -> Path:
    """The stages that follow a finished one; the last run."""
    kept = read_record(run)
    stage, asked = kept.get("stage"), kept.get("asked", {})
    if not stage or run.name == stage["of"]:
        return run
    data = data or Path(asked["data"])
    if not data.exists():
        raise UsageError(f"{run} is done, and stages follow; say where the dataset is: DATA.yaml --resume {run}")
    settings = {key: value for key, value in asked["settings"].items() if key not in OWNED}
    carried = ("preset", "fold", "asked") if "fold" in kept else ("preset",)
    extra: dict[str, Any] = {key: kept[key] for key in carried if key in kept}
    request = Request(
        data, settings, balance=asked["balance"], project=run.parent, name=stage["of"], best=kept["best"], extra=extra
    )
    return train_stages(request, read_stages(stage["stages"]), done=stage["number"])


def _staged(request: Request, stages: Sequence[Stage], number: int, name: str, before: Path | None) -> Request:
    """Ultralytics' automatic optimizer would choose a learning rate of its own."""
    stage = stages[number - 1]
    settings = dict(request.settings) | {"epochs": stage.epochs, "lr0": stage.lr}
    if str(settings.get("optimizer", "auto")).lower() == "auto":
        settings["optimizer"] = "AdamW"
    if freeze := PARTS[stage.part]:
        settings["freeze"] = freeze
    text = ",".join(f"{one.part}:{one.epochs}@{one.lr:g}" for one in stages)
    extra = dict(request.extra) | {"stage": {"of": request.name, "number": number, "stages": text}}
    if before is None:
        return replace(request, settings=settings, name=name, extra=extra)
    settings.pop("model", None)
    weights = str(before / "weights" / "best.pt")
    return replace(request, settings=settings, name=name, extra=extra, weights=weights, sha256=None)
