"""From nothing to the answer for one image, in a process of its own: seconds and memory of every runtime of a bundle,
beside `yolo segment predict` with the same TorchScript file.

python tests/bench/bench_start.py BUNDLE --image TILE.png --program seepseg-edge

Medians over runs that take turns; files are in the system's cache from the first on. Peak memory is that of the
process, as the kernel has it.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

from seepseg.wording import align

LAUNCH = """
import os, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
said = child.stderr.read()
_, status, used = os.wait4(child.pid, 0)
if status:
    sys.exit(said.decode())
print(time.perf_counter() - began, used.ru_maxrss)
"""
"""Started bare: a process inherits the peak of the one that starts it."""
ENGINES = ("torchscript", "onnx", "openvino")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--program", type=Path, help="the runner in C++")
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        commands = commands_of(args, Path(scratch))
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(args.runs):
            for name, command in commands.items():
                taken[name].append(start(command))
    rows = [["", "seconds", "least", "most", "peak MB"]]
    for name, some in taken.items():
        seconds = [one for one, _ in some]
        told = (statistics.median(seconds), min(seconds), max(seconds))
        rows.append([name, *(f"{one:.2f}" for one in told), f"{statistics.median(peak for _, peak in some):.0f}"])
    print(align(rows))


def commands_of(args: argparse.Namespace, scratch: Path) -> dict[str, list[str]]:
    bundle, image = str(args.bundle.resolve()), str(args.image.resolve())
    grey = scratch / "image.ppm"
    cv2.imwrite(str(grey), cv2.imread(image, cv2.IMREAD_COLOR))
    edge = [sys.executable, "-m", "seepseg.edge", bundle, str(grey)]
    commands = {f"python -m seepseg.edge, {engine}": [*edge, "--engine", engine] for engine in ENGINES}
    if args.program:
        commands["seepseg-edge, C++"] = [str(args.program.resolve()), bundle, str(grey)]
    imgsz = json.loads((args.bundle / "bundle.json").read_text())["imgsz"]
    yolo = [str(Path(sys.executable).with_name("yolo")), "segment", "predict", f"source={image}", f"imgsz={imgsz}"]
    model = scratch / "model.torchscript"
    shutil.copyfile(args.bundle / "model.torchscript", model)
    commands["yolo segment predict, torchscript"] = [*yolo, f"model={model}", f"project={scratch}", "save=False"]
    return commands


def start(command: list[str]) -> tuple[float, float]:
    """Seconds, and the peak of memory in MB."""
    bare = [sys.executable, "-S", "-c", LAUNCH, *command]
    environment = os.environ | {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
    done = subprocess.run(bare, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak * 1024 / 1e6


if __name__ == "__main__":
    main()
