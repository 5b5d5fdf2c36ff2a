"""Is it worth remembering? A U-Net that sees four frames, and the same U-Net that sees one, on simulated sequences of
slicks that drift and fade under speckle of one look: the same images, size, epochs, batch and seeds.

python tests/bench/bench_sequences.py OUT                       # some 40 minutes on two cores
python tests/bench/bench_sequences.py OUT --count 120 --epochs 60 --seeds 3
python tests/bench/bench_sequences.py OUT --table               # what is finished so far

Figures are of whole sequences that neither training nor the choice of the epoch has seen, with intervals by bootstrap
over sequences. What is finished is not made again, and what was stopped goes on.
"""

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

from bench_baselines import told
from own_process import seepseg

NETWORKS = ("unet-frame", "unet-convlstm")
FIGURES = {"mIoU": ("pixels", "miou"), "slick IoU": ("pixels", "miou_foreground"), "pixel F1": ("pixels", "f1")}
SIZE = 128
SETTINGS = ("batch=8", "lr0=0.002", "plots=False", f"imgsz={SIZE}", "workers=2")


def main() -> None:
    args = parse_arguments()
    if not args.table:
        data = make_data(args)
        for seed in range(args.seeds):
            for name in NETWORKS:
                train(args, data, name, seed)
    print_table(args.out)
    compare(args.out)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=48, help="sequences; a quarter is for the figures (48)")
    parser.add_argument("--frames", type=int, default=6, help="of each (6)")
    parser.add_argument("--looks", type=int, default=1, help="of the speckle: fewer are noisier (1)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each network")
    parser.add_argument("--table", action="store_true", help="train nothing")
    return parser.parse_args()


def make_data(args: argparse.Namespace) -> Path:
    sea, data = args.out / "sea", args.out / "data"
    if not (data / "data.yaml").exists():
        numbers = ["--count", args.count, "--frames", args.frames, "--looks", args.looks, "--size", SIZE]
        seepseg("simulate", "drift", sea, *numbers, "--seed", 7, "--overwrite")
        folders = [sea / f"train_{kind}_{SIZE}" for kind in ("images", "masks")]
        how = ["--names", "slick", "--imgsz", SIZE, "--split", ".6,.15,.25", "--overwrite"]
        seepseg("convert", "masks", *folders, data, *how)
    return data / "data.yaml"


def train(args: argparse.Namespace, data: Path, name: str, seed: int) -> None:
    run = args.out / "runs" / f"{name}-{seed}"
    if (run / "test" / "metrics.json").exists():
        return
    began = time.perf_counter()
    if not (run / "weights" / "last.pt").exists():
        shutil.rmtree(run, ignore_errors=True)
        asked = [f"epochs={args.epochs}", f"patience={args.epochs}", f"seed={seed}", *SETTINGS]
        place = ["--project", run.parent, "--name", run.name, "--weights", "scratch"]
        seepseg("train", data, "--baseline", name, *place, *asked)
    elif json.loads((run / "record.json").read_text())["status"] != "finished":
        seepseg("train", "--resume", run)
    seepseg("eval", run, data, "--split", "test", "--out", run / "test", "--overwrite", "--no-report")
    print(f"{run.name}: {(time.perf_counter() - began) / 60:.1f} minutes", flush=True)


def finished(out: Path) -> list[Path]:
    return [file.parent.parent for file in sorted((out / "runs").glob("*/test/metrics.json"))]


def print_table(out: Path) -> None:
    print("| network and seed | " + " | ".join(FIGURES) + " | training |")
    print("|---" * (len(FIGURES) + 2) + "|")
    for run in finished(out):
        metrics: dict[str, Any] = json.loads((run / "test" / "metrics.json").read_text())
        seconds = sum(epoch["seconds"] for epoch in json.loads((run / "record.json").read_text())["epochs"])
        figures = [told(metrics, *path) for path in FIGURES.values()]
        print("| " + " | ".join([run.name, *figures, f"{seconds / 60:.1f} min"]) + " |")


def compare(out: Path) -> None:
    """Pair by pair on the same images: whether what lies between two trainings of one seed is real."""
    runs = {run.name: run for run in finished(out)}
    for name in runs:
        network, _, seed = name.rpartition("-")
        other = f"{NETWORKS[1]}-{seed}"
        if network == NETWORKS[0] and other in runs:
            pair = [runs[one] / "test" for one in (name, other)]
            seepseg("compare", *pair, "--out", out / f"compare-{seed}", "--overwrite")


if __name__ == "__main__":
    main()
