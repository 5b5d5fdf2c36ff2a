"""Train YOLO on a dataset, with the balance that rare classes need.

  seepseg train datasets/seep/data.yaml --config configs/seep.yaml
  seepseg train datasets/seep/data.yaml --class-weights sqrt --positives --repeat 0.3 epochs=50 batch=8
  seepseg train datasets/seep/data.yaml --stages "head:6@2e-4,all:12@1e-4,all:24@2e-5"
  seepseg train datasets/seep/data.yaml --baseline unet-mit_b2 --loss dice epochs=30
  seepseg train --resume runs/train

Flags are ours; key=value are Ultralytics' own settings (https://docs.ultralytics.com/usage/cfg), and count more than
the preset's. Without a flag of the balance, what data.yaml says under `seepseg: balance:` counts, else no balance.

With --baseline, another network than YOLO is trained on the same data and measured in the same way. Ultralytics' own
semantic head is none of them: task=semantic trains it.
"""

import argparse
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seepseg.baselines.catalogue import CATALOGUE
from seepseg.errors import UsageError
from seepseg.train.losses import MASKS
from seepseg.train.trainer import BEST

if TYPE_CHECKING:
    from seepseg.train.plan import Plan, Request

OF_BASELINES = ("baseline", "loss")
START = ("config", "name", "weights", "weights_sha256", "weights_by_class", "best", "stages", "folds", "dry_run")
NEW = (*OF_BASELINES, *START)
"""Flags of a new training, which one that goes on cannot take."""
DEFAULT_LOSS = "mix"
BALANCE = ("weights", "positives", "repeat", "paste", "merge", "mask_loss", "focal")
"""Flags that go into the balance; the first is --class-weights."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to train on, from what, with which balance."""
    parser.add_argument("words", nargs="*", metavar="DATA.yaml key=value", help="dataset; Ultralytics' settings")
    parser.add_argument("--config", type=Path, metavar="FILE", help="preset: a flat YAML of Ultralytics' settings")
    parser.add_argument("--name", metavar="RUN", help="folder of the run (default: train, train2 …)")
    parser.add_argument("--project", type=Path, default=Path("runs"), metavar="DIR", help="where runs lie (runs)")
    parser.add_argument(
        "--weights",
        metavar="MODEL",
        help="start from a .pt, a run folder, Ultralytics' yolov8n-seg.pt, or scratch (default: the preset's model, "
        "else the model in runs/sos; of a baseline also imagenet, which is taken if it can be had)",
    )
    parser.add_argument("--weights-sha256", metavar="HEX", help="what the weights must be")
    parser.add_argument(
        "--baseline", metavar="NETWORK", help=f"train another network than YOLO: {', '.join(CATALOGUE)}"
    )
    parser.add_argument(
        "--loss", metavar="KIND", help="of a baseline: ce, dice, iou or mix, which is ce and dice (mix)"
    )
    parser.add_argument(
        "--best",
        choices=(*BEST, "ap"),
        help="figure that the best epoch is chosen by (mask_map; of a baseline its own); ap is of those for presence",
    )
    parser.add_argument(
        "--stages", metavar="LIST", help="PART:EPOCHS@RATE, such as head:6@2e-4,all:12@1e-4,all:24@2e-5"
    )
    parser.add_argument("--folds", action="store_true", help="train on each of the dataset's folds")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show table and settings, train nothing; what --repeat, --paste and --merge derive is written",
    )
    _add_balance(parser)
    # argparse gives a list of words what stands before the first flag and then no more.
    parser.parse_known_args = _gather_words(parser)  # type: ignore[method-assign]


def _add_balance(parser: argparse.ArgumentParser) -> None:
    flags = parser.add_argument_group("balance", "each on its own; also under `seepseg: balance:` in data.yaml")
    flags.add_argument(
        "--class-weights",
        dest="weights_by_class",
        metavar="RULE",
        help="none, inverse, sqrt, effective:β, cls_pw:x, or name=w,name=w (none)",
    )
    flags.add_argument(
        "--positives",
        action="store_true",
        default=None,
        help="weigh only what a missed object costs, not the whole column of the class",
    )
    flags.add_argument(
        "--repeat",
        type=float,
        metavar="T",
        help="repeat images of classes that fewer than this share of images have, such as 0.3; data.repeat.yaml beside "
        "data.yaml lists them (0, none)",
    )
    flags.add_argument(
        "--paste",
        type=int,
        metavar="N",
        help="paste rare objects into copies of training tiles until each class has N instances, in a dataset beside "
        "yours (0, none)",
    )
    flags.add_argument(
        "--merge",
        action="append",
        metavar="NEW=a,b",
        help="make one class of several, in a dataset beside yours; may be repeated",
    )
    flags.add_argument("--mask-loss", choices=MASKS, help="loss of the masks (bce)")
    flags.add_argument(
        "--focal", type=float, metavar="G", help="gamma of a focal factor in the class loss, from 1 on (0, none)"
    )


def run(args: argparse.Namespace) -> int:
    """Train, or go on with a training; the run folder is the last line."""
    data, pairs = split_words(args.words)
    if args.resume is not None:
        return _resume(args, data, pairs)
    _check_baseline(args)
    if data is None:
        raise UsageError("give the dataset to train on, such as: seepseg train datasets/seep/data.yaml")
    request = _request(args, data, pairs)
    if args.dry_run:
        return _show(request, args)
    print(f"next: {_train(request, args)}")
    return 0


