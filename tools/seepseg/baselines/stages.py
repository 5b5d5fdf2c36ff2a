"""The schedule of Mask R-CNN: the heads first, then all of it, ever slower; in the words of --stages."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from seepseg.train.plan import Request
from seepseg.train.stages import Stage, check_stages, read_stages

COURSE = (Stage("head", 6, 2e-4), Stage("all", 12, 1e-4), Stage("all", 24, 2e-5))
"""Of the course on oil tanks, which started from trained weights."""


def course_stages(epochs: int, rate: float, *, trained: bool) -> tuple[Stage, ...]:
    """As long together as asked, the first at `rate`. Where the backbone starts from nothing, nothing of it is worth
    keeping as it is, so that all is trained from the first."""
    whole, ends = sum(stage.epochs for stage in COURSE), [0]
    for stage in COURSE:
        ends.append(ends[-1] + stage.epochs)
    lasts = [round(end * epochs / whole) for end in ends]
    lengths = [after - before for before, after in pairwise(lasts)]
    return tuple(
        Stage(stage.part if trained else "all", length, stage.lr * rate / COURSE[0].lr)
        for stage, length in zip(COURSE, lengths, strict=True)
        if length
    )


def choose_stages(request: Request, settings: dict[str, Any], *, trained: bool) -> tuple[str, list[str]]:
    """As asked with --stages, else the course's; and what the user should hear. The epochs of the settings follow."""
    if asked := request.extra.get("stages"):
        settings["epochs"] = sum(stage.epochs for stage in check_stages(request, read_stages(asked)))
        return asked, []
    text = write_stages(course_stages(settings["epochs"], settings["lr0"], trained=trained))
    why = "" if trained else ", and all is trained from the first, as the backbone starts from nothing"
    return text, [f"in the stages of the course, {text}{why}; --stages gives others"]


def write_stages(stages: Sequence[Stage]) -> str:
    """As --stages takes them."""
    return ",".join(f"{one.part}:{one.epochs}@{one.lr:g}" for one in stages)


def stage_at(epoch: int, text: str) -> Stage:
    """The stage that an epoch, counted from 0, belongs to; after the last, the last."""
    stages = _read(text)
    left = epoch
    for stage in stages:
        if left < stage.epochs:
            return stage
        left -= stage.epochs
    return stages[-1]


_read = lru_cache(maxsize=4)(read_stages)
