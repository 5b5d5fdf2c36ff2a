"""Is one slick told as several objects? Objects at the thresholds of a run, with and without `--clean once:X`, matched
to the truth one to one by pycocotools' IoU of masks, .5 or more; the figures of pixels beside them.

python tests/bench/bench_doubles.py runs/sos datasets/sos/data.yaml
python tests/bench/bench_doubles.py RUN DATA.yaml --split test --shared .3 .5
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from seepseg import load_model
from seepseg.cleaning.pipeline import clean_prediction, parse_cleaning
from seepseg.dataset.layout import read_dataset
from seepseg.values import Prediction
from seepseg.wording import align

MATCH = 0.5
DRAWINGS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--shared", nargs="+", default=[".7", ".6", ".5", ".4", ".3"])
    args = parser.parse_args()
    variants = ["", *(f"once:{shared}" for shared in args.shared)]
    counts = np.array(list(look(args, [parse_cleaning(one) if one else None for one in variants])))
    rows = [["", "objects an image", "precision", "recall", "F1", "95 % interval", "IoU", "mIoU"]]
    drawn = np.random.default_rng(0).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), DRAWINGS)
    for name, mine in zip(variants, counts.transpose(1, 0, 2), strict=True):
        hits, found, true, both, either, neither = mine.sum(axis=0)
        sums = drawn @ mine
        low, high = np.percentile(2 * sums[:, 0] / (sums[:, 1] + sums[:, 2]), [2.5, 97.5])
        iou, sea = both / either, neither / (neither + either - both)
        figures = [hits / found, hits / true, 2 * hits / (found + true)]
        told = [name or "as found", f"{found / len(counts):.2f}", *(f"{one:.3f}" for one in figures)]
        rows.append([*told, f"{low:.3f} to {high:.3f}", f"{iou:.4f}", f"{(iou + sea) / 2:.4f}"])
    print(f"{len(counts):,} images, {counts[:, 0, 2].mean():.2f} true objects each\n{align(rows)}")


def look(args: argparse.Namespace, variants: Sequence[Any]) -> Iterator[list[list[float]]]:
    """Of each image and variant: hits, objects found and true, and pixels that both, either and neither mark."""
    model = load_model(args.run)
    truth = COCO(str(args.data.parent / "annotations" / f"{args.split}.json"))
    named = {image["file_name"]: number for number, image in truth.imgs.items()}
    for image in read_dataset(args.data).splits[args.split]:
        prediction = model.predict(image)
        true = [(one["category_id"], one["segmentation"]) for one in truth.imgToAnns[named[image.name]]]
        cleaned = [clean_prediction(prediction, one) if one else prediction for one in variants]
        yield [count(one, true) for one in cleaned]


def count(prediction: Prediction, true: Sequence[tuple[int, Any]]) -> list[float]:
    found = []
    for one in prediction.detections:
        bitmap = np.zeros((prediction.height, prediction.width), np.uint8, order="F")
        bitmap[one.inside] = one.mask
        found.append((one.class_id, coco_mask.encode(bitmap)))
    nothing = np.zeros((prediction.height, prediction.width), np.uint8)
    ours, theirs = (
        coco_mask.decode(coco_mask.merge([run for _, run in some])) if some else nothing for some in (found, true)
    )
    pixels = [np.sum(ours & theirs), np.sum(ours | theirs), np.sum((ours | theirs) == 0)]
    return [float(match(found, true)), float(len(found)), float(len(true)), *map(float, pixels)]


def match(found: Sequence[tuple[int, Any]], true: Sequence[tuple[int, Any]]) -> int:
    """The surest first, each to the best that is left."""
    if not (found and true):
        return 0
    runs = [[run for _, run in some] for some in (found, true)]
    alike = coco_mask.iou(*runs, [0] * len(true))
    alike[np.array([one for one, _ in found])[:, None] != np.array([one for one, _ in true])] = 0
    hits = 0
    for row in alike:
        best = int(row.argmax())
        if row[best] >= MATCH:
            hits += 1
            alike[:, best] = 0
    return hits


if __name__ == "__main__":
    main()
