"""What bench_export.py times and compares, each in a process of its own."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bundles import FORMATS, weights_of
from own_process import Answer
from predict_parts import Images, clock, read_images

from seepseg import ultralytics_home

ODD = ((1, 1), (7, 300), (300, 7), (33, 500), (640, 480), (2000, 150), (3000, 4000))
"""Heights and widths, besides those of the folder."""


def export_all(model: Path, keep: Path, imgsz: int, data: Path | None, judged: int) -> dict[str, str]:
    """A bundle of every format, with 8 bits where there are data to fit them to; its files as Ultralytics takes them;
    the runner in C++ where there is a compiler."""
    bundle = keep / f"bundle-{imgsz}"
    if not bundle.exists():
        command = [sys.executable, "-m", "seepseg", "export", model, "--out", bundle, "--imgsz", str(imgsz)]
        more = ["--precision", "int8", "--data", data, "--judged", judged] if data else []
        subprocess.run([*map(str, [*command, "--formats", ",".join(FORMATS), *more])], check=True)
    theirs = keep / f"bundle-{imgsz}_openvino_model"
    shutil.copytree(bundle / "model_openvino", theirs, dirs_exist_ok=True)
    made = {"bundle": str(bundle), "torch": weights_of(model), "openvino": str(theirs)}
    made |= {"torchscript": str(bundle / "model.torchscript"), "onnx": str(bundle / "model.onnx")}
    if data:
        made |= {"onnx fast": "int8", "openvino fast": "int8"}
    return made | build_runner(keep / "seepseg-edge")


def build_runner(program: Path) -> dict[str, str]:
    from seepseg.edge.cpp import build, find_compiler

    if not program.exists() and find_compiler() is None:
        print("no C++ compiler is found: its rows are left out")
        return {}
    return {"program": str(program if program.exists() else build(program))}


def run_edge(job: Answer) -> Answer:
    from seepseg.edge.runtime import load_bundle

    model = load_bundle(job["model"], engine=job["engine"], threads=job["threads"], device="cpu")
    return {"ms": clock(lambda some: [model.predict(image) for image in some], read_images(job), job)}


def run_cpp(job: Answer) -> Answer:
    """It has no clock: the time of many images in one process, less that of a few."""
    few = max(job["calls"] // 10, 2)
    files = write_netpbm(read_images(job), Path(job["program"]).with_suffix(".images"))
    seconds = {}
    for count in (few, few + job["calls"]):
        images = [files[at % len(files)] for at in range(count)]
        began = time.perf_counter()
        command = [job["program"], "--threads", str(job["threads"]), job["model"], *images]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds[count] = time.perf_counter() - began
    return {"ms": 1000 * (seconds[few + job["calls"]] - seconds[few]) / job["calls"]}


def write_netpbm(images: Images, folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    files = [str(folder / f"{at}.ppm") for at in range(len(images))]
    for file, image in zip(files, images, strict=True):
        cv2.imwrite(file, image)
    return files


def run_file(job: Answer) -> Answer:
    """Ultralytics' own predict on the very file that ours runs."""
    ultralytics_home.prepare()
    import torch
    from ultralytics import YOLO

    model = YOLO(job["file"], task=None if job["file"].endswith(".pt") else "segment")
    settings = {"imgsz": job["imgsz"], "conf": job["conf"], "device": "cpu", "verbose": False, "save": False}
    images = read_images(job)
    model.predict(images[0], **settings)
    torch.set_num_threads(job["threads"])  # After the first call, which sets it.
    return {"ms": clock(lambda some: model.predict(some[0], **settings), images, job)}


def run_parity(job: Answer) -> Answer:
    from seepseg.edge.parity import compare
    from seepseg.edge.runners import by_predict, runners_of
    from seepseg.edge.tables import parity_rows
    from seepseg.predict.engine import open_model

    bundle, program = Path(job["bundle"]), job.get("program")
    reference = by_predict(open_model(Path(job["torch"]), engine="torch", device="cpu", imgsz=job["imgsz"]))
    runners = runners_of(bundle, program=Path(program) if program else None)
    parities = compare(reference, runners, images_of(job["files"]))
    return {
        "rows": parity_rows(parities),
        "images": f"{len(job['files'])} images of the folder and {len(ODD)} odd ones",
    }


def images_of(files: list[str]) -> Iterator[Any]:
    """Those of the folder, then one of them brought to odd shapes."""
    image = None
    for file in files:
        image = cv2.imread(file, cv2.IMREAD_COLOR)
        if image is not None:
            yield np.asarray(image, np.uint8)
    for height, width in ODD if image is not None else ():
        yield np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
