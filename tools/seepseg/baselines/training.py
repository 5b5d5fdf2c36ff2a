"""The loop that trains any kind of baseline: AdamW with a cosine, the best epoch kept, resumed as if never stopped."""

import csv
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seepseg.baselines.plan import BEST
from seepseg.baselines.stages import stage_at
from seepseg.baselines.weights import Facts, write_weights
from seepseg.errors import UsageError
from seepseg.progress import track
from seepseg.train import record
from seepseg.train.trainer import not_a_number

GRADIENT_NORM = 10.0
RESULTS = "results.csv"


@dataclass(frozen=True, slots=True)
class Job:
    """What a kind of network brings: data, loss and figures. The loop knows nothing else of them."""

    batches: Callable[[int], Iterable[Any]]
    """Of an epoch; the same epoch gives the same batches."""
    steps: int
    """Batches an epoch."""
    loss: Callable[[nn.Module, Any], torch.Tensor]
    """Of a batch."""
    validate: Callable[[nn.Module], dict[str, float]]
    """Columns of results.csv, without gradients."""
    images: int
    """An epoch."""


@dataclass(slots=True)
class State:
    """All that changes while a network is trained."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    epoch: int = 0
    """Epochs that are done."""
    best: float = -math.inf
    best_epoch: int = 0
    figures: Mapping[str, float] | None = None
    """Of the best epoch."""


def start_state(model: nn.Module, settings: Mapping[str, Any], device: torch.device) -> State:
    """Before the first step. Norms and biases don't decay."""
    flat = [one for one in model.parameters() if one.ndim < 2]
    deep = [one for one in model.parameters() if one.ndim >= 2]
    groups = [{"params": deep, "weight_decay": settings["weight_decay"]}, {"params": flat, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings["lr0"], fused=device.type in ("cpu", "cuda"))
    return State(model, optimizer, torch.amp.GradScaler(device.type, enabled=settings["amp"] and device.type == "cuda"))


def fit(state: State, job: Job, run: Path, facts: Facts, settings: Mapping[str, Any], best: str) -> State:
    """Train the epochs that are left, each written down before the next begins; ends early by `patience`."""
    column, sign = BEST[facts.kind][best], -1 if best == "val_loss" else 1
    of_loss = BEST[facts.kind]["val_loss"].partition("/")[2]
    began = time.perf_counter()
    while state.epoch < settings["epochs"]:
        if state.epoch - state.best_epoch >= settings["patience"] > 0:
            print(f"no better epoch in {settings['patience']}, so training ends")
            break
        epoch_began = time.perf_counter()
        loss = train_epoch(state, job, settings)
        passed = time.perf_counter() - epoch_began
        figures = validate(state, job)
        fitness = sign * figures[column]
        if not math.isfinite(fitness):
            raise _without_figure(best, figures[f"val/{of_loss}"], state.epoch, settings)
        if improved := fitness > state.best:
            state.best, state.best_epoch, state.figures = fitness, state.epoch, figures
        row = {"epoch": state.epoch, "time": time.perf_counter() - began, f"train/{of_loss}": loss, **figures}
        add_row(run / RESULTS, row | {"lr/pg0": rate_at(state.epoch * job.steps - 1, job.steps, settings)})
        _save(state, run, facts, improved=improved)
        _tell(state, run, row, time.perf_counter() - epoch_began, job.images / max(passed, 1e-9), settings["epochs"])
    return state


def train_epoch(state: State, job: Job, settings: Mapping[str, Any]) -> float:
    """One pass over the training images; the mean loss. Everything random in it follows from seed and epoch."""
    model, optimizer = state.model.train(), state.optimizer
    device = next(model.parameters()).device
    torch.manual_seed(settings["seed"] * 100_003 + state.epoch + 1)
    total = torch.zeros((), device=device)
    batches = track(job.batches(state.epoch), job.steps, f"epoch {state.epoch + 1}", unit="batch")
    for number, batch in enumerate(batches):
        rate = rate_at(state.epoch * job.steps + number, job.steps, settings)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(device.type, torch.float16, enabled=state.scaler.is_enabled()):
            loss = job.loss(model, batch)
        optimizer.zero_grad(set_to_none=True)
        state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        state.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        state.scaler.step(optimizer)
        state.scaler.update()
        total += loss.detach()
    state.epoch += 1
    mean = float(total) / max(job.steps, 1)
    if not math.isfinite(mean):
        raise _not_a_number(state.epoch, settings)
    return mean


def validate(state: State, job: Job) -> dict[str, float]:
    """The figures of the model as it stands."""
    model = state.model.eval()
    device = next(model.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.float16, enabled=state.scaler.is_enabled()):
        return job.validate(model)


def _not_a_number(epoch: int, settings: Mapping[str, Any]) -> UsageError:
    return not_a_number(f"in epoch {epoch}", f"lr0={settings['lr0'] / 10:g}")


def _without_figure(best: str, loss: float, epoch: int, settings: Mapping[str, Any]) -> UsageError:
    """An epoch that cannot be told from others: the weights are spoilt, or the val split does not define the figure."""
    if not math.isfinite(loss):
        return _not_a_number(epoch, settings)
    return UsageError(
        f"the val split does not define {best}: of no class it has images with it and without; take --best val_loss"
    )


def rate_at(step: int, steps: int, settings: Mapping[str, Any]) -> float:
    """The learning rate of a step: rising at first, at most for a tenth of the training, then a cosine, or what the
    stage says."""
    total = max(settings["epochs"] * steps, 1)
    rising = min(settings["warmup_epochs"] * steps, total / 10)
    if stages := settings.get("stages"):
        return float(stage_at(step // max(steps, 1), stages).lr * min(1.0, (step + 1) / (rising + 1)))
    share = min(step / total, 1.0)
    cosine = settings["lrf"] + (1 - settings["lrf"]) * (1 + math.cos(math.pi * share)) / 2
    return float(settings["lr0"] * cosine * min(1.0, (step + 1) / (rising + 1)))


def add_row(file: Path, row: Mapping[str, float]) -> None:
    """Another epoch in results.csv, with a heading above the first, which counts: a version that writes other columns
    may have begun the run."""
    heading, new = list(row), not file.exists()
    if not new:
        with file.open(encoding="utf-8", newline="") as lines:
            heading = next(csv.reader(lines), heading)
    with file.open("a", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        if new:
            writer.writerow(heading)
        writer.writerow([f"{row.get(key, math.nan):.6g}" for key in heading])
        lines.flush()
        os.fsync(lines.fileno())


def pack(state: State) -> dict[str, Any]:
    """What it takes to go on, as tensors and plain values."""
    return {
        "epoch": state.epoch,
        "best": state.best,
        "best_epoch": state.best_epoch,
        "figures": dict(state.figures or {}),
        "optimizer": state.optimizer.state_dict(),
        "scaler": state.scaler.state_dict(),
    }


def unpack(state: State, content: Mapping[str, Any]) -> None:
    """Go on where `pack` was called."""
    state.epoch, state.best, state.best_epoch = content["epoch"], content["best"], content["best_epoch"]
    state.figures = content["figures"] or None
    state.optimizer.load_state_dict(content["optimizer"])
    state.scaler.load_state_dict(content["scaler"])


def _save(state: State, run: Path, facts: Facts, *, improved: bool) -> None:
    """best.pt first: a last.pt whose best is missing would never be mended."""
    weights = state.model.state_dict()
    if improved:
        write_weights(run / "weights" / "best.pt", facts, weights)
    write_weights(run / "weights" / "last.pt", facts, weights, pack(state))


def _tell(state: State, run: Path, row: Mapping[str, float], seconds: float, speed: float, epochs: int) -> None:
    record.add_epoch(
        run, {"epoch": state.epoch, "seconds": round(seconds, 2), "images_per_s": round(speed, 2), **_memory(state)}
    )
    figures = ", ".join(f"{key} {value:.4f}" for key, value in row.items() if "/" in key)
    print(f"epoch {state.epoch}/{epochs}: {figures}; best is {state.best_epoch}, {seconds:.0f} s", flush=True)


def _memory(state: State) -> dict[str, float]:
    device = next(state.model.parameters()).device
    if device.type != "cuda":
        return {}
    return {"gpu_memory_gb": round(torch.cuda.max_memory_reserved(device) / 1e9, 2)}
