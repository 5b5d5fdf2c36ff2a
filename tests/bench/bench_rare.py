"""What finds the rare classes: the same start and number of steps, one change at a time, on simulated seeps.

python tests/bench/bench_rare.py OUT --weights START.pt                  # all variants, seed 0
python tests/bench/bench_rare.py OUT --weights START.pt --only control repeat --seeds 0 1
python tests/bench/bench_rare.py OTHER --weights OUT/runs/control-0 --imgsz 512 --steps 400   # on, at another size
python tests/bench/bench_rare.py OUT --table                             # what is finished so far

A variant that is finished is not trained again, and one that was stopped goes on. A folder that was begun with other
weights or numbers is refused.
"""

import argparse
import json
import math
import shutil
import statistics
import time
from pathlib import Path

from asked import begin
from own_process import seepseg

TILES = 1580
"""Twice SEEP's, so that the half to train on holds SEEP's counts: 787, 150, 75, 60, 297, 332 and 50."""
SPLIT = ".5,.15,.35"
NAMES = ",".join(f"seep{number}" for number in range(1, 8))
RAREST = ("seep2", "seep3", "seep4", "seep7")
WARMUP, MOSAICLESS = 50, 0.2
"""The first steps of the optimizer, of rising rate; the share of all that is the last, on whole tiles."""
BATCH = 16
PLAIN = [
    f"batch={BATCH}",
    "optimizer=AdamW",
    "lr0=0.001",
    "cos_lr=True",
    "hsv_h=0",
    "hsv_s=0",
    "flipud=0.5",
    "plots=False",
]
VARIANTS = {
    "control": [],
    "cls_pw": ["--class-weights", "cls_pw:1"],
    "positives": ["--class-weights", "sqrt", "--positives"],
    "repeat": ["--repeat", "0.3"],
    "paste": ["--paste", "330"],
    "repeat-positives": ["--repeat", "0.3", "--class-weights", "sqrt", "--positives"],
    "paste-repeat": ["--paste", "330", "--repeat", "0.3"],
    "dice": ["--mask-loss", "dice"],
    "focal": ["--focal", "1.5"],
    "one-class": ["--merge", f"seep={NAMES}"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", default="scratch", help="what every variant starts from")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--imgsz", type=int, default=256)
    parser.add_argument("--steps", type=int, default=1000, help="as Ultralytics' epochs differ in length by repeats")
    parser.add_argument("--table", action="store_true", help="train nothing")
    args = parser.parse_args()
    data = args.out / "dataset" / "data.yaml"
    if not args.table:
        begin(args.out, weights=args.weights, imgsz=args.imgsz, steps=args.steps)
        if not data.exists():
            make_dataset(args.out)
        for seed in args.seeds:
            for name in args.only:
                train(args, data, name, seed)
    print_table(args.out)


def make_dataset(out: Path) -> None:
    seepseg("simulate", "tiles", out / "simulated", "--count", TILES, "--seed", 0)
    folders = [out / "simulated" / name for name in ("train_images_256", "train_masks_256")]
    seepseg(
        "convert", "masks", *folders, out / "dataset", "--names", NAMES, "--imgsz", 256, "--split", SPLIT, "--overwrite"
    )


def train(args: argparse.Namespace, data: Path, name: str, seed: int) -> None:
    """Train as many steps as the others, whatever the repeats make of an epoch, and evaluate on the test split."""
    from seepseg.train.resume import trained_on

    run = args.out / "runs" / f"{name}-{seed}"
    if (run / "test" / "metrics.json").exists():
        return
    began = time.perf_counter()
    if not (run / "weights" / "last.pt").exists():
        shutil.rmtree(run, ignore_errors=True)
        asked = [data, *VARIANTS[name], "--weights", args.weights]
        steps = steps_an_epoch(asked, seed)
        epochs = args.steps / steps
        counted = [f"epochs={round(epochs)}", f"close_mosaic={round(epochs * MOSAICLESS)}"]
        counted += [f"warmup_epochs={WARMUP / steps:.2f}", f"seed={seed}", f"imgsz={args.imgsz}"]
        seepseg("train", *asked, "--project", run.parent, "--name", run.name, *PLAIN, *counted)
    elif json.loads((run / "record.json").read_text())["status"] != "finished":
        seepseg("train", "--resume", run)
    seepseg("eval", run, trained_on(run, data), "--split", "test", "--out", run / "test", "--overwrite")
    print(f"{run.name}: {(time.perf_counter() - began) / 60:.0f} minutes", flush=True)


def steps_an_epoch(asked: list[object], seed: int) -> float:
    """By the list that the training will read: repeats and pasted tiles count."""
    from seepseg.commands import train as command
    from seepseg.dataset.layout import read_dataset
    from seepseg.train.balance import Balance, override
    from seepseg.train.balanced import apply_balance, open_dataset

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args([str(word) for word in asked])
    given = {key: getattr(args, key, None) for key in command.BALANCE} | {"weights": args.weights_by_class}
    balanced = apply_balance(open_dataset(Path(str(asked[0]))), override(Balance(), given, "the variant"), seed=seed)
    return len(read_dataset(balanced.data).splits["train"]) / BATCH


def print_table(out: Path) -> None:
    runs = sorted((out / "runs").glob("*/test/metrics.json"), key=lambda file: file.stat().st_mtime)
    by_name: dict[str, list[dict[str, float]]] = {}
    for file in runs:
        metrics = json.loads(file.read_text())
        by_name.setdefault(file.parents[1].name.rsplit("-", 1)[0], []).append(
            {
                "mAP50": metrics["mask"]["map50"],
                **{k: v["ap50"] or 0.0 for k, v in metrics["mask"]["per_class"].items()},
            }
        )
    columns = ["mAP50", "rarest", *NAMES.split(",")]
    print(f"{'mask AP50 on test':20s} " + " ".join(f"{column:>7s}" for column in columns) + "  seeds")
    for name, seeds in by_name.items():
        for one in seeds:
            one["rarest"] = statistics.mean(one.get(rare, math.nan) for rare in RAREST)
        means = [statistics.mean(one.get(column, math.nan) for one in seeds) for column in columns]
        print(f"{name:20s} " + " ".join(f"{mean:7.3f}" for mean in means) + f"  {len(seeds)}")


if __name__ == "__main__":
    main()
