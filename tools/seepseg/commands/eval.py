"""How good a model is, on which classes, where it fails, and how sure that is.

  seepseg eval runs/seep datasets/seep/data.yaml --split test
  seepseg eval best.pt datasets/seep/data.yaml --split test --out results/seep
  seepseg eval - datasets/seep/data.yaml --masks other/masks --out results/other

Thresholds are never chosen on the images that are reported: they come from the val split, and a report on val itself
is cross-fitted. With - in place of the model, --masks judges the masks of any other tool on the same footing.
"""

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from seepseg.commands.flags import image_size, replicate_count, seed
from seepseg.errors import UsageError
from seepseg.report.failures import FIGURES

if TYPE_CHECKING:
    from seepseg.evaluate.in_force import Given
    from seepseg.measures.thresholds import Rule

NO_MODEL = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to evaluate on what, and how."""
    parser.add_argument("model", metavar="MODEL", help="a run folder or a .pt; - with --masks")
    parser.add_argument("data", type=Path, metavar="DATA.yaml", help="a dataset folder or its data.yaml")
    parser.add_argument("--split", choices=("train", "val", "test"), help="split to report (default: test, else val)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where figures go (default: the run folder itself)")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="PNG masks of another tool: 0 or class id + 1")
    parser.add_argument("--imgsz", type=image_size, metavar="N", help="image size (default: that of the training)")
    parser.add_argument("--device", metavar="D", help="cpu, or the number of a GPU (default: a GPU if there is one)")
    parser.add_argument("--batch", type=_batch, metavar="N", help="images that go through the network at once")
    flags = parser.add_argument_group("thresholds")
    rule = flags.add_mutually_exclusive_group()
    rule.add_argument("--conf", metavar="X", help="this confidence, or name=x,name=x; nothing is chosen then")
    rule.add_argument("--recall", type=_share, metavar="R", help="presence: the most precise that keeps this recall")
    rule.add_argument("--precision", type=_share, metavar="P", help="presence: most recall that keeps this precision")
    parser.add_argument("--replicates", type=replicate_count, default=1000, metavar="N", help="of the bootstrap (1000)")
    parser.add_argument("--seed", type=seed, default=0, help="of the bootstrap and the folds (0)")
    parser.add_argument(
        "--worst-by", choices=FIGURES, default="iou", help="what the sheets of failures are ranked by (iou)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier evaluation")
    parser.add_argument(
        "--no-pictures",
        dest="pictures",
        action="store_false",
        help="list failures without their images: of data that is not to be passed on",
    )
    parser.add_argument("--no-report", dest="report", action="store_false", help="figures alone: no plots, no page")
    parser.add_argument("--json", action="store_true", help="metrics.json on the output")


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    _check(args)
    from seepseg.evaluate.run import Request, evaluate
    from seepseg.evaluate.summary import render

    request = Request(
        data=args.data,
        model=None if args.masks else Path(args.model),
        masks=args.masks,
        conf=read_conf(args.conf) if args.conf is not None else None,
        rule=_rule(args),
        command=_command(args),
        **{key: getattr(args, key) for key in ("split", "out", "imgsz", "device", "batch", "replicates", "seed")},
        overwrite=args.overwrite,
        report=args.report,
        pictures=args.pictures,
        worst_by=args.worst_by,
    )
    report = evaluate(request)
    print(json.dumps(report, indent=2, ensure_ascii=False) if args.json else render(report))
    return 0


def read_conf(text: str) -> "Given":
    """0.25, or oil=0.2,ship=0.5."""
    try:
        if "=" not in text:
            return _share(text)
        pairs = [part.rpartition("=") for part in text.split(",")]
        return {name.strip(): _share(value) for name, _, value in pairs}
    except UsageError:
        raise UsageError(f"--conf {text}: give a confidence above 0 and below 1, or name=x,name=x") from None


def _check(args: argparse.Namespace) -> None:
    if (args.model == NO_MODEL) != (args.masks is not None):
        raise UsageError(
            "give a model, or - in its place together with --masks DIR: seepseg eval - DATA.yaml --masks DIR"
        )
    odd = [
        flag for flag in ("conf", "recall", "precision", "imgsz", "device", "batch") if getattr(args, flag) is not None
    ]
    if args.masks and odd:
        raise UsageError(f"--{odd[0]} is for a model; --masks has neither confidences nor a network")


def _rule(args: argparse.Namespace) -> "Rule | None":
    from seepseg.measures.thresholds import Rule

    if args.recall is not None:
        return Rule("recall", args.recall)
    return None if args.precision is None else Rule("precision", args.precision)


def _command(args: argparse.Namespace) -> str:
    """As it would be typed again, without the folders of this machine."""
    from seepseg.evaluate.folder import show_path

    words = ["seepseg", "eval", show_path(Path(args.model)), show_path(args.data)]
    for flag in ("split", "masks", "imgsz", "device", "batch", "conf", "recall", "precision"):
        value = getattr(args, flag)
        if value is not None:
            words += [f"--{flag}", show_path(value) if flag == "masks" else str(value)]
    for flag, usual in (("replicates", 1000), ("seed", 0)):
        if getattr(args, flag) != usual:
            words += [f"--{flag}", str(getattr(args, flag))]
    return shlex.join(words)


def _batch(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise UsageError(f"--batch {text}: give a whole number from 1")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise UsageError(f"{text}: give a number above 0 and below 1")
    return value
