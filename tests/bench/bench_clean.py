"""What helps a mask: margins around boxes, cleaning, hysteresis and input filters, one change at a time.

python tests/bench/bench_clean.py runs/sos datasets/sos/data.yaml                      # all of them, on val
python tests/bench/bench_clean.py runs/sos datasets/sos/data.yaml --images 100         # a quick look
python tests/bench/bench_clean.py runs/sos datasets/sos/data.yaml --margin .1 --clean close:1,holes gaussian:1,holes

For every variant the confidence is chosen on one half of the images (groups whole) and used on the other, and the
other way round. What stands behind a figure is its difference to the first line, with a 95 % interval from drawing
groups (or images) again; + and - mark those that exclude zero. Of so many, one in twenty does by chance: a winner is
to be confirmed on another split. AP50 is that of detections above .01, without an interval.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.cleaning.filters import Filters, filter_image, parse_filters
from seepseg.cleaning.pipeline import clean_prediction, parse_cleaning
from seepseg.dataset.layout import read_dataset
from seepseg.dataset.truth import Truth
from seepseg.evaluate.predictions import order_classes
from seepseg.evaluate.samples import Sample, groups_of, read_samples, truth_of
from seepseg.measures import boundary, levels, pixels, presence
from seepseg.measures.bootstrap import Difference, Drawn, Measure, count_units, paired_differences, resample
from seepseg.measures.boundary import BoundarySweep
from seepseg.measures.choosing import choose, cross_fit, deal_folds
from seepseg.measures.figures import Figures, Floats, mean_defined
from seepseg.measures.instances import summarize
from seepseg.measures.levels import Layers
from seepseg.measures.matching import Matches, encode_prediction, match_image, share_inside
from seepseg.measures.pixels import ImageCells
from seepseg.measures.thresholds import MAX_F1
from seepseg.predict.engine import BATCH, Model, open_model
from seepseg.progress import track
from seepseg.raster import read_pixels
from seepseg.values import Bitmap, Prediction
from seepseg.wording import align

T = TypeVar("T")
GRID = levels.make_grid()
MARGINS = (0.05, 0.1, 0.2, 0.5)
SHARES = (0.7, 0.5)
CLEANINGS = (
    *("median:3", "median:5", "gaussian:1", "gaussian:2"),
    *("open:1", "open:2", "close:1", "close:2"),
    *("holes:20", "holes:100", "holes", "small:10", "small:30", "small:100", "largest"),
    *("once:.5", "once:.7"),
)
FILTERS = ("median:3", "lee:3", "lee:5", "gaussian:1", "clahe:2", "equalize", "gamma:0.7", "gamma:1.4")
SHOWN = ("mIoU", "IoU", "F1", "boundary IoU")


@dataclass(frozen=True, slots=True)
class Setting:
    """What all variants share."""

    model: Model
    order: tuple[int, ...]
    names: tuple[str, ...]
    samples: tuple[Sample, ...]
    truths: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """What is kept of one pass over the images."""

    name: str
    cells: list[ImageCells]
    edges: list[BoundarySweep]
    ap50: float | None
    ms: float | None
    """An image, for what this variant adds to prediction, where that was timed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--images", type=int, metavar="N", help="every so many that about N are left")
    parser.add_argument("--margin", type=float, default=0.0, help="of the first line, and of all cleaning")
    parser.add_argument("--margins", type=float, nargs="*", default=MARGINS)
    parser.add_argument("--clean", nargs="*", default=CLEANINGS)
    parser.add_argument("--filter", nargs="*", default=FILTERS)
    parser.add_argument("--hysteresis", type=float, nargs="*", default=SHARES)
    parser.add_argument("--replicates", type=int, default=2000)
    args = parser.parse_args()
    setting = prepare(args.model, args.data, args.split, args.images)
    found = predict(setting, max([args.margin, *args.margins]))
    plain = [cut(one, args.margin) for one in found]
    groups = groups_of(setting.samples)
    seen = presence.gather(
        [presence.score_image(*pair, len(setting.names)) for pair in zip(plain, setting.truths, strict=True)]
    )
    folds = deal_folds(seen, groups, folds=2)
    units = count_units(groups, len(plain))
    drawn = resample(groups, len(plain), args.replicates)
    said = f"{args.model} on {len(plain)} images of {args.split} ({units} groups), imgsz {setting.model.imgsz}"
    print(f"{said}, {setting.model.engine}; confidence chosen on the other half\n")
    rows = [heading(setting.names)]
    base = None
    for variant in variants(setting, found, plain, args):
        measured = measure(variant, folds, setting.names)
        base = base or measured
        rows.append(describe(variant, base, measured, drawn, units))
        print(variant.name, "is measured", file=sys.stderr, flush=True)
    print(align(rows))


