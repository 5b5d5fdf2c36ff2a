"""Look at images, truth and labels side by side.

seepseg preview datasets/seep --out seep.png
seepseg preview datasets/seep --out worst.png --split train --worst
"""

import argparse
from pathlib import Path

from seepseg.dataset.layout import read_dataset
from seepseg.dataset.preview import draw_sheet, own_split
from seepseg.errors import OutputError, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The dataset, and which of its images."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a dataset folder or its data.yaml")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture to write, .png or .jpg")
    parser.add_argument(
        "--split", metavar="SPLIT", help="train, val or test (default val, or train where val is its images)"
    )
    parser.add_argument("--count", type=int, default=12, metavar="N", help="images (default 12)")
    parser.add_argument("--worst", action="store_true", help="those whose labels differ most from their truth")


def run(args: argparse.Namespace) -> int:
    """Write the sheet and say what is on it."""
    if not 1 <= args.count <= 200:
        raise UsageError(f"--count {args.count}: give a number from 1 to 200")
    if args.out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError(f"--out {args.out}: give a name that ends in .png or .jpg")
    dataset = read_dataset(args.dataset)
    split = args.split or own_split(dataset)
    picture, shown = draw_sheet(dataset, split, count=args.count, worst=args.worst)
    partial = args.out.with_name(f".{args.out.stem}.partial{args.out.suffix}")
    try:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        picture.save(partial)
        partial.replace(args.out)
    except OSError as error:
        raise OutputError(f"{args.out}: cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    values = [one.iou for one in shown if one.iou is not None]
    told = f", IoU {min(values):.4f} to {max(values):.4f}" if values else ""
    print(f"{args.out}: {len(shown)} of {split}{told}")
    return 0
