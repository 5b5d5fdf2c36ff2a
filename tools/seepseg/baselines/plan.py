"""A training of a baseline with everything decided: as for YOLO, but for the network, its settings and its start."""

from dataclasses import replace
from typing import Any

from seepseg.baselines.catalogue import TASKS, Entry, find_entry
from seepseg.baselines.losses import LOSSES, SemanticLoss
from seepseg.baselines.pretrained import choose_start
from seepseg.baselines.settings import complete, round_up
from seepseg.baselines.weights import channels_of
from seepseg.dataset.layout import Dataset
from seepseg.errors import UsageError
from seepseg.train import machine
from seepseg.train.balance import Balance
from seepseg.train.balanced import apply_balance, open_dataset
from seepseg.train.faults import check_dataset
from seepseg.train.losses import Loss, column_weights
from seepseg.train.plan import Plan, Request, choose_device, choose_imgsz, find_place, make_loss, resolve_balance

BEST = {"miou": "metrics/mIoU", "val_loss": "val/mask_loss"}
"""Figures that can name the best epoch, with their columns."""


def plan_baseline(request: Request, name: str, loss: str) -> Plan:
    """Decide everything and write the derived data; nothing is trained, and no run folder is made."""
    entry = find_entry(name)
    if loss not in LOSSES:
        raise UsageError(f"--loss {loss}: the losses are {', '.join(LOSSES)}")
    request = _fill(request, name, loss)
    settings = complete(request.settings)
    run = find_place(request.project, request.name)
    dataset = open_dataset(request.data)
    balance, _ = resolve_balance(dataset, request)
    _check_balance(balance)
    notes = [] if balance.merge else check_dataset(dataset)
    device, _ = choose_device(settings)
    balanced = apply_balance(dataset, balance, seed=settings["seed"], workers=machine.core_count())
    notes = check_dataset(balanced.dataset) if balance.merge else notes
    _check_names(balanced.dataset)
    weighting = make_loss(balance, balanced.weights)
    weigh(loss, weighting, len(balanced.dataset.names))
    about_size = _settle_imgsz(settings, balanced.dataset)
    start = choose_start(entry, request.weights, request.sha256)
    told = (f"{entry.name} is the {entry.known_as}", *notes, *balanced.notes, *about_size)
    return Plan(request, run, balance, balanced, weighting, start, TASKS[entry.kind], settings, device, told)


def weigh(kind: str, weighting: Loss, classes: int) -> SemanticLoss:
    """The loss with the weights of the table, as Ultralytics' semantic head has them: the background keeps 1, and one
    class alone can only have its positives weighed."""
    channels = channels_of(classes)
    data: dict[str, Any] = {"nc": channels, "bg_class_idx": classes if channels > 1 else None}
    weights = column_weights(weighting, data, "semantic")
    positive = weighting.class_weights[0] if channels == 1 and weighting.class_weights else None
    return SemanticLoss(kind, weights, positive)


def _fill(request: Request, name: str, loss: str) -> Request:
    best = request.best if request.best in BEST else "miou" if request.best == "mask_map" else None
    if best is None:
        raise UsageError(f"a baseline has no {request.best}; choose the best epoch by {' or '.join(BEST)}")
    return replace(request, best=best, extra={**request.extra, "baseline": name, "loss": loss})


def _check_balance(balance: Balance) -> None:
    if balance.mask_loss != "bce":
        raise UsageError(
            f"--mask-loss {balance.mask_loss} is of YOLO's instances; a baseline takes --loss {balance.mask_loss}"
        )
    if balance.focal:
        raise UsageError("--focal is of YOLO's class loss; leave it out, or give --class-weights, --repeat or --paste")


def _check_names(dataset: Dataset) -> None:
    if "background" in dataset.names:
        raise UsageError(
            f"{dataset.yaml}: has a class called background, and that is what a baseline calls pixels without a class; "
            "rename it, or leave it out when converting"
        )


def _settle_imgsz(settings: dict[str, Any], dataset: Dataset) -> list[str]:
    if settings["imgsz"] is None:
        del settings["imgsz"]
    notes = choose_imgsz(settings, dataset)
    rounded = round_up(settings["imgsz"])
    if rounded != settings["imgsz"]:
        notes.append(f"imgsz {settings['imgsz']} is made {rounded}: the networks halve an image five times")
    settings["imgsz"] = rounded
    return notes


def entry_of(plan: Plan) -> Entry:
    """The network that is planned."""
    return find_entry(plan.request.extra["baseline"])