def prepare(model: Path, data: Path, split: str, images: int | None) -> Setting:
    opened, dataset = open_model(model), read_dataset(data)
    samples, _ = read_samples(dataset, split)
    samples = samples[:: max(1, len(samples) // images) if images else 1]
    sizes = [read_pixels(sample.image).shape for sample in samples]
    truths = tuple(truth_of(sample, size[1], size[0]) for sample, size in zip(samples, sizes, strict=True))
    order = order_classes(opened.names, dataset.names)
    return Setting(opened, order, tuple(dataset.names), tuple(samples), truths)


def predict(setting: Setting, margin: float, filters: Filters | None = None) -> list[Prediction]:
    """At the lowest confidence that is counted, so that any above can be chosen."""
    found = []
    conf, filters = float(GRID[0]), filters or Filters()
    for start in track(range(0, len(setting.samples), BATCH), -(-len(setting.samples) // BATCH), "predicting"):
        some = setting.samples[start : start + BATCH]
        images = [filter_image(read_pixels(sample.image), filters) for sample in some]
        found += setting.model.predict(images, conf=conf, iou=0.7, max_det=300, margin=margin, batch=BATCH)
    return [renumber(one, setting) for one in found]


def renumber(prediction: Prediction, setting: Setting) -> Prediction:
    moved = tuple(replace(one, class_id=setting.order[one.class_id]) for one in prediction.detections)
    return replace(prediction, detections=moved, names=setting.names)


def cut(prediction: Prediction, margin: float) -> Prediction:
    """What a smaller margin would have given: the same masks, cut to a narrower window."""
    narrow = []
    for one in prediction.detections:
        left, top, right, bottom = one.box
        wide, high = margin * (right - left), margin * (bottom - top)
        x, y = (max(ceil(low) - at, 0) for low, at in ((left - wide, one.x), (top - high, one.y)))
        mask = one.mask[y : max(ceil(bottom + high) - one.y, 0), x : max(ceil(right + wide) - one.x, 0)]
        narrow.append(replace(one, mask=mask, x=one.x + x, y=one.y + y))
    return replace(prediction, detections=tuple(narrow))


def variants(
    setting: Setting, found: Sequence[Prediction], plain: Sequence[Prediction], args: argparse.Namespace
) -> Iterator[Variant]:
    yield keep(f"margin {args.margin:g}", setting, plain)
    for margin in args.margins:
        if margin != args.margin:
            yield keep(f"margin {margin:g}", setting, [cut(one, margin) for one in found])
    for text in args.clean:
        cleaning = parse_cleaning(text)
        cleaned, ms = timed(partial(clean_prediction, cleaning=cleaning), plain)
        yield keep(f"clean {cleaning}", setting, cleaned, ms=ms)
    for share in args.hysteresis:
        yield keep(f"hysteresis {share:g}", setting, plain, share=share)
    for text in args.filter:
        filters = parse_filters(text)
        _, ms = timed(partial(filter_image, filters=filters), [read_pixels(one.image) for one in setting.samples[:50]])
        yield keep(f"filter {filters}", setting, predict(setting, args.margin, filters), ms=ms)


def timed(change: Callable[[T], T], values: Sequence[T]) -> tuple[list[T], float]:
    began = time.process_time()
    changed = list(map(change, values))
    return changed, 1000 * (time.process_time() - began) / len(values)


def keep(
    name: str, setting: Setting, found: Sequence[Prediction], *, ms: float | None = None, share: float | None = None
) -> Variant:
    cells, edges, judged = [], [], []
    for prediction, truth in zip(found, setting.truths, strict=True):
        layers = levels.lay(prediction, truth, len(setting.names), GRID)
        if share is None:
            judged.append(match(truth, prediction))
        else:
            layers = spread_levels(layers, share)
        cells.append(pixels.count_cells(layers, len(setting.names)))
        edges.append(boundary.sweep_boundary(layers, len(GRID)))
    return Variant(name, cells, edges, summarize(judged, setting.names)["map50"] if judged else None, ms)


def match(truth: Truth, prediction: Prediction) -> Matches:
    found, size = encode_prediction(prediction), (truth.width, truth.height)
    open_shares = None if truth.ignore is None else share_inside(truth.ignore, found, *size)
    return match_image(truth.objects, found, "mask", *size, open_shares=open_shares)


def spread_levels(layers: Layers, share: float) -> Layers:
    """At each confidence, pixels of that share of it count too where they are connected to pixels that reach it."""
    spread = {}
    for class_id, level in layers.levels.items():
        grown = np.zeros_like(level)
        for step in range(1, int(level.max()) + 1):
            outline = level > np.searchsorted(GRID, share * GRID[step - 1])
            grown[connected(outline.astype(np.uint8), level >= step)] = step
        spread[class_id] = grown
    return replace(layers, levels=spread)


def connected(outline: Bitmap, seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of the outline that hold a seed."""
    count, parts = cv2.connectedComponents(outline, connectivity=8)
    held = np.zeros(count, np.bool_)
    held[parts[seeds]] = True
    held[0] = False
    return held[parts]


def measure(variant: Variant, folds: NDArray[np.int64], names: Sequence[str]) -> Measure:
    """At the confidence that the other half chose for each class."""
    cells = pixels.gather(variant.cells)

    def choose_on(kept: NDArray[np.bool_]) -> list[float]:
        swept = pixels.sweep(cells, len(GRID), kept)
        return [choose(GRID, swept[number], MAX_F1, name).value for number, name in enumerate(names)]

    at = levels.levels_of(np.array(cross_fit(folds, choose_on))[folds], GRID)
    counts, edges = pixels.count_at(cells, at), boundary.boundary_at(variant.edges, at)

    def figures(weights: Floats) -> Figures:
        said = pixels.pixel_figures(counts, names, weights)
        outlines = boundary.boundary_figures(edges, names, weights)
        shown = [said["pixels", key] for key in ("miou", "miou_foreground", "f1")]
        shown.append(mean_defined(np.stack(list(outlines.values()), axis=-1)))
        return {(key,): values for key, values in zip(SHOWN, shown, strict=True)}

    return figures


def heading(names: Sequence[str]) -> list[str]:
    over = {"IoU": f"{names[0]} IoU" if len(names) == 1 else "class IoU"}
    return ["", *(word for key in SHOWN for word in (over.get(key, key), "difference")), "AP50", "ms"]


def describe(variant: Variant, base: Measure, measured: Measure, drawn: Drawn, units: int) -> list[str]:
    found = paired_differences(base, measured, drawn, units)
    now = measured(np.ones((1, drawn.shape[1])))
    row = [variant.name]
    for key in SHOWN:
        apart = found.get((key,))
        row += [f"{now[key,][0]:.4f}", "" if apart is None or base is measured else write_difference(apart)]
    return [*row, *("" if value is None else f"{value:.3f}" for value in (variant.ap50, variant.ms))]


def write_difference(apart: Difference) -> str:
    mark = "+" if apart.low > 0 else "-" if apart.high < 0 else " "
    return f"{apart.difference:+.4f} [{apart.low:+.4f}, {apart.high:+.4f}] {mark}"


if __name__ == "__main__":
    main()
