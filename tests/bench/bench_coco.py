"""COCO with 50,000 polygons: `seepseg convert coco`, exact truth and all, against Ultralytics' convert_coco.

python tests/bench/bench_coco.py [--images 5000] [--workers 2] [--rounds 3] [--keep FOLDER]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import psutil

SIDE = 256
POLYGONS = 50_000
POINTS = 61

THEIRS = """
import sys, time
from ultralytics.data.converter import convert_coco
start = time.perf_counter()
convert_coco(sys.argv[1], sys.argv[2], use_segments=True, cls91to80=False)
print("seconds", time.perf_counter() - start)
"""

OURS = """
import sys, time
import seepseg.commands.convert, seepseg.dataset.write, seepseg.labels.coco
from seepseg.cli import main
start = time.perf_counter()
code = main(sys.argv[1:])
print("seconds", time.perf_counter() - start)
sys.exit(code)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="use this folder for the data, and leave it there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = args.keep or Path(scratch) / "data"
        if not (data / "annotations/instances_all.json").exists():
            write_data(data, args.images)
        compare(data, Path(scratch), args.rounds, args.workers)


def write_data(folder: Path, count: int) -> None:
    """Ragged closed curves of two decimals, as annotation tools write them, and speckle to draw them on."""
    rng = np.random.default_rng(0)
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()
    angles = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    images, annotations = [], []
    for number in range(count):
        name = f"{number:06d}.jpg"
        noise = cv2.resize(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8), (SIDE, SIDE))
        cv2.imwrite(str(folder / "images" / name), noise)
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        for _ in range(POLYGONS // count):
            radius = rng.uniform(8, 40) * (1 + 0.15 * rng.standard_normal(POINTS))
            x, y = rng.uniform(50, SIDE - 50, 2)
            points = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1).clip(0, SIDE)
            low, size = points.min(axis=0), np.ptp(points, axis=0)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(rng.integers(1, 8)),
                    "segmentation": [points.round(2).ravel().tolist()],
                    "bbox": [*low.round(2).tolist(), *size.round(2).tolist()],
                    "area": round(float(np.prod(size)), 2),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": f"class{number}", "supercategory": "seep"} for number in range(1, 8)]
    document = {"images": images, "categories": categories, "annotations": annotations}
    (folder / "annotations/instances_all.json").write_text(json.dumps(document))


def compare(data: Path, scratch: Path, rounds: int, workers: int) -> None:
    size = (data / "annotations/instances_all.json").stat().st_size
    ours, theirs = [], []
    for number in range(rounds):
        out = scratch / f"theirs{number}"
        theirs.append(run([sys.executable, "-c", THEIRS, str(data / "annotations"), str(out)]))
        ours.append(run(our_command(data, scratch / f"ours{number}", workers)))
        print(
            f"round {number + 1}: {theirs[-1][0]:.1f} s ({theirs[-1][1]:.1f}) | {ours[-1][0]:.1f} s ({ours[-1][1]:.1f})"
        )
    their_whole, their_inside = (statistics.median(seconds) for seconds in zip(*theirs, strict=True))
    our_whole, our_inside = (statistics.median(seconds) for seconds in zip(*ours, strict=True))
    print(f"JSON of {size / 1e6:.1f} MB; medians of {rounds}, {workers} workers; in brackets without the first imports")
    print(f"convert_coco, labels alone      {their_whole:5.1f} s ({their_inside:.1f})")
    print(f"seepseg convert coco, all of it {our_whole:5.1f} s ({our_inside:.1f})")
    mixed = their_inside / our_whole
    print(f"ratio {their_whole / our_whole:.2f} ({their_inside / our_inside:.2f}); with our imports alone {mixed:.2f}")
    peak = peak_memory(our_command(data, scratch / "watched", workers))
    print(f"peak memory {peak / 1e6:.0f} MB over all processes, {peak / size:.1f} times the JSON")


def our_command(data: Path, out: Path, workers: int) -> list[str]:
    command = ["convert", "coco", str(data), str(out), "--workers", str(workers), "--link"]
    return [sys.executable, "-c", OURS, *command]


def run(command: Sequence[str]) -> tuple[float, float]:
    """Seconds from start to end, and those after the imports, which the command prints."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return seconds, float(done.stdout.split("seconds")[-1])


def peak_memory(command: Sequence[str]) -> int:
    """Most bytes resident over the process and its children, in a run of its own: to look takes a tenth of a core."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.02)
    return peak


def resident(pid: int) -> int:
    total = 0
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            total += process.memory_info().rss
    except psutil.Error:
        pass
    return total


if __name__ == "__main__":
    main()
