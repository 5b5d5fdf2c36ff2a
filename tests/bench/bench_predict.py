"""What one call of predict takes, engine by engine, beside `YOLO(pt).predict` on the same images; and whether both say
the same.

python tests/bench/bench_predict.py runs/sos --images FOLDER              # 640 px on the CPU, about ten minutes
python tests/bench/bench_predict.py runs/sos --images FOLDER --quick      # a rehearsal
python tests/bench/bench_predict.py runs/sos --data DATA.yaml --split test    # and mAP and mIoU of each engine
python tests/bench/bench_predict.py runs/sos --device cuda --batch 32     # images a second where there is a GPU

Each row is a process of its own, warm before the clock starts; images are in memory; medians over calls, and of these
over rounds, in which the rows take turns. Ultralytics takes one thread less than there are cores; in rows with "same
threads" it has as many as ours. The order of `--engine auto` stands in seepseg/predict/engine_choice.py.
"""

import argparse
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bundles import FORMATS, export_bundle
from own_process import Answer, answer_alone, run_alone
from predict_parts import Told, compare_answers, run_measure, run_ours, run_theirs

THEIRS = "YOLO.predict, same threads"
SAME = "YOLO.predict, same threads, masks at full size"
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
IDLE = "--fast changes nothing"
MOST_SCORE, LEAST_IOU = 1e-3, 0.99
"""Within which answers are equal, the same detections given."""


def main() -> None:
    if answer_alone({"ours": run_ours, "theirs": run_theirs, "measure": run_measure}):
        return
    args = parse_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        files = find_images(args, folder)
        for imgsz in args.sizes:
            bundle = export_bundle(args.model, folder / f"bundle-{imgsz}", imgsz)
            rows = rows_of(args.model, bundle, args.device)
            job = {"imgsz": imgsz, "files": files} | {
                name: getattr(args, name) for name in ("threads", "device", "batch", "calls", "conf")
            }
            compare(rows, job, folder, args)
            if args.data:
                measure(rows, job | {"data": str(args.data), "split": args.split, "most": args.most}, args)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a run folder, or a .pt")
    parser.add_argument("--images", type=Path, help="a folder; simulated tiles if not given")
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=[640])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1, help="images a call")
    parser.add_argument("--calls", type=int, default=100, help="of which the median is taken")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=60, help="images in memory, whose answers are compared")
    parser.add_argument("--conf", type=float, default=0.25)
    parser.add_argument("--data", type=Path, help="a data.yaml, on which to measure each engine")
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=float, default=3600, metavar="S", help="for each part")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for bundles and tiles, which stay there")
    args = parser.parse_args()
    if args.quick:
        args.calls, args.rounds, args.most, args.sizes = 5, 1, 8, args.sizes[:1]
    return args


def find_images(args: argparse.Namespace, folder: Path) -> list[str]:
    """Spread evenly over the folder."""
    place = args.images
    if place is None:
        made = folder / "tiles"
        if not made.exists():
            command = [sys.executable, "-m", "seepseg", "simulate", "tiles", made, "--count", str(args.most)]
            subprocess.run(command, check=True)
        place = made / "train_images_256"
    files = sorted(str(file) for file in place.iterdir() if file.suffix.lower() in SUFFIXES)
    return files[:: max(1, len(files) // args.most)][: args.most]


def rows_of(model: Path, bundle: Path | None, device: str) -> list[tuple[str, str, Answer]]:
    """Label, part and what is special about it."""
    rows: list[tuple[str, str, Answer]] = [
        ("YOLO.predict, as it comes", "theirs", {"model": str(model), "own_threads": True}),
        (THEIRS, "theirs", {"model": str(model)}),
        (SAME, "theirs", {"model": str(model), "full": True}),
    ]
    for engine in ("torch", *FORMATS) if device == "cpu" and bundle else ("torch",):
        given = {"model": str(model if engine == "torch" else bundle), "engine": engine}
        rows.append((f"seepseg, {engine}, f32", "ours", given))
        rows.append((f"seepseg, {engine}, --fast", "ours", given | {"fast": True}))
    return rows


def compare(rows: list[tuple[str, str, Answer]], job: Answer, folder: Path, args: argparse.Namespace) -> None:
    times: dict[str, list[float]] = {label: [] for label, _, _ in rows}
    told: dict[str, list[Told]] = {}
    notes: dict[str, Any] = {}
    for turn in range(args.rounds):
        for label, part, more in rows:
            if IDLE in notes.get(label, ""):
                continue  # --fast was seen to be the same as without.
            place = folder / "answers.pkl"
            wanted = {"label": f"{label}, {job['imgsz']} px, round {turn + 1}", "answers": "" if turn else str(place)}
            answer = run_alone(__file__, part, job | more | wanted, limit=args.limit)
            notes.setdefault(label, answer.get("failed") or " ".join(answer.get("notes", ())))
            if "failed" in answer:
                continue
            times[label].append(answer["ms"])
            if not turn:
                told[label] = pickle.loads(place.read_bytes())
    print_table(job, {label: statistics.median(some) for label, some in times.items() if some}, told)
    for label, note in notes.items():
        print(f"{label}: {note}" if note else "", end="\n" if note else "")


def print_table(job: Answer, times: dict[str, float], told: dict[str, list[Told]]) -> None:
    what = f"{len(job['files'])} images, {job['device']}, {job['threads']} threads, {job['batch']} a call"
    print(f"\n{job['imgsz']} px, {what}; equal: beside '{SAME}'\n")
    print("| | ms an image | speed | detections | not in both | box px | score | mask IoU, mean and least | equal |")
    print("|---|---|---|---|---|---|---|---|---|")
    base = times.get(THEIRS)
    for label, ms in times.items():
        ratio = f"{base / ms:.2f}" if base else "–"
        cells = [f"{ms:.1f}", ratio, f"{sum(map(len, told[label])):,}"]
        if SAME in told and label.startswith("seepseg"):
            same = compare_answers(told[SAME], told[label])
            cells += [str(same.alone), f"{same.box:.1e}", f"{same.score:.1e}", f"{same.mean:.4f}, {same.least:.4f}"]
            cells.append("no" if same.alone or same.score > MOST_SCORE or same.least < LEAST_IOU else "yes")
        print(f"| {label} | {' | '.join(cells)} |")


def measure(rows: list[tuple[str, str, Answer]], job: Answer, args: argparse.Namespace) -> None:
    print(f"\n{job['imgsz']} px, {args.split} split of {args.data}\n")
    print("| | mask AP50 | mask AP50-95 | mIoU |\n|---|---|---|---|")
    for label, part, more in rows:
        if part != "ours":
            continue
        answer = run_alone(__file__, "measure", job | more | {"label": label}, limit=args.limit)
        figures = [f"{answer[name]:.4f}" for name in ("map50", "map50_95", "miou")] if "failed" not in answer else []
        print(f"| {label} | {' | '.join(figures or [answer['failed']])} |")


if __name__ == "__main__":
    main()
