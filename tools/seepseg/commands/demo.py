"""See it work on simulated data: every step is a command that you can run yourself.

seepseg demo
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from seepseg.errors import UsageError

NAMES = ",".join(f"seep{number}" for number in range(1, 8))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it goes, and how much of it."""
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), metavar="DIR", help="default runs/demo")
    parser.add_argument("--tiles", type=int, default=200, metavar="N", help="tiles to simulate (default 200)")


def run(args: argparse.Namespace) -> int:
    """Run the steps one after the other; the first that fails ends the demo with its own exit code."""
    from seepseg.cli import main

    if args.tiles < 40:
        raise UsageError(f"--tiles {args.tiles}: give at least 40, so that each class has an object in each split")
    print("The images of this demo are simulated: no figure from it says anything about real seeps.")
    for step in steps(args.out, args.tiles):
        print(f"\n$ seepseg {shlex.join(step)}", flush=True)
        code = main(step)
        if code:
            print(f"seepseg demo: that step ended with {code}", file=sys.stderr)
            return code
    print(f"\nlook at {args.out / 'preview.png'}: image, truth, what the labels say, and the difference")
    return 0


def steps(out: Path, tiles: int) -> Sequence[list[str]]:
    """The commands, without `seepseg`."""
    simulated, dataset = out / "simulated", out / "dataset"
    pairs = [str(simulated / "train_images_256"), str(simulated / "train_masks_256")]
    return [
        ["simulate", "tiles", str(simulated), "--count", str(tiles), "--overwrite"],
        ["convert", "masks", *pairs, str(dataset), "--names", NAMES, "--imgsz", "256", "--overwrite"],
        ["check", str(dataset)],
        ["preview", str(dataset), "--out", str(out / "preview.png")],
    ]
