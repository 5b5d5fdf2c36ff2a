"""A training of a baseline with everything decided: as for YOLO, but for the network, its settings and its start."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seepseg.baselines.catalogue import TASKS, Entry, find_entry
from seepseg.baselines.losses import LOSSES, SemanticLoss
from seepseg.baselines.pretrained import choose_start
from seepseg.baselines.settings import complete, round_up
from seepseg.baselines.stages import choose_stages
from seepseg.baselines.weights import channels_of
from seepseg.dataset.layout import Dataset
from seepseg.errors import UsageError
from seepseg.train import machine
from seepseg.train.balance import Balance
from seepseg.train.balanced import apply_balance, open_dataset
from seepseg.train.faults import check_dataset
from seepseg.train.losses import Loss, column_weights
from seepseg.train.plan import (
    Plan,
    Request,
    check_names,
    choose_device,
    choose_imgsz,
    find_place,
    make_loss,
    resolve_balance,
)
from seepseg.train.start import SCRATCH

if TYPE_CHECKING:
    from seepseg.baselines.classify import PresenceLoss
    from seepseg.baselines.segment import ClassWeights

BEST: Mapping[str, Mapping[str, str]] = {
    "semantic": {"miou": "metrics/mIoU", "val_loss": "val/mask_loss"},
    "sequence": {"miou": "metrics/mIoU", "val_loss": "val/mask_loss"},
    "segment": {"val_loss": "val/mask_loss", "miou": "metrics/mIoU"},
    "classify": {"val_loss": "val/cls_loss", "ap": "metrics/AP"},
}
"""Figures that can name the best epoch of each kind, with their columns; the first does unless another is asked for.
Few images are soon ranked without a fault, and the loss goes on telling such epochs apart."""


def plan_baseline(request: Request, name: str, loss: str) -> Plan:
    """Decide everything and write the derived data; nothing is trained, and no run folder is made."""
    entry = find_entry(name)
    loss = _choose_loss(entry, loss)
    request = _fill(request, entry, loss)
    settings = complete(request.settings, entry.kind)
    run = find_place(request.project, request.name)
    dataset = open_dataset(request.data)
    balance, _ = resolve_balance(dataset, request)
    _check_balance(balance)
    notes = [] if balance.merge else check_dataset(dataset)
    device, _ = choose_device(settings)
    balanced = apply_balance(dataset, balance, seed=settings["seed"], workers=machine.core_count())
    notes = check_dataset(balanced.dataset) if balance.merge else notes
    check_names(balanced.dataset)
    weighting = make_loss(balance, balanced.weights)
    _check_weight(entry, loss, weighting)
    weigh(loss, weighting, len(balanced.dataset.names), entry.kind)
    about_size = _settle_imgsz(settings, balanced.dataset)
    start = choose_start(entry, request.weights, request.sha256)
    if entry.kind == "segment":
        settings["stages"], about_stages = choose_stages(request, settings, trained=start.origin != SCRATCH)
        about_size += about_stages
    told = (f"{entry.name} is the {entry.known_as}", *notes, *balanced.notes, *about_size)
    return Plan(request, run, balance, balanced, weighting, start, TASKS[entry.kind], settings, device, told)


def weigh(
    loss: str, weighting: Loss, classes: int, kind: str = "semantic"
) -> "SemanticLoss | PresenceLoss | ClassWeights":
    """The loss with the weights of the table. A segmenter has them as Ultralytics' semantic head does: the background
    keeps 1, and one class alone can only have its positives weighed."""
    if kind == "segment":
        from seepseg.baselines.segment import ClassWeights

        return ClassWeights(weighting.class_weights)
    if kind == "classify":
        from seepseg.baselines.classify import PresenceLoss

        return PresenceLoss(weighting.class_weights, weighting.positives)
    channels = channels_of(classes)
    data: dict[str, Any] = {"nc": channels, "bg_class_idx": classes if channels > 1 else None}
    weights = column_weights(weighting, data, "semantic")
    positive = weighting.class_weights[0] if channels == 1 and weighting.class_weights else None
    return SemanticLoss(loss, weights, positive)


def _choose_loss(entry: Entry, asked: str) -> str:
    """`mix` is what is asked for where nothing is."""
    if asked not in LOSSES:
        raise UsageError(f"--loss {asked}: the losses are {', '.join(LOSSES)}")
    if entry.kind == "segment":
        if asked != "mix":
            raise UsageError(f"--loss {asked}: {entry.name} has losses of its own, five of them; leave it out")
        return "own"
    if entry.kind != "classify":
        return asked
    if asked not in ("mix", "ce"):
        raise UsageError(f"--loss {asked}: {entry.name} has no pixels that could overlap; leave it out (cross entropy)")
    return "ce"


def _fill(request: Request, entry: Entry, loss: str) -> Request:
    known = BEST[entry.kind]
    best = request.best or next(iter(known))
    if best not in known:
        raise UsageError(f"{entry.name} has no {best}; choose the best epoch by {' or '.join(known)}")
    return replace(request, best=best, extra={**request.extra, "baseline": entry.name, "loss": loss})


def _check_balance(balance: Balance) -> None:
    if balance.mask_loss != "bce":
        raise UsageError(
            f"--mask-loss {balance.mask_loss} is of YOLO's instances; a baseline takes --loss {balance.mask_loss}"
        )
    if balance.focal:
        raise UsageError("--focal is of YOLO's class loss; leave it out, or give --class-weights, --repeat or --paste")


def _check_weight(entry: Entry, loss: str, weighting: Loss) -> None:
    """Refuse the weight of a single class where nothing in the loss would take it up. A run that goes on keeps its."""
    if weighting.class_weights is None or len(weighting.class_weights) > 1:
        return
    if entry.kind == "classify" and not weighting.positives:
        raise UsageError(
            f"one class has no other class to weigh it with in {entry.name}; weigh its positives by name, such as "
            "--class-weights NAME=3 --positives"
        )
    if weighting.positives and loss in ("dice", "iou"):
        raise UsageError(
            f"--loss {loss} of one class has no positives to weigh; take --loss mix or ce, or leave class weights out"
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
