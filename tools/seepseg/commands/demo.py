"""See it work on simulated data: every step is a command that you can run yourself.

seepseg demo
"""

import argparse
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from seepseg.errors import UsageError

NAMES = ",".join(f"seep{number}" for number in range(1, 8))
SCALE = "db:-30,0"
"""What the simulated echo lies within, of tiles and scene alike."""
RUN = "trained"
BALANCE = ["--class-weights", "sqrt", "--positives", "--repeat", "0.3"]
SETTINGS = ["imgsz=256", "batch=16", "optimizer=AdamW", "lr0=0.002", "freeze=10", "mosaic=0", "warmup_epochs=1"]
"""Of a training of two minutes: what the reference model knows of dark spots stays, the rest is fitted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it goes, and how much of it."""
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), metavar="DIR", help="default runs/demo")
    parser.add_argument("--tiles", type=int, default=160, metavar="N", help="tiles to simulate (default 160)")
    parser.add_argument("--epochs", type=int, default=6, metavar="N", help="to train (default 6)")
    parser.add_argument("--weights", metavar="MODEL", help="to start from (default: the reference model in runs/sos)")


def run(args: argparse.Namespace) -> int:
    """Run the steps one after the other; the first that fails ends the demo with its own exit code."""
    from seepseg.cli import main

    _refuse_early(args)
    print("The images of this demo are simulated: no figure from it says anything about real seeps.")
    _make_room(args.out)
    began = time.perf_counter()
    for step in steps(args.out, args.tiles, args.epochs, args.weights):
        print(f"\n$ seepseg {shlex.join(step)}", flush=True)
        code = main(step)
        if code:
            print(f"seepseg demo: that step ended with {code}", file=sys.stderr)
            return code
    print(_farewell(args.out, time.perf_counter() - began))
    return 0


def _refuse_early(args: argparse.Namespace) -> None:
    """What would end the demo only after minutes, or after an earlier model is gone."""
    from seepseg.train.start import choose_start

    if args.tiles < 40:
        raise UsageError(f"--tiles {args.tiles}: give at least 40, so that each class has an object in each split")
    if args.epochs < 1:
        raise UsageError(f"--epochs {args.epochs}: give at least 1")
    if args.weights and Path(args.weights).resolve().is_relative_to((args.out / RUN).resolve()):
        raise UsageError(
            f"--weights {args.weights}: lies in {args.out / RUN}, which the demo makes anew; copy it elsewhere, or "
            "give another --out"
        )
    choose_start(args.weights, task="segment")


def _make_room(out: Path) -> None:
    """Where a demo ran before, its model goes; what else may lie under that name is left alone."""
    if (out / RUN).exists() and not (out / "simulated").is_dir():
        raise UsageError(f"{out / RUN} is already there, and no demo made it; give another --out")
    shutil.rmtree(out / RUN, ignore_errors=True)


def steps(out: Path, tiles: int, epochs: int, weights: str | None) -> Sequence[list[str]]:
    """The commands, without `seepseg`."""
    simulated, dataset, model = out / "simulated", out / "dataset", out / RUN
    pairs = [str(simulated / "train_images_256"), str(simulated / "train_masks_256")]
    start = [] if weights is None else ["--weights", weights]
    where = ["--project", str(out), "--name", RUN]
    asked = ["--names", NAMES, "--scale", SCALE, "--imgsz", "256"]
    return [
        ["simulate", "tiles", str(simulated), "--count", str(tiles), "--dtype", "float32", "--overwrite"],
        ["simulate", "scenes", str(out / "sea"), "--size", "1536", "--seed", "1", "--overwrite"],
        ["convert", "masks", *pairs, str(dataset), *asked, "--overwrite"],
        ["check", str(dataset)],
        ["preview", str(dataset), "--out", str(out / "preview.png")],
        ["train", str(dataset / "data.yaml"), *BALANCE, *start, *where, *SETTINGS, f"epochs={epochs}"],
        ["eval", str(model), str(dataset / "data.yaml"), "--split", "test"],
        ["export", str(model)],
        ["predict", str(model), str(out / "sea" / "scenes"), "--out", str(out / "predictions"), "--overwrite"],
    ]


def _farewell(out: Path, seconds: float) -> str:
    looks = {
        out / "preview.png": "tiles, their truth, what training sees of the labels, and the difference",
        out / RUN / "report.html": "how good the model is, with intervals, and where it fails",
        out / "predictions": "what it found in the scene: a quick look, GeoJSON, masks",
    }
    lines = [f"\nThat took {seconds / 60:.1f} minutes. Look at"]
    lines += [f"  {shlex.quote(str(place)):32s} {what}" for place, what in looks.items()]
    return "\n".join([*lines, "and, in a browser, at the page:\n  seepseg app"])
