"""The engines that bench_predict.py holds against each other, each timed in a process of its own."""

import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bundles import weights_of
from numpy.typing import NDArray
from own_process import Answer

from seepseg import ultralytics_home

Said = tuple[int, float, tuple[float, ...], int, int, NDArray[np.uint8]]
"""Class id, score, box, and the bitmap that lies at x, y."""
Told = list[Said]
Images = list[NDArray[np.uint8]]
WARM = 5


@dataclass(frozen=True, slots=True)
class Same:
    """How far two lists of answers agree: detections that only one has, and of the others the largest differences."""

    alone: int
    box: float
    score: float
    mean: float
    least: float


def run_ours(job: Answer) -> Answer:
    model = open_ours(job)
    images = read_images(job)
    ms = clock(lambda some: model.predict(some, conf=job["conf"], batch=job["batch"]), images, job)
    if job["answers"]:
        # Ultralytics' masks end at their boxes.
        found = [model.predict([image], conf=job["conf"], margin=0.0)[0] for image in images]
        told = [
            [(one.class_id, one.score, one.box, one.x, one.y, one.mask) for one in each.detections if one.mask.size]
            for each in found
        ]
        Path(job["answers"]).write_bytes(pickle.dumps(told))
    return {"ms": ms, "notes": model.notes}


def open_ours(job: Answer) -> Any:
    from seepseg.predict.engine import open_model

    given = {name: job[name] for name in ("engine", "device", "imgsz", "threads")}
    return open_model(Path(job["model"]), fast=job.get("fast", False), **given)


def run_theirs(job: Answer) -> Answer:
    """`full`: our letterbox and masks of the image's own size, so that answers can be compared."""
    ultralytics_home.prepare()
    import torch
    from ultralytics import YOLO

    model = YOLO(weights_of(Path(job["model"])))
    settings = {"imgsz": job["imgsz"], "conf": job["conf"], "device": job["device"], "verbose": False, "save": False}
    settings |= {"retina_masks": True, "rect": False} if job.get("full") else {}
    images = read_images(job)
    model.predict(images[0], **settings)
    if not job.get("own_threads"):
        torch.set_num_threads(job["threads"])  # After the first call, which sets it.

    def predict(some: Images) -> Any:
        results = model.predict(some if len(some) > 1 else some[0], **settings)
        return results if job["device"] == "cpu" else [result.cpu() for result in results]  # As ours: on the CPU.

    ms = clock(predict, images, job)
    if job["answers"]:
        told = [tell(model.predict(image, **settings)[0], image) for image in images]
        Path(job["answers"]).write_bytes(pickle.dumps(told))
    return {"ms": ms}


def tell(result: Any, image: NDArray[np.uint8]) -> Told:
    told: Told = []
    if result.masks is None:
        return told
    masks = result.masks.data.cpu().numpy().astype(np.uint8)
    for mask, row in zip(masks, result.boxes.data.cpu().tolist(), strict=True):
        # Without `full` the mask is as large as the network's input: for counting alone.
        x, y, width, height = cv2.boundingRect(mask)
        told.append((int(row[5]), row[4], tuple(row[:4]), x, y, mask[y : y + height, x : x + width].copy()))
    return told


def read_images(job: Answer) -> Images:
    images = [cv2.imread(file, cv2.IMREAD_COLOR) for file in job["files"]]
    return [np.asarray(image, np.uint8) for image in images if image is not None]


def clock(predict: Callable[[Images], Any], images: Images, job: Answer) -> float:
    """Milliseconds an image: the median over calls."""
    size = job["batch"]
    batches = [[images[(start + at) % len(images)] for at in range(size)] for start in range(0, len(images), size)]
    for turn in range(WARM):
        predict(batches[turn % len(batches)])
    seconds = []
    for turn in range(job["calls"]):
        began = time.perf_counter()
        predict(batches[turn % len(batches)])
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds) / size


def compare_answers(one: Sequence[Told], other: Sequence[Told]) -> Same:
    """Detections of one class whose masks overlap most are the same, where that is half and more."""
    pairs, alone = [], 0
    for left, right in zip(one, other, strict=True):
        free = list(right)
        for said in left:
            near = max(free, key=partial(overlap, said), default=None)
            if near is None or overlap(said, near) < 0.5:
                alone += 1
                continue
            free = [each for each in free if each is not near]
            pairs.append((said, near, overlap(said, near)))
        alone += len(free)
    box = max((abs(a - b) for said, near, _ in pairs for a, b in zip(said[2], near[2], strict=True)), default=0.0)
    score = max((abs(said[1] - near[1]) for said, near, _ in pairs), default=0.0)
    shared = [value for _, _, value in pairs] or [1.0]
    return Same(alone, box, score, statistics.mean(shared), min(shared))


def overlap(one: Said, other: Said) -> float:
    """IoU of the masks, 0 for other classes."""
    if one[0] != other[0]:
        return 0.0
    x, y = min(one[3], other[3]), min(one[4], other[4])
    right, bottom = (max(said[3 + at] + said[5].shape[1 - at] for said in (one, other)) for at in (0, 1))
    layers = np.zeros((2, bottom - y, right - x), bool)
    for layer, said in zip(layers, (one, other), strict=True):
        height, width = said[5].shape
        layer[said[4] - y : said[4] - y + height, said[3] - x : said[3] - x + width] = said[5] > 0
    return float((layers[0] & layers[1]).sum() / max((layers[0] | layers[1]).sum(), 1))


def run_measure(job: Answer) -> Answer:
    """What `seepseg eval` would say of this engine, at one confidence for all."""
    from seepseg.dataset.layout import read_dataset
    from seepseg.evaluate.predictions import order_classes, predict_samples
    from seepseg.evaluate.run import Request, evaluate_subject
    from seepseg.evaluate.subject import Subject

    model, dataset = open_ours(job), read_dataset(Path(job["data"]))
    tell_samples = partial(predict_samples, model, order_classes(model.names, dataset.names), 16)
    subject = Subject(model.task, Path(job["model"]), tell_samples, model)
    request = Request(Path(job["data"]), conf=job["conf"], replicates=10, report=False)
    with tempfile.TemporaryDirectory() as folder:
        metrics = evaluate_subject(subject, dataset, job["split"], Path(folder), request)
    return {name: metrics["mask"][name] for name in ("map50", "map50_95")} | {"miou": metrics["pixels"]["miou"]}