def _check_baseline(args: argparse.Namespace) -> None:
    if args.loss and not args.baseline:
        raise UsageError("--loss is of --baseline; YOLO's own is changed with --mask-loss and --focal")
    kind = CATALOGUE[args.baseline].kind if args.baseline in CATALOGUE else None
    if args.stages and args.baseline and kind != "segment":
        raise UsageError("--stages is of YOLO and Mask R-CNN; this network is trained in one go, so leave it out")


def split_words(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The dataset and the settings, in any order."""
    pairs = [word for word in words if "=" in word and not Path(word).exists()]
    others = [word for word in words if word not in pairs]
    if len(others) > 1:
        raise UsageError(f"{' '.join(others[1:])}: one dataset can be given, and settings as key=value")
    return (Path(others[0]) if others else None), pairs


def _request(args: argparse.Namespace, data: Path, pairs: Sequence[str]) -> "Request":
    from seepseg.train.overrides import read_pairs, read_preset
    from seepseg.train.plan import Request
    from seepseg.train.stages import drop_schedule

    preset = read_preset(args.config) if args.config else {}
    if args.stages:
        preset = drop_schedule(preset)
    if args.baseline:
        preset = _keep_known(preset)
    wish = preset.pop("model", None)
    balance: dict[str, Any] = {key: getattr(args, key, None) for key in BALANCE}
    return Request(
        data=data,
        settings=preset | read_pairs(pairs),
        wish=wish,
        balance=balance | {"weights": args.weights_by_class},
        weights=args.weights,
        sha256=args.weights_sha256,
        project=args.project,
        name=args.name,
        best=args.best or "",
        extra=_extra(args),
    )


def _extra(args: argparse.Namespace) -> dict[str, Any]:
    """YOLO's stages are runs of their own; a baseline's are of one."""
    extra = {"preset": args.config.name} if args.config else {}
    return extra | ({"stages": args.stages} if args.stages and args.baseline else {})


def _keep_known(preset: dict[str, Any]) -> dict[str, Any]:
    """What a baseline can use of a preset that was made for YOLO; the user hears of the rest."""
    from seepseg.baselines.settings import keep_known

    known, others = keep_known(preset)
    if others:
        print(f"note: a baseline has no use for these of the preset: {', '.join(others)}")
    return known


def _train(request: "Request", args: argparse.Namespace) -> str:
    """Train as asked; the command to go on with."""
    from seepseg.train.folds import train_folds

    one = _trainer(args)
    if args.folds:
        how = {flag: value for flag in (*OF_BASELINES, "stages") if (value := getattr(args, flag))}
        return f"figures of all folds are in {train_folds(request, one, how=how)}"
    return _evaluation(one(request), request.data)


def _trainer(args: argparse.Namespace) -> "Callable[[Request], Path]":
    from seepseg.train.run import train
    from seepseg.train.stages import read_stages, train_stages

    if args.baseline:
        from seepseg.baselines.run import train_baseline

        return lambda request: train_baseline(request, args.baseline, args.loss or DEFAULT_LOSS)
    stages = read_stages(args.stages) if args.stages else None
    return (lambda request: train_stages(request, stages)) if stages else train


def _resume(args: argparse.Namespace, data: Path | None, pairs: Sequence[str]) -> int:
    from seepseg.baselines.run import is_baseline_run, resume_baseline
    from seepseg.train.overrides import read_pairs
    from seepseg.train.resume import find_run, resume
    from seepseg.train.stages import go_on, is_done_stage

    given = [getattr(args, flag, None) for flag in (*NEW, *BALANCE)]
    if any(value is not None and value is not False for value in given):  # --repeat 0 is given, too.
        raise UsageError("--resume goes on with the settings that the run has; give it alone, or with the dataset")
    run = find_run(args.resume, args.project)
    if not is_done_stage(run):
        (resume_baseline if is_baseline_run(run) else resume)(run, data=data, changes=read_pairs(pairs))
    print(f"next: {_evaluation(go_on(run, data), data)}")
    return 0


def _evaluation(run: Path, data: Path | None) -> str:
    from seepseg.train.resume import trained_on

    return f"seepseg eval {shlex.quote(str(run))} {shlex.quote(str(trained_on(run, data)))}"


def _show(request: "Request", args: argparse.Namespace) -> int:
    from seepseg.train.folds import list_folds
    from seepseg.train.plan import describe
    from seepseg.train.stages import check_stages, read_stages

    for stage in check_stages(request, read_stages(args.stages)) if args.stages else ():
        print(f"stage: {stage.part}, {stage.epochs} epochs at {stage.lr:g}")
    for file in list_folds(request.data) if args.folds else ():
        print(f"fold: {file}")
    print(describe(_plan(request, args)))
    return 0


def _plan(request: "Request", args: argparse.Namespace) -> "Plan":
    if not args.baseline:
        from seepseg.train.plan import plan_run

        return plan_run(request)
    from seepseg.baselines.plan import plan_baseline

    return plan_baseline(request, args.baseline, args.loss or DEFAULT_LOSS)


def _gather_words(parser: argparse.ArgumentParser) -> Any:
    def parse(args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:
        found, left = argparse.ArgumentParser.parse_known_args(parser, args, namespace)
        found.words += [word for word in left if not word.startswith("-")]
        return found, [word for word in left if word.startswith("-")]

    return parse
