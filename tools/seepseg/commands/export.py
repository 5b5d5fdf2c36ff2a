"""Make a bundle of a trained model: everything to run it elsewhere, and the check that it gives the same answer.

  seepseg export runs/seep --out seep_bundle
  seepseg export runs/seep --out seep_bundle --formats torchscript,onnx,openvino --zip
  seepseg export runs/seep --out seep_bundle --formats openvino --precision int8 --data datasets/seep/data.yaml

Each model is run beside the .pt, as 'seepseg predict' does and as a device does; where an answer in 32 bits differs,
nothing is written and the command ends with 1. --precision puts a model of fewer bits beside those in 32, for
'seepseg predict --fast': int8 is fitted to train images and said to lose so much mAP and mIoU on val; fp16 halves the
size. MODEL.md in the bundle tells all of it.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seepseg.commands.flags import image_size
from seepseg.errors import UsageError
from seepseg.wording import align

if TYPE_CHECKING:
    from seepseg.edge.export import Exported

_SAME = ("imgsz", "dynamic", "zipped", "overwrite", "precision", "data", "images", "calibration", "judged", "program")
"""Flags that go on as they are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to export, where to, and as what."""
    parser.add_argument("model", type=Path, metavar="RUN", help="a run folder or a .pt")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the bundle (default: bundle/ in the run folder)")
    parser.add_argument(
        "--formats", default="torchscript", metavar="A,B", help="of torchscript (always), onnx, openvino"
    )
    parser.add_argument("--imgsz", type=image_size, metavar="N", help="image size (default: that of the training)")
    parser.add_argument("--dynamic", action="store_true", help="models that take any size and batch, a little slower")
    parser.add_argument("--zip", action="store_true", dest="zipped", help="one file, DIR.zip, in place of a folder")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier bundle")
    parser.add_argument("--json", action="store_true", help="sizes and comparison on the output, for a program")
    _add_fewer(parser.add_argument_group("fewer bits"))
    _add_comparison(parser.add_argument_group("comparison"))


def _add_fewer(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--precision", choices=("fp32", "fp16", "int8"), default="fp32", help="also a model of these (fp32 alone)"
    )
    group.add_argument("--data", type=Path, metavar="DATA", help="a data.yaml (that of the training)")
    group.add_argument(
        "--calibration", type=_above_0, default=128, metavar="N", help="train images to fit 8 bits to (%(default)s)"
    )
    group.add_argument(
        "--judged", type=_above_0, default=400, metavar="N", help="val images to measure the loss on (%(default)s)"
    )


def _add_comparison(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--images", type=_above_0, default=8, metavar="N", help="to compare on (%(default)s)")
    group.add_argument(
        "--cpp", type=Path, dest="program", metavar="FILE", help="seepseg-edge, where it was built, to compare it too"
    )


def run(args: argparse.Namespace) -> int:
    """Export, compare, print; 1 where an answer differs."""
    formats = [name.strip() for name in args.formats.split(",") if name.strip()]
    if not formats:
        raise UsageError(f"--formats {args.formats}: give some of torchscript, onnx, openvino")
    from seepseg.edge.export import ParityError, export

    out = args.out or _beside(args.model)
    try:
        made = export(args.model, out, formats, **{name: getattr(args, name) for name in _SAME})
    except ParityError as error:
        print(f"seepseg: {error}", file=sys.stderr)
        return 1
    print(json.dumps(_as_json(made), indent=2, ensure_ascii=False) if args.json else _render(made))
    return 0


def _above_0(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a number from 1")
    return number


def _beside(run: Path) -> Path:
    if not run.exists():
        raise UsageError(f"{run}: no such file; give a run folder or a .pt")
    if not run.is_dir():
        raise UsageError("say with --out where the bundle goes; only that of a run folder goes into the run itself")
    return run / "bundle"


def _as_json(made: "Exported") -> dict[str, object]:
    return {
        "path": str(made.path),
        "bytes": dict(made.sizes),
        "compared_on": made.images,
        "parity": [one.as_json() for one in made.parities],
        "fast": {one.engine: {"precision": one.precision, **one.as_json()} for one in made.losses},
        "notes": list(made.notes),
    }


def _render(made: "Exported") -> str:
    from seepseg.edge.tables import loss_rows, parity_rows, size_rows

    parts = [f"note: {note}" for note in made.notes]
    parts += [f"beside the .pt, on {made.images}; differences are the largest / the mean:"]
    parts += [align(parity_rows(made.parities)), align(size_rows(made.sizes))]
    if made.losses:
        parts += [f"what fewer bits lose, on {made.losses[0].images}:", align(loss_rows(made.losses))]
    return "\n".join([*parts, f"wrote {made.path}"])
