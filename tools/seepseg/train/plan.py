"""Everything about one training, decided and told before it begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from seepseg import ultralytics_home
from seepseg.dataset.layout import Dataset
from seepseg.errors import MissingExtra, OutputError, UsageError
from seepseg.train import machine, record
from seepseg.train.balance import Balance, override, read_balance
from seepseg.train.balanced import Balanced, apply_balance, as_json, open_dataset
from seepseg.train.faults import check_dataset
from seepseg.train.losses import Loss, check_task, column_weights
from seepseg.train.overrides import defaults
from seepseg.train.start import Start, choose_start
from seepseg.train.trainer import BEST, check_best


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks of one training."""

    data: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Ultralytics' own, from preset and command line."""
    wish: str | None = None
    """The model that the preset names."""
    balance: Mapping[str, Any] = field(default_factory=dict)
    """What flags say of it; data.yaml says the rest."""
    weights: str | None = None
    sha256: str | None = None
    project: Path = Path("runs")
    name: str | None = None
    best: str = ""
    """The figure that the best epoch is chosen by; empty for the usual one of the network."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else the record is to keep: the stage or fold that this is, the preset."""

    def as_json(self) -> dict[str, Any]:
        """For the record, without folders of this machine."""
        places = record.portable({"data": self.data, "model": self.weights})
        return {
            "data": places["data"],
            "settings": record.portable(self.settings),
            "wish": self.wish,
            "weights": places["model"],
            "balance": dict(self.balance),
            "best": self.best,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """A training with everything decided."""

    request: Request
    run: Path
    balance: Balance
    balanced: Balanced
    loss: Loss
    start: Start
    task: str
    settings: Mapping[str, Any]
    device: str
    notes: tuple[str, ...]


def plan_run(request: Request) -> Plan:
    """Decide everything and write the derived data; nothing is trained, and no run folder is made."""
    run = find_place(request.project, request.name)
    dataset = open_dataset(request.data)
    balance, settings = resolve_balance(dataset, request)
    model = settings.pop("model", None)
    task = task_of(request)
    request = replace(request, best=request.best or next(iter(BEST)))
    check_best(request.best, task)
    check_task(Loss(focal=balance.focal, mask=balance.mask_loss), task)
    notes = [] if balance.merge else check_dataset(dataset)
    _check_extras(settings)
    device, about_device = choose_device(settings)
    start = choose_start(request.weights, model=model, wish=request.wish, task=task, sha256=request.sha256)
    balanced = apply_balance(dataset, balance, seed=settings.get("seed", 0), workers=machine.core_count())
    notes = check_dataset(balanced.dataset) if balance.merge else notes
    if task == "semantic":
        check_names(balanced.dataset)
    loss = make_loss(balance, balanced.weights)
    # Here too, since the trainer would refuse weights only once there is a run folder.
    column_weights(loss, {"nc": len(balanced.dataset.names)}, task)
    settings, about_settings = _settle(settings, balanced.dataset, balance)
    told = (*notes, *balanced.notes, *about_settings, *about_device)
    return Plan(request, run, balance, balanced, loss, start, task, settings, device, told)


def make_loss(balance: Balance, weights: Sequence[float] | None) -> Loss:
    """The balance as the criterion takes it, with the weights of the table. Where a flag switches off the weights of
    data.yaml, `positives` beside them says nothing any more."""
    return Loss(
        class_weights=tuple(weights) if weights else None,
        positives=balance.positives and bool(weights),
        focal=balance.focal,
        mask=balance.mask_loss,
    )


def check_names(dataset: Dataset) -> None:
    """For networks that add a background of their own, which is known by its name alone."""
    if "background" in dataset.names:
        raise UsageError(
            f"{dataset.yaml}: has a class called background, and that is what the network calls pixels without a "
            "class; rename it, or leave it out when converting"
        )


def describe(plan: Plan) -> str:
    """What will be done, for the user."""
    changed = {key: value for key, value in plan.settings.items() if value != defaults().get(key)}
    lines = [
        *(f"note: {note}" for note in plan.notes),
        plan.balanced.table,
        plan.start.sentence,
        f"on {plan.device}",
        f"balance: {_asked(plan.balance)}",
        f"settings other than Ultralytics' own: {', '.join(f'{key}={value}' for key, value in changed.items())}",
        f"run folder: {plan.run}",
    ]
    return "\n".join(lines)


def find_place(project: Path, name: str | None) -> Path:
    """The folder of a new run: never one that is there."""
    if name is None:
        taken = (project / ("train" if number == 1 else f"train{number}") for number in range(1, 1_000_000))
        return next(place for place in taken if not place.exists())
    if not name or Path(name).name != name or name in (".", ".."):
        raise UsageError(f"--name {name}: a run's name is one folder below --project, such as seep-sqrt")
    place = project / name
    if place.exists():
        raise OutputError(f"{place} is already there; give another --name, or go on with it: --resume {place}")
    return place


def resolve_balance(dataset: Dataset, request: Request) -> tuple[Balance, dict[str, Any]]:
    """data.yaml's wish, then the flags. Ultralytics' cls_pw becomes our rule of that name: the table has to show it."""
    base = read_balance(dataset.settings.get("balance"), f"{dataset.yaml}: seepseg: balance")
    settings, given = dict(request.settings), dict(request.balance)
    power = settings.get("cls_pw") or 0.0
    weights = given.get("weights") or base.weights
    if power and weights != "none":
        raise UsageError(f"cls_pw={power} and the class weights {weights} both weigh classes; give one")
    if power and task_of(request) != "semantic":
        given["weights"] = f"cls_pw:{settings.pop('cls_pw')}"
    balance = override(base, given, "the flags")
    if settings.pop("single_cls", False):
        balance = _merge_all(dataset, balance)
    return balance, settings


def _merge_all(dataset: Dataset, balance: Balance) -> Balance:
    """Ultralytics' single_cls, as a dataset of one class: evaluation and thresholds need one too."""
    if balance.weights != "none":
        raise UsageError("single_cls=True makes one class of all, so that class weights mean nothing; take one out")
    if balance.merge:
        raise UsageError("single_cls=True and --merge both make fewer classes; give one")
    return balance if len(dataset.names) == 1 else replace(balance, merge=(f"item={','.join(dataset.names)}",))


def choose_imgsz(settings: dict[str, Any], dataset: Dataset) -> list[str]:
    """The declared one where nothing is said; what to tell where it is another."""
    declared = dataset.imgsz
    imgsz = settings.setdefault("imgsz", declared or defaults()["imgsz"])
    if not declared or imgsz == declared:
        return []
    return [
        f"training at imgsz {imgsz}, but the labels are exact at {declared}; "
        f"'seepseg check {dataset.yaml} --imgsz {imgsz}' says how close they come"
    ]


def _settle(settings: dict[str, Any], dataset: Dataset, balance: Balance) -> tuple[dict[str, Any], list[str]]:
    """The rest of Ultralytics' settings, and what to tell of them."""
    notes = choose_imgsz(settings, dataset)
    # A checkpoint hands its own on where nothing is said.
    settings.setdefault("single_cls", False)
    if settings.get("optimizer", "auto") == "auto" and {"lr0", "momentum"} & set(settings):
        notes.append("optimizer=auto chooses lr0 and momentum itself; give an optimizer, such as AdamW, to use yours")
    if settings.get("cls_pw") and len(dataset.names) == 1:
        notes.append("cls_pw weighs classes with each other, and here is one, so it changes nothing")
    if balance.repeat and settings.get("fraction", 1.0) != 1.0:
        notes.append("fraction takes the first images of the list, so repeats and table are of the whole split")
    return settings, notes


def choose_device(settings: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What `device` means here, in words, and what else could be used."""
    ultralytics_home.prepare()
    import torch

    tools: Any = import_module("ultralytics.utils.torch_utils")
    try:
        device = tools.parse_device(settings.get("device"))
    except (ValueError, TypeError) as error:
        raise UsageError(f"device={settings.get('device')}: {first_line(error)}") from None
    gpus = torch.cuda.device_count()
    on_gpu = bool(gpus) and device not in ("cpu", "mps")
    if device not in ("", "cpu", "mps") and not on_gpu:
        raise UsageError(f"device={device}: no GPU is found here; leave device out, or give device=cpu")
    numbers = [int(word) for word in device.split(",") if word.isdigit()] if on_gpu else []
    if missing := [number for number in numbers if number >= gpus]:
        have = "GPU 0 alone is" if gpus == 1 else f"GPUs 0 to {gpus - 1} are"
        raise UsageError(f"device={device}: there is no GPU {missing[0]}; {have} here")
    if len(numbers) > 1 and settings.get("batch", 16) < 1:
        raise UsageError(
            f"batch={settings['batch']} fits the batch to one GPU's memory; for {len(numbers)} GPUs give how many "
            f"images all of them take together, such as batch={16 * len(numbers)}"
        )
    if not on_gpu and settings.get("batch", 16) < 1:
        raise UsageError(
            f"batch={settings['batch']} fits the batch to a GPU's memory, and there is none; give batch=16"
        )
    more = [f"{gpus} GPUs are here and one is used; device=0,1 uses two"] if on_gpu and not device and gpus > 1 else []
    return machine.describe_device(device), more


def _check_extras(settings: Mapping[str, Any]) -> None:
    """Ultralytics passes over transforms without a word where Albumentations is missing or refuses them."""
    if not settings.get("augmentations"):
        return
    try:
        albumentations = import_module("albumentations")
    except ImportError:
        raise MissingExtra("albumentations", "augment", "the preset's `augmentations`") from None
    try:
        for one in settings["augmentations"]:
            albumentations.from_dict(one)
    except Exception as error:  # whatever a transform's own checks raise
        raise UsageError(f"augmentations: Albumentations refuses {one}: {first_line(error)}") from None


def task_of(request: Request) -> str:
    """As asked, else as the name of the model tells it."""
    if task := request.settings.get("task"):
        return str(task)
    models = (request.weights, request.settings.get("model"), request.wish)
    named = next((model for model in models if model and model != "scratch"), "")
    return "semantic" if "-sem" in Path(named).stem else "segment"


def _asked(balance: Balance) -> str:
    plain = as_json(Balance())
    asked = [f"{key} {value}" for key, value in as_json(balance).items() if value and value != plain[key]]
    return ", ".join(asked) or "none"


def first_line(error: BaseException) -> str:
    """What an error of others says, cut short."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
