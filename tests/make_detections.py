"""Images with truth and detections, made at random or by hand, and what pycocotools' own COCOeval says of them."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from seepseg import rle
from seepseg.dataset.truth import TrueObject, Truth
from seepseg.measures.matching import AREAS, Kind, Predicted

Image = tuple[Truth, list[Predicted]]


def bar(size: int, y: int, x: int, rows: int, columns: int) -> NDArray[np.uint8]:
    bitmap = np.zeros((size, size), np.uint8)
    bitmap[y : y + rows, x : x + columns] = 1
    return bitmap


def true(class_id: int, bitmap: NDArray[np.uint8], *, crowd: bool = False) -> TrueObject:
    return TrueObject(class_id, rle.encode(bitmap), None, crowd)


def found(class_id: int, score: float, bitmap: NDArray[np.uint8]) -> Predicted:
    run = rle.encode(bitmap)
    x, y, columns, rows = rle.measure_one(run, bitmap.shape[1], bitmap.shape[0])[1]
    return Predicted(class_id, score, (x, y, x + columns, y + rows), run)


def random_images(
    rng: np.random.Generator, count: int, *, classes: int = 3, tied: bool = True, most: int = 12, crowds: float = 0.15
) -> list[Image]:
    """Objects and detections near them, far from them, twice, of the wrong class and of no pixel; some images are
    empty. `tied` scores have one decimal."""
    images = []
    for _ in range(count):
        size = int(rng.choice([40, 150]))
        truth = Truth(size, size)
        predicted = []
        for _ in range(int(rng.integers(0, 6))):
            bitmap = _box(rng, size)
            truth.objects.append(true(int(rng.integers(classes)), bitmap, crowd=bool(rng.random() < crowds)))
            for _ in range(int(rng.integers(0, 3))):
                near = np.roll(bitmap, tuple(rng.integers(-2, 3, 2)), (0, 1))
                class_id = truth.objects[-1].class_id if rng.random() < 0.8 else int(rng.integers(classes))
                predicted.append((class_id, near))
        predicted += [(int(rng.integers(classes)), _box(rng, size)) for _ in range(int(rng.integers(0, most)))]
        scores = rng.random(len(predicted))
        scores = scores.round(1) if tied else scores
        images.append((truth, [found(c, float(s), b) for (c, b), s in zip(predicted, scores, strict=True)]))
    return images


def _box(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    y, x = rng.integers(0, size, 2)
    rows, columns = rng.integers(0 if rng.random() < 0.05 else 1, size, 2)
    return bar(size, int(y), int(x), int(rows), int(columns))


def reference(images: Sequence[Image], classes: int, kind: Kind) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """COCOeval's precision (IoU thresholds, recalls, classes, areas) and the scores beside it; -1 where absent."""
    truth, results = [], []
    for number, (true_image, predicted) in enumerate(images):
        size = [true_image.height, true_image.width]
        for one in true_image.objects:
            area, box = rle.measure_one(one.rle, size[1], size[0])
            # COCOeval takes an annotation with the id 0 for "not matched".
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": number,
                    "category_id": one.class_id,
                    "segmentation": {"size": size, "counts": one.rle},
                    "area": area,
                    "bbox": list(box),
                    "iscrowd": int(one.crowd),
                }
            )
        for hit in predicted:
            left, top, right, bottom = hit.box
            place = (
                {"segmentation": {"size": size, "counts": hit.rle}}
                if kind == "mask"
                else {"bbox": [left, top, right - left, bottom - top]}
            )
            results.append({"image_id": number, "category_id": hit.class_id, "score": hit.score, **place})
    document = {
        "images": [{"id": number, "width": t.width, "height": t.height} for number, (t, _) in enumerate(images)],
        "categories": [{"id": number, "name": str(number)} for number in range(classes)],
        "annotations": truth,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = document
        coco.createIndex()
        run = COCOeval(
            coco, coco.loadRes(results) if results else _nothing(document), "segm" if kind == "mask" else "bbox"
        )
        run.params.maxDets = [300]
        run.params.areaRng = [list(limits) for limits in AREAS.values()]
        run.params.areaRngLbl = list(AREAS)
        run.evaluate()
        run.accumulate()
    return run.eval["precision"][..., 0], run.eval["scores"][..., 0]


def _nothing(document: dict) -> COCO:
    coco = COCO()
    coco.dataset = {**document, "annotations": []}
    coco.createIndex()
    return coco
