"""Every way to run one model, each as a function from images to what it says of them."""

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from seepseg.crops import trim
from seepseg.edge.answer import Answer
from seepseg.edge.bundle import FULL, Bundle, open_bundle
from seepseg.edge.runtime import EdgeModel, load_bundle
from seepseg.errors import UsageError
from seepseg.measures.calibration import LEAST
from seepseg.measures.thresholds import DEFAULT
from seepseg.outputs.cutting import cut_to_limits
from seepseg.outputs.verdict import Verdict, judge
from seepseg.predict.decode import MARGIN
from seepseg.predict.engine import Model, open_model
from seepseg.predict.network import Outputs
from seepseg.predict.resize import Pixels
from seepseg.values import Detection, Prediction

CONF = 0.05
"""Instances below it are not compared: too many, and none that a user sees."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One image, as a runner has it."""

    answer: Answer
    outputs: Outputs | None
    """Raw, where the runner gives them away."""
    ms: float | None
    """From pixels to instances; None where it could not be told from the time that the program takes to start."""


@dataclass(frozen=True, slots=True)
class Runner:
    """A model in one format and precision, run by one program."""

    engine: str
    runtime: str
    """predict, edge or c++."""
    precision: str
    limits: tuple[float, ...]
    """Of each class: instances below are not told."""
    see: Callable[[Sequence[Pixels]], list[Seen]]


def by_predict(model: Model, precision: str = FULL) -> Runner:
    """As the command line does."""
    return Runner(
        model.engine, "predict", precision, (CONF,) * len(model.names), partial(_each, _see_by_predict, model)
    )


def by_edge(bundle: Path, engine: str) -> Runner:
    """With numpy and one engine, as a device does."""
    model = load_bundle(bundle, engine=engine, device="cpu")
    limits = (CONF,) * len(model.names)
    return Runner(engine, "edge", FULL, limits, partial(_each, _see_by_edge, replace(model, limits=limits)))


def by_program(bundle: Path, program: Path) -> Runner:
    """The runner in C++, which tells what is above the stored thresholds alone."""
    opened = open_bundle(bundle)
    said = opened.facts.get("confidence") or {}
    limits = tuple(max(_limit(said.get(name)), CONF) for name in opened.names)
    return Runner("torchscript", "c++", FULL, limits, partial(_see_by_program, opened, program))


def runners_of(bundle: Path, *, program: Path | None = None) -> list[Runner]:
    """Every way to run a bundle; the models of fewer bits as `predict --fast` runs them."""
    opened = open_bundle(bundle)
    plain = [by_predict(open_model(bundle, engine=name, device="cpu")) for name in opened.formats]
    fast = [
        by_predict(open_model(bundle, engine=name, device="cpu", fast=True), opened.fast[name]) for name in opened.fast
    ]
    edge = [by_edge(bundle, name) for name in opened.formats]
    return [*plain, *edge, *([by_program(bundle, program)] if program else []), *fast]


def _limit(entry: Any) -> float:
    value = entry.get("threshold") if isinstance(entry, dict) else None
    return DEFAULT if value is None else float(value)


def _each(see: Callable[[Any, Pixels], Seen], model: Any, images: Sequence[Pixels]) -> list[Seen]:
    return [see(model, image) for image in images]


def _see_by_predict(model: Model, image: Pixels) -> Seen:
    ((_, outputs),) = model.run([image])
    began = perf_counter()
    (found,) = model.predict([image], conf=LEAST, margin=MARGIN, masks_above=CONF)
    ms = 1000 * (perf_counter() - began)
    verdict = judge(found, model.thresholds, model.names)
    return Seen(Answer(cut_to_limits(found, (CONF,) * len(model.names)), verdict), outputs, ms)


def _see_by_edge(model: EdgeModel, image: Pixels) -> Seen:
    _, outputs = model.run(image)
    began = perf_counter()
    answer = model.answer(image)
    return Seen(answer, outputs, 1000 * (perf_counter() - began))


def _see_by_program(bundle: Bundle, program: Path, images: Sequence[Pixels]) -> list[Seen]:
    """The first image twice: once by itself, for the time that the program takes to start."""
    with tempfile.TemporaryDirectory(prefix="seepseg-export-") as scratch:
        files = [_write_netpbm(Path(scratch, f"{at}.pnm"), image) for at, image in enumerate(images)]
        alone, _ = _run(program, bundle.path, files[:1])
        seconds, lines = _run(program, bundle.path, [files[0], *files])
    ms = max(1000 * (seconds - alone) / len(files), 0.0)
    return [Seen(_read_answer(json.loads(line), bundle.names), None, ms) for line in lines[1:]]


def _run(program: Path, bundle: Path, files: Sequence[Path]) -> tuple[float, list[str]]:
    began = perf_counter()
    try:
        done = subprocess.run([program.absolute(), bundle, *files], capture_output=True, text=True)
    except OSError as error:
        raise UsageError(
            f"{program}: cannot be run ({error.strerror}); build it: python -m seepseg.edge.cpp FILE"
        ) from None
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != len(files):
        raise UsageError(f"{program}: gives no answer: {done.stderr.strip()[-300:] or f'exit {done.returncode}'}")
    return perf_counter() - began, lines


def _write_netpbm(file: Path, pixels: Pixels) -> Path:
    """Binary, red first."""
    height, width = pixels.shape[:2]
    grey = pixels.ndim == 2
    rows = np.ascontiguousarray(pixels if grey else pixels[..., ::-1])
    file.write_bytes(f"P{5 if grey else 6} {width} {height} 255\n".encode() + rows.tobytes())
    return file


def _read_answer(told: Any, names: tuple[str, ...]) -> Answer:
    verdict = Verdict(**told["verdict"])
    found = tuple(_detection(one) for one in told["instances"])
    return Answer(Prediction(told["width"], told["height"], found, names), verdict)


def _detection(one: Any) -> Detection:
    height, width = one["rle"]["size"]
    counts = one["rle"]["counts"]
    whole = np.repeat(np.arange(len(counts)) % 2, counts).astype(np.uint8).reshape(width, height).T
    mask, x, y = trim((whole, 0, 0))
    return Detection(one["class_id"], one["score"], tuple(one["box"]), mask, x, y)
