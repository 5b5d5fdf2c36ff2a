"""What brings how much on real tiles of one class: one change at a time, from the same weights, for as many epochs of
the same tiles; the first rung is plain Ultralytics, with its own converter and its defaults.

python tests/bench/bench_ladder.py OUT --weights START.pt                             # every rung, on datasets/sos
python tests/bench/bench_ladder.py OUT --weights START.pt --only preset "preset, dice"
python tests/bench/bench_ladder.py OUT --table                                        # what is finished so far

Figures are of the dataset's whole val split and of the last epoch, so that val chooses no epoch; thresholds are
cross-fitted. Differences to the rung "preset" have 95 % intervals, images drawn again in pairs, by group. What is
finished is not trained again, and what was stopped goes on, plain Ultralytics' from its start. A folder that was begun
with other tiles, weights or numbers is refused.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from asked import begin
from own_process import seepseg

BASE = "preset"
PLAIN = "plain Ultralytics"
PRESET = ["--config", "configs/sos.yaml"]
RUNGS: dict[str, list[str]] = {
    PLAIN: [],
    "our labels": [],
    BASE: PRESET,
    "preset, dice": [*PRESET, "--mask-loss", "dice"],
    "preset, iou": [*PRESET, "--mask-loss", "iou"],
    "preset, 320 px": [*PRESET, "imgsz=320"],
    "preset, masks at a quarter": [*PRESET, "mask_ratio=4"],
}
SHARED = ["batch=16", "val=False", "plots=False", "cache=ram", "workers=1", "close_mosaic=2", "warmup_epochs=0.5"]
"""The last two as Ultralytics' own would leave no epoch with a mosaic, and warm up for half of them."""
SPLIT = "val"
FIGURES = (
    ("mIoU", "pixels.miou"),
    ("oil IoU", "pixels.miou_foreground"),
    ("boundary IoU", "pixels.per_class.*.boundary_iou"),
    ("mask mAP50", "mask.map50"),
    ("mAP50-95", "mask.map50_95"),
)


def main() -> None:
    args = parse_arguments()
    if not args.table:
        data = draw_tiles(args)
        for name in args.only:
            climb(args, data, name)
    print_table(args.out)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=Path("datasets/sos/data.yaml"))
    parser.add_argument("--weights", type=Path, help="what every rung starts from")
    parser.add_argument("--tiles", type=int, default=1000, help="to train on")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--imgsz", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=RUNGS, default=list(RUNGS))
    parser.add_argument("--table", action="store_true", help="train nothing")
    args = parser.parse_args()
    if not (args.table or args.weights):
        parser.error("--weights START.pt, or --table")
    return args


def draw_tiles(args: argparse.Namespace) -> Path:
    """A data.yaml of a list of tiles, which stay where they are."""
    from seepseg.dataset.layout import read_dataset
    from seepseg.sources.download import checksum

    file: Path = args.out / "data.yaml"
    dataset = read_dataset(args.data)
    counted = {key: getattr(args, key) for key in ("tiles", "epochs", "imgsz", "seed")}
    begin(args.out, data=os.path.abspath(args.data), weights=checksum(args.weights, "sha256")[:12], **counted)
    if not file.exists():
        for split, most in (("train", args.tiles), (SPLIT, None)):
            images = dataset.splits[split]
            chosen = np.sort(np.random.default_rng(args.seed).permutation(len(images))[:most])
            (args.out / f"{split}.txt").write_text("".join(f"{os.path.abspath(images[at])}\n" for at in chosen))
        told = {"train": "train.txt", "val": f"{SPLIT}.txt", "names": dict(enumerate(dataset.names))}
        file.write_text(yaml.safe_dump(told | {"seepseg": dataset.settings}, sort_keys=False))
    return file


