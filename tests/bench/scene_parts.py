"""Ways from a scene to objects that bench_scene.py holds against each other, each timed in a process of its own."""

import pickle
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bundles import weights_of
from numpy.typing import NDArray
from own_process import Answer

from seepseg import ultralytics_home
from seepseg.labels.scene_tiles import windows
from seepseg.scaling import Rule
from seepseg.simulate.write import BRIGHTEST_DB, DARKEST_DB
from seepseg.values import Window

Shape = tuple[int, int, int, NDArray[np.uint8]]
"""Class id, x, y, and the bitmap that lies there; the surest come last, to be painted on top."""
DECIBELS = Rule("db", (DARKEST_DB,), (BRIGHTEST_DB,), (1,), "dB")
"""What a model that says nothing of scaling is shown: near what simulated tiles of 8 bits are."""


def finish(job: Answer, seconds: float, shapes: list[Shape], **more: Any) -> Answer:
    """Keep what was found; the clock has stopped."""
    Path(job["found"]).write_bytes(pickle.dumps(shapes))
    return {"seconds": seconds, **more}


def run_ours(job: Answer) -> Answer:
    from seepseg.predict.engine import open_model
    from seepseg.scenes.find import find_objects
    from seepseg.scenes.scene import open_scene

    engine = {"engine": job["engine"], "fast": job.get("fast", False), "device": "cpu"}
    model = open_model(Path(job["model"]), imgsz=job["imgsz"], threads=job["threads"], **engine)
    model.predict([np.zeros((job["imgsz"],) * 2, np.uint8)] * 16)
    began = time.perf_counter()
    with open_scene(Path(job["scene"]), as_stored(model)) as scene:
        found = find_objects(model, scene, (job["conf"],) * len(model.names), overlap=job["overlap"])
    seconds = time.perf_counter() - began
    shapes = [(one.class_id, one.x, one.y, one.mask) for one in reversed(found.objects)]
    return finish(job, seconds, shapes, engine=model.engine, notes=model.notes, tiles=found.tiles)


def run_untiled(job: Answer) -> Answer:
    """One call of the network on a square of the scene that begins `shift` pixels from its corner."""
    from seepseg.predict.engine import open_model
    from seepseg.scenes.scene import open_scene

    size, shift = job["size"], job["shift"]
    model = open_model(Path(job["model"]), engine="torch", device="cpu", imgsz=size, threads=job["threads"])
    with open_scene(Path(job["scene"]), as_stored(model)) as scene:
        pixels, _ = scene.read(Window(shift, shift, size, size))
    began = time.perf_counter()
    (found,) = model.predict([pixels], conf=job["conf"], max_det=10_000)
    seconds = time.perf_counter() - began
    shapes = [(one.class_id, shift + one.x, shift + one.y, one.mask) for one in reversed(found.detections)]
    return finish(job, seconds, shapes)


def as_stored(model: Any) -> Any:
    """The model's input at the scene's own spacing, so that the truth lies on the same pixels."""
    return replace(model.input, rule=model.input.rule or DECIBELS, metres_per_pixel=None)


def run_sahi(job: Answer) -> Answer:
    ultralytics_home.prepare()
    import torch
    from sahi import AutoDetectionModel
    from sahi.predict import get_sliced_prediction

    side = job["imgsz"]
    given = {"model_path": weights_of(Path(job["model"])), "device": "cpu", "image_size": side}
    model = AutoDetectionModel.from_pretrained("ultralytics", confidence_threshold=job["conf"], **given)
    model.perform_inference(np.zeros((side, side, 3), np.uint8))
    torch.set_num_threads(job["threads"])
    began = time.perf_counter()
    image = cv2.imread(job["rendered"], cv2.IMREAD_COLOR)
    tiles = {"slice_height": side, "slice_width": side}
    tiles |= {"overlap_height_ratio": job["overlap"], "overlap_width_ratio": job["overlap"]}
    tiles |= {"postprocess_class_agnostic": job.get("class_agnostic", False)}
    result = get_sliced_prediction(image, model, perform_standard_pred=False, verbose=0, **tiles)
    seconds = time.perf_counter() - began
    shapes = [
        shape
        for one in result.object_prediction_list
        if one.mask is not None and (shape := from_polygons(one.category.id, one.mask.segmentation)) is not None
    ]
    return finish(job, seconds, shapes)


def from_polygons(class_id: int, polygons: list[list[float]]) -> Shape | None:
    rings = [np.rint(ring).astype(np.int32).reshape(-1, 2) for ring in polygons if len(ring) >= 6]
    if not rings:
        return None
    x, y, width, height = cv2.boundingRect(np.concatenate(rings))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [ring - (x, y) for ring in rings], 1)
    return class_id, x, y, mask


def run_loop(job: Answer) -> Answer:
    ultralytics_home.prepare()
    import torch
    from ultralytics import YOLO

    side = job["imgsz"]
    model = YOLO(weights_of(Path(job["model"])))
    settings = {"imgsz": side, "conf": job["conf"], "device": "cpu", "verbose": False, "save": False}
    model.predict(np.zeros((side, side, 3), np.uint8), **settings)
    torch.set_num_threads(job["threads"])
    began = time.perf_counter()
    image = cv2.imread(job["rendered"], cv2.IMREAD_COLOR)
    shapes = [shape for box in cut(image, job) for shape in predict_tile(model, image, box, settings)]
    return finish(job, time.perf_counter() - began, shapes)


def cut(image: NDArray[Any], job: Answer) -> list[Window]:
    return windows(image.shape[1], image.shape[0], job["imgsz"], round(job["overlap"] * job["imgsz"]))


def predict_tile(model: Any, image: NDArray[Any], box: Window, settings: dict[str, Any]) -> Iterator[Shape]:
    tile = np.ascontiguousarray(image[box.y : box.y + box.height, box.x : box.x + box.width])
    (result,) = model.predict(tile, **settings)
    if result.masks is None:
        return
    for mask, class_id in zip(result.masks.data.numpy().astype(np.uint8), result.boxes.cls.int().tolist(), strict=True):
        x, y, width, height = cv2.boundingRect(mask)
        yield class_id, box.x + x, box.y + y, mask[y : y + height, x : x + width].copy()
