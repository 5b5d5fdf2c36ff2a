"""Is YOLO-seg the right choice? The same small budget for YOLOv8n-seg, Ultralytics' semantic head and segmenters of
the catalogue: the same tiles, size, epochs, seed and random start, measured on images that chose nothing.

python tests/bench/bench_baselines.py OUT --data datasets/sos/data.yaml                  # what two cores do in hours
python tests/bench/bench_baselines.py OUT --data DATA.yaml --only unet-vgg16 --epochs 60
python tests/bench/bench_baselines.py OUT --only swin-tiny convnextv2-atto               # presence by classifiers
python tests/bench/bench_baselines.py OUT --table                                        # what is finished so far

Train and val are drawn from those of the dataset; the figures are of its whole test split, or with --split of
another. What is finished is not trained again, and what was stopped goes on. A folder whose tiles were drawn in another
way is refused.
"""

import argparse
import json
import os
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from asked import begin
from own_process import Answer, answer_alone, run_alone, seepseg

YOLO = {"yolov8n-seg": ["model=yolov8n-seg.yaml"], "yolo26n-sem": ["model=yolo26n-sem.yaml", "task=semantic"]}
SEGMENTERS = (
    "unet-pets",
    "unet-efficientnet-b3",
    "unetplusplus-efficientnet-b4",
    "unet-mit_b2",
    "deeplabv3plus-mit_b3",
)
"""Those that cost least a step; the others are there for --only."""
SHARED = ["batch=16", "plots=False", "hsv_v=0.2", "degrees=20", "scale=0.25", "flipud=0.5", "cos_lr=True"]
OF_YOLO = ["optimizer=AdamW", "lr0=0.001", "hsv_h=0", "hsv_s=0"]
FIGURES = {
    "mIoU": ("pixels", "miou"),
    "pixel F1": ("pixels", "f1"),
    "presence F1": ("presence", "f1"),
    "AUROC": ("presence", "auroc"),
}
CALLS = 20
LIMIT_S = 1800.0


def main() -> None:
    if answer_alone({"cost": measure_cost}):
        return
    args = parse_arguments()
    if not args.table:
        data = draw_data(args)
        for name in args.only or [*YOLO, *SEGMENTERS]:
            train(args, data, name)
    print_table(args.out)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=Path("datasets/sos/data.yaml"))
    parser.add_argument("--split", default="test", help="whose figures are told")
    parser.add_argument("--tiles", type=int, default=400, help="to train on; a quarter as many choose the epoch")
    parser.add_argument("--imgsz", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", metavar="NETWORK")
    parser.add_argument("--table", action="store_true", help="train nothing")
    return parser.parse_args()


def draw_data(args: argparse.Namespace) -> Path:
    """A data.yaml of lists: the images stay where they are, and with them labels and exact truth."""
    import numpy as np

    from seepseg.dataset.layout import read_dataset

    file: Path = args.out / "data.yaml"
    dataset = read_dataset(args.data)
    counted = {key: getattr(args, key) for key in ("split", "tiles", "imgsz", "seed")}
    begin(args.out, data=os.path.abspath(args.data), **counted)
    if file.exists():
        return file
    rng = np.random.default_rng(args.seed)
    most = {"train": args.tiles, "val": args.tiles // 4}
    splits = {}
    for split in dict.fromkeys(("train", "val", args.split)):
        images = dataset.splits[split]
        chosen = np.sort(rng.permutation(len(images))[: most.get(split, len(images))])
        lines = [os.path.abspath(images[index]) + "\n" for index in chosen]
        (args.out / f"{split}.txt").write_text("".join(lines))
        splits[split] = f"{split}.txt"
    document = {**splits, "names": dict(enumerate(dataset.names)), "seepseg": {**dataset.settings, "imgsz": args.imgsz}}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def train(args: argparse.Namespace, data: Path, name: str) -> None:
    from seepseg.baselines.catalogue import CATALOGUE

    run = args.out / "runs" / f"{name}-{args.seed}"
    if (run / "cost.json").exists():
        return
    began = time.perf_counter()
    if not (run / "weights" / "last.pt").exists():
        shutil.rmtree(run, ignore_errors=True)
        asked = [f"imgsz={args.imgsz}", f"epochs={args.epochs}", f"seed={args.seed}", f"patience={args.epochs}"]
        kind = [*YOLO[name], *OF_YOLO] if name in YOLO else ["--baseline", name]
        place = ["--weights", "scratch", "--project", run.parent, "--name", run.name]
        if name not in CATALOGUE or CATALOGUE[name].kind != "classify":
            place += ["--best", "miou"]
        seepseg("train", data, *place, *kind, *SHARED, *asked)
    elif json.loads((run / "record.json").read_text())["status"] != "finished":
        seepseg("train", "--resume", run)
    seepseg("eval", run, data, "--split", args.split, "--out", run / args.split, "--overwrite")
    cost = run_alone(__file__, "cost", {"run": str(run), "label": name}, limit=LIMIT_S)
    if "failed" in cost:
        print(f"{run.name}: its cost was not measured: {cost['failed']}; start this again", flush=True)
        return
    parameters = json.loads((run / "record.json").read_text())["parameters"]
    (run / "cost.json").write_text(json.dumps(cost | {"parameters": parameters, "split": args.split}))
    print(f"{run.name}: {(time.perf_counter() - began) / 60:.0f} minutes", flush=True)


def measure_cost(job: dict[str, Any]) -> Answer:
    """Bytes of the weights, and one image at a time through the engine that the training used."""
    import numpy as np

    from seepseg.predict.engine import open_model

    file = Path(job["run"]) / "weights" / "best.pt"
    model = open_model(file, engine="torch", device="cpu")
    image = np.random.default_rng(0).integers(0, 256, (model.imgsz, model.imgsz, 3), np.uint8)
    times = []
    for _ in range(CALLS + 3):
        began = time.perf_counter()
        model.predict([image])
        times.append(1000 * (time.perf_counter() - began))
    return {"bytes": file.stat().st_size, "ms": statistics.median(times[3:])}


def print_table(out: Path) -> None:
    files = sorted((out / "runs").glob("*/cost.json"), key=lambda file: file.stat().st_mtime)
    print("| network | " + " | ".join(FIGURES) + " | parameters | ms an image | training |")
    print("|---" * (len(FIGURES) + 4) + "|")
    for file in files:
        print("| " + " | ".join(row_of(file.parent)) + " |")


def row_of(run: Path) -> Sequence[str]:
    cost, record = (json.loads((run / name).read_text()) for name in ("cost.json", "record.json"))
    metrics = json.loads((run / cost["split"] / "metrics.json").read_text())
    seconds = sum(epoch["seconds"] for epoch in record["epochs"])
    figures = [told(metrics, *path) for path in FIGURES.values()]
    return [run.name, *figures, f"{cost['parameters'] / 1e6:.1f} M", f"{cost['ms']:.0f}", f"{seconds / 60:.0f} min"]


def told(metrics: dict[str, Any], section: str, figure: str) -> str:
    """With its 95 % interval; a classifier has none of pixels."""
    value, ends = (metrics[section] or {}).get(figure), metrics["ci95"].get(f"{section}.{figure}")
    return "-" if value is None else f"{value:.3f}" + (f" ({ends[0]:.3f}-{ends[1]:.3f})" if ends else "")


if __name__ == "__main__":
    main()