def climb(args: argparse.Namespace, data: Path, name: str) -> None:
    run = args.out / "runs" / name.replace(", ", "-").replace(" ", "_")
    if (run / SPLIT / "metrics.json").exists():
        return
    began = time.perf_counter()
    size = next((word for word in RUNGS[name] if word.startswith("imgsz=")), f"imgsz={args.imgsz}")
    asked = [word for word in RUNGS[name] if word != size]
    given = [size, f"epochs={args.epochs}", f"seed={args.seed}", *SHARED]
    last = run / "weights" / "last.pt"
    if name == PLAIN:
        shutil.rmtree(run, ignore_errors=True)
        words = [f"data={convert_by_ultralytics(args, data).resolve()}", f"model={args.weights.resolve()}"]
        where = [f"project={run.parent.resolve()}", f"name={run.name}"]
        show_and_run("yolo", "segment", "train", *words, *where, *given)
    elif not last.exists():
        shutil.rmtree(run, ignore_errors=True)
        where = ["--project", str(run.parent), "--name", run.name]
        seepseg("train", data, "--weights", args.weights, *where, *given, *asked)
    elif json.loads((run / "record.json").read_text())["status"] != "finished":
        seepseg("train", "--resume", run)
    place = ["--out", run / SPLIT, "--overwrite", "--no-pictures"]
    seepseg("eval", last, args.data, "--split", SPLIT, "--imgsz", size.removeprefix("imgsz="), *place)
    print(f"{name}: {(time.perf_counter() - began) / 60:.0f} minutes", flush=True)


def convert_by_ultralytics(args: argparse.Namespace, data: Path) -> Path:
    """The same tiles with the labels that its converter makes of their masks."""
    import cv2
    from ultralytics.data.converter import convert_segment_masks_to_yolo_seg

    folder: Path = args.out / "plain"
    images = [Path(line) for line in (data.parent / "train.txt").read_text().splitlines()]
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("images/train", "masks", "labels/train"):
        (folder / part).mkdir(parents=True)
    painted = dict(paint_masks(args.data.parent / "annotations" / "train.json"))
    for image in images:
        (folder / "images" / "train" / image.name).write_bytes(image.read_bytes())
        cv2.imwrite(str(folder / "masks" / f"{image.stem}.png"), painted[image.name])
    convert_segment_masks_to_yolo_seg(str(folder / "masks"), str(folder / "labels" / "train"), classes=1)
    names = yaml.safe_load(data.read_text())["names"]
    told = {"train": "images/train", "val": str((data.parent / f"{SPLIT}.txt").resolve()), "names": names}
    (folder / "data.yaml").write_text(yaml.safe_dump({"path": str(folder.resolve())} | told, sort_keys=False))
    return folder / "data.yaml"


def paint_masks(truth: Path) -> Iterator[tuple[str, Any]]:
    """Name and mask of every image, by pycocotools."""
    from pycocotools.coco import COCO

    coco = COCO(str(truth))
    for number, image in coco.imgs.items():
        mask = np.zeros((image["height"], image["width"]), np.uint8)
        for one in coco.imgToAnns[number]:
            mask |= coco.annToMask(one)
        yield image["file_name"], mask


def show_and_run(*words: str) -> None:
    print("$", " ".join(words), flush=True)
    subprocess.run([str(Path(sys.executable).with_name(words[0])), *words[1:]], check=True)


def print_table(out: Path) -> None:
    runs = out / "runs"
    names = {name: runs / name.replace(", ", "-").replace(" ", "_") / SPLIT for name in RUNGS}
    done = {name: place for name, place in names.items() if (place / "metrics.json").exists()}
    print("\n| | " + " | ".join(label for label, _ in FIGURES) + " |\n|---" + "|---" * len(FIGURES) + "|")
    for name, place in done.items():
        print(f"| {name} | {' | '.join(told(place, path) for _, path in FIGURES)} |")
    others = [place for name, place in done.items() if name != BASE]
    if BASE in done and others:
        seepseg("compare", done[BASE], *others)


def told(place: Path, path: str) -> str:
    value = json.loads((place / "metrics.json").read_text())
    for key in path.split("."):
        value = next(iter(value.values())) if key == "*" else value[key]
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
