"""Make a bundle of a trained model: everything to run it elsewhere, and the check that it gives the same answer.

  seepseg export runs/seep --out seep_bundle
  seepseg export runs/seep --out seep_bundle --formats torchscript,onnx,openvino --zip

Each model is run beside the .pt; where an answer differs, nothing is written and the command ends with 1.
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


def run(args: argparse.Namespace) -> int:
    """Export, compare, print; 1 where an answer differs."""
    formats = [name.strip() for name in args.formats.split(",") if name.strip()]
    if not formats:
        raise UsageError(f"--formats {args.formats}: give some of torchscript, onnx, openvino")
    from seepseg.edge.export import ParityError, export

    out = args.out or _beside(args.model)
    try:
        made = export(
            args.model,
            out,
            formats,
            imgsz=args.imgsz,
            dynamic=args.dynamic,
            zipped=args.zipped,
            overwrite=args.overwrite,
        )
    except ParityError as error:
        print(f"seepseg: {error}", file=sys.stderr)
        return 1
    print(json.dumps(_as_json(made), indent=2, ensure_ascii=False) if args.json else _render(made))
    return 0


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
        "notes": list(made.notes),
    }


def _render(made: "Exported") -> str:
    rows = [("format", "MB", "instances", "differing", "raw output", "score", "ms/image")]
    for one in made.parities:
        size = f"{made.sizes[one.engine] / 1e6:.1f}"
        rows.append(
            (
                one.engine,
                size,
                str(one.instances),
                str(one.differing),
                f"{one.raw:.1e}",
                f"{one.score:.1e}",
                f"{one.ms:g}",
            )
        )
    notes = [f"note: {note}" for note in made.notes]
    head = f"beside the .pt, on {made.images}; largest differences:"
    return "\n".join([*notes, head, align(rows), f"wrote {made.path}"])
