"""Turn masks, COCO, LabelMe, boxes, scenes or YOLO labels into an exact YOLO-seg dataset.

seepseg convert masks IMAGES MASKS OUT --names a,b,c
seepseg convert coco SOURCE OUT
"""

import argparse
import json
import math
import os
import shlex
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seepseg.commands.flags import add_workers, image_size
from seepseg.commands.kinds import KINDS, existing
from seepseg.errors import UsageError

if TYPE_CHECKING:
    from seepseg.dataset.write import Settings

INPUTS = ("source", "images", "masks", "table", "scenes", "truth")
"""Arguments of the kinds that name what is read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command per kind of source; all share the flags of the dataset to write."""
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    for name, (summary, add, open_source) in KINDS.items():
        kind = kinds.add_parser(
            name, help=summary, description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        add(kind)
        _add_dataset_flags(kind)
        kind.set_defaults(run=run, open_source=open_source, crew=None, parser=kind)


def run(args: argparse.Namespace) -> int:
    """Read the source, show what was decided, write the dataset."""
    # Threads of numpy that wait for work would take time from the processes that have some.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from seepseg.dataset import staging
    from seepseg.dataset.write import PROOF, convert
    from seepseg.workers import Crew

    settings = _settings(args)
    inputs = [Path(given) for name in INPUTS if (given := getattr(args, name, None))]
    staging.keep_apart(args.out, inputs, overwrite=args.overwrite)
    staging.check_place(args.out, overwrite=args.overwrite, proof=PROOF)
    with closing(Crew(args.workers)) as crew:
        args.crew = crew
        source = args.open_source(args)
        for note in source.notes:
            print(note, file=sys.stderr)
        written = convert(source, args.out, settings, workers=crew, overwrite=args.overwrite)
    if args.json:
        print(json.dumps({"out": str(args.out), **asdict(written)}, ensure_ascii=False))
        return 0
    for note in written.notes[len(source.notes) :]:
        print(note)
    print(written.table)
    for skip in written.skipped:
        print(f"{skip['count']:,} × {skip['reason']}: {'; '.join(skip['examples'][:3])}")
    print(_fidelity_line(written.fidelity))
    print(f"next: seepseg check {shlex.quote(str(args.out))}")
    return 0


def _fidelity_line(fidelity: dict[str, Any]) -> str:
    if fidelity["mean_iou"] is None:
        return "no objects, so nothing to measure the labels by"
    return (
        f"labels through the training loader at imgsz {fidelity['imgsz']}: mean IoU {fidelity['mean_iou']:.4f}, "
        f"least {fidelity['min_iou']:.4f} (of {fidelity['images']:,} images)"
    )


def _settings(args: argparse.Namespace) -> "Settings":
    from seepseg.dataset.write import Settings
    from seepseg.scale_choice import parse_scale
    from seepseg.splits.groups import recognise_groups

    if args.scale:
        parse_scale(args.scale)
    if args.group and not args.groups:
        recognise_groups((), args.group)
    if args.seed < 0:
        raise UsageError(f"--seed {args.seed}: give 0 or more")
    if args.folds < 0 or args.folds == 1:
        raise UsageError(f"--folds {args.folds}: give 2 or more")
    if args.gsd is not None and not args.gsd > 0:
        raise UsageError(f"--gsd {args.gsd}: metres per pixel are more than 0")
    if args.nodata is not None and not math.isfinite(args.nodata):
        raise UsageError(f"--nodata {args.nodata}: is no data anyway; give a number, or leave it out")
    if args.group and args.groups:
        raise UsageError("--group and --groups both say which images belong together; give one")
    return Settings(
        imgsz=args.imgsz,
        shares=args.split,
        group=args.group,
        groups=existing(args.groups) if args.groups else None,
        folds=args.folds,
        seed=args.seed,
        parts=args.parts,
        scale=args.scale,
        bands=args.bands,
        gsd=args.gsd,
        link=args.link,
        nodata=args.nodata,
        unfit=args.unfit,
    )


def _shares(text: str) -> tuple[float, float, float]:
    try:
        shares = [float(word) for word in text.split(",")]
    except ValueError:
        shares = []
    shares += [0.0] * (3 - len(shares))
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise UsageError(f"--split {text}: give the shares of train, val and test, adding up to 1, such as .7,.15,.15")
    return shares[0], shares[1], shares[2]


def _bands(text: str) -> tuple[int, ...]:
    try:
        bands = tuple(int(word) for word in text.split(","))
    except ValueError:
        bands = ()
    if len(bands) not in (1, 3) or min(bands) < 1:
        raise UsageError(f"--bands {text}: give one band or three, counted from 1, such as 1 or 4,3,2")
    return bands


def _add_dataset_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="OUT", type=Path, help="the dataset folder to write")
    flags = parser.add_argument_group("the dataset to write")
    flags.add_argument(
        "--imgsz", type=image_size, default=640, metavar="N", help="image size you will train at (default 640)"
    )
    flags.add_argument(
        "--split",
        type=_shares,
        metavar=".7,.15,.15",
        help="shares of train, val and test (default: the source's own, else .7,.15,.15)",
    )
    flags.add_argument("--group", metavar="REGEX", help="keep images together whose stem has the same first capture")
    flags.add_argument("--groups", metavar="FILE", help="the same by a CSV of stem,group, as check --near writes it")
    flags.add_argument(
        "--folds", type=int, default=0, metavar="K", help="write folds/<k>.yaml for K-fold cross-validation too"
    )
    flags.add_argument("--seed", type=int, default=0, metavar="N", help="of the split (default 0)")
    flags.add_argument(
        "--parts",
        choices=("join", "split"),
        help="objects in several parts: one row with seams, or a row each (default: join polygons, split masks)",
    )
    flags.add_argument(
        "--scale",
        metavar="RULE",
        help="how values become 8 bits: db:-35,0 | db (the middle 98 %% in dB) | percentile:1,99 | minmax | none "
        "(default: db:-35,0 for float SAR in dB or linear power, db for SAR amplitude, else percentile:1,99)",
    )
    flags.add_argument(
        "--nodata", type=float, metavar="V", help="of 16-bit and float files: what fills pixels without data, such as 0"
    )
    flags.add_argument("--bands", type=_bands, metavar="1,2,3", help="bands to use of files that hold more")
    flags.add_argument("--gsd", type=float, metavar="M", help="resample to this many metres per pixel")
    flags.add_argument(
        "--unfit",
        choices=("error", "skip"),
        default="error",
        help="images that can't be converted, such as one of another size than its mask: end it all and list them "
        "(default), or leave them out and say so",
    )
    add_workers(flags)
    flags.add_argument(
        "--link", action="store_true", help="hard-link images instead of copying them: don't edit either in place then"
    )
    flags.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    flags.add_argument("--json", action="store_true", help="print the result as JSON")
