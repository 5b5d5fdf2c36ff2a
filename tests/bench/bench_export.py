"""What one image takes in every format of a bundle, by every program that runs it, beside Ultralytics' own predict on
the same file; and whether all of them say the same as the .pt.

python tests/bench/bench_export.py runs/sos --images FOLDER --keep DIR                    # 256 and 640 px on the CPU
python tests/bench/bench_export.py runs/sos --images FOLDER --keep DIR --data DATA.yaml   # and 8 bits, with their loss
python tests/bench/bench_export.py runs/sos --images FOLDER --quick                       # a rehearsal

Each row is a process of its own, warm before the clock starts, and rows take turns, round by round; images are in
memory; medians over calls, and of these over rounds. Parity is over images of the folder, and over some that are tiny,
long or huge. What is done is in DIR, row by row: given again, the command goes on there. Failed rows are tried again.
"""

import argparse
import json
import os
import re
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench_predict import SUFFIXES
from export_parts import export_all, run_cpp, run_edge, run_file, run_parity
from own_process import Answer, answer_alone, run_alone
from predict_parts import run_ours

from seepseg.wording import align

Row = tuple[str, str, str, Answer]
"""File, program, part and what is special about it."""


def main() -> None:
    if answer_alone({"ours": run_ours, "edge": run_edge, "cpp": run_cpp, "theirs": run_file, "parity": run_parity}):
        return
    args = parse_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        keep = args.keep or Path(scratch)
        (keep / "rows").mkdir(parents=True, exist_ok=True)
        found = sorted(str(file) for file in args.images.iterdir() if file.suffix.lower() in SUFFIXES)
        if not found:
            raise SystemExit(f"{args.images}: no images in it")
        for imgsz in args.sizes:
            made = export_all(args.model, keep, imgsz, args.data, args.judged)
            job = {"imgsz": imgsz, "device": "cpu", "batch": 1, "conf": args.conf, "answers": ""}
            job |= {"threads": args.threads, "calls": args.calls, "files": spread(found, args.most)}
            clock_rows(rows_of(args.model, made), job, keep / "rows", args)
            show_parity(made, spread(found, args.compared), imgsz, keep / "rows", args)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a run folder, or a .pt")
    parser.add_argument("--images", type=Path, required=True, help="a folder")
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=[256, 640])
    parser.add_argument("--data", type=Path, help="a data.yaml, to whose train images 8 bits are fitted")
    parser.add_argument("--judged", type=int, default=400, help="val images to measure the loss of 8 bits on")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--calls", type=int, default=200, help="of which the median is taken")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=60, help="images in memory")
    parser.add_argument("--compared", type=int, default=200, help="images for parity")
    parser.add_argument("--conf", type=float, default=0.25)
    parser.add_argument("--limit", type=float, default=3600, metavar="S", help="for each row")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for bundles and rows, which stay there")
    args = parser.parse_args()
    if args.quick:
        args.calls, args.rounds, args.most, args.compared, args.sizes = 5, 1, 4, 4, args.sizes[:1]
    return args


def spread(files: Sequence[str], most: int) -> list[str]:
    return [files[at * len(files) // most] for at in range(most)] if len(files) > most else list(files)


def rows_of(model: Path, made: dict[str, str]) -> list[Row]:
    """By file, so that those that are compared with each other run close to each other."""
    rows: list[Row] = []
    for engine in ("torch", "torchscript", "onnx", "openvino"):
        source = str(model) if engine == "torch" else made["bundle"]
        rows.append((engine, "seepseg predict", "ours", {"model": source, "engine": engine}))
        if engine != "torch":
            rows.append((engine, "seepseg.edge", "edge", {"model": source, "engine": engine}))
        if engine == "torchscript" and "program" in made:
            rows.append((engine, "C++", "cpp", {"model": source, "program": made["program"]}))
        rows.append((engine, "YOLO.predict", "theirs", {"file": made[engine]}))
        if f"{engine} fast" in made:
            fast = {"model": source, "engine": engine, "fast": True}
            rows.append((f"{engine} {made[f'{engine} fast']}", "seepseg predict --fast", "ours", fast))
    return rows


def clock_rows(rows: Sequence[Row], job: Answer, place: Path, args: argparse.Namespace) -> None:
    times: dict[tuple[str, str], list[float]] = {}
    failed = []
    for turn in range(args.rounds):
        for file, program, part, more in rows:
            label = f"{file} by {program}, {job['imgsz']} px, round {turn + 1}"
            answer = remembered(place, label, part, job | more, args.limit)
            if "failed" in answer:
                failed.append(f"{label}: {answer['failed']}")
            else:
                times.setdefault((file, program), []).append(answer["ms"])
    print(f"\n{job['imgsz']} px, {len(job['files'])} images, {job['threads']} threads, ms an image\n")
    theirs = {file: statistics.median(some) for (file, program), some in times.items() if program == "YOLO.predict"}
    table = [["file", "run by", "ms", "least", "most", "YOLO.predict takes"]]
    for (file, program), some in times.items():
        ms = statistics.median(some)
        ratio = f"{theirs[file] / ms:.2f}x" if file in theirs else "-"
        table.append([file, program, f"{ms:.1f}", f"{min(some):.1f}", f"{max(some):.1f}", ratio])
    print("\n".join([align(table), *failed]))


def show_parity(made: dict[str, str], files: list[str], imgsz: int, place: Path, args: argparse.Namespace) -> None:
    job = {"model": str(args.model), "imgsz": imgsz, "files": files, "threads": args.threads, **made}
    answer = remembered(place, f"parity, {imgsz} px", "parity", job, args.limit)
    if "failed" in answer:
        print(f"\nparity: {answer['failed']}")
        return
    print(f"\nbeside the .pt at {imgsz} px, on {answer['images']}; differences are the largest / the mean\n")
    print(align(answer["rows"]))


def remembered(place: Path, label: str, part: str, job: Answer, limit: float) -> Answer:
    """The answer that an earlier command left for the same job, else a new one."""
    file = place / f"{re.sub(r'[^a-z0-9]+', '-', label.lower())}.json"
    if file.exists():
        kept = json.loads(file.read_text())
        if kept["job"] == job:
            return kept["answer"]
    answer = run_alone(__file__, part, job | {"label": label}, limit=limit)
    if "failed" not in answer:
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps({"job": job, "answer": answer}))
        unfinished.replace(file)
    return answer


if __name__ == "__main__":
    main()
