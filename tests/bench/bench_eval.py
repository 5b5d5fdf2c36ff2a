"""What an evaluation costs, whether its intervals hold, and whether its AP is pycocotools'.

python tests/bench/bench_eval.py                       # all three, one after the other
python tests/bench/bench_eval.py cost --images 2000    # memory and time alone, of fewer images
"""

import argparse
import copy
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from make_detections import random_images, reference
from make_subject import find
from measures.test_bootstrap import KEY, measure, simulate
from seepseg import rle
from seepseg.dataset.truth import TrueObject, Truth
from seepseg.evaluate.findings import Findings, write_findings
from seepseg.evaluate.in_force import give
from seepseg.evaluate.observation import Observation, observe
from seepseg.evaluate.samples import Sample
from seepseg.measures import bootstrap
from seepseg.measures.average_precision import interpolate, pool, rank
from seepseg.measures.levels import make_grid
from seepseg.measures.matching import AREAS, match_image
from seepseg.values import Prediction

NAMES = tuple("abcdefg")
SIZE = 256
MADE = 40
"""Images that are made; the others are copies of these, each in memory of its own."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("cost", "coverage", "pycocotools"))
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--objects", type=int, default=50)
    parser.add_argument("--detections", type=int, default=300)
    args = parser.parse_args()
    if args.part in (None, "cost"):  # First: the peak is that of the whole process.
        report_cost(args.images, args.objects, args.detections)
    if args.part in (None, "coverage"):
        report_coverage()
    if args.part in (None, "pycocotools"):
        report_pycocotools()


def report_cost(images: int, objects: int, detections: int) -> None:
    print(f"{images:,} images of {SIZE} px, {objects} objects and {detections} detections each, {len(NAMES)} classes")
    print(f"  memory at the start {peak_gb():.2f} GB")
    rng, grid = np.random.default_rng(0), make_grid()
    made, seconds = [], 0.0
    for number in range(MADE):
        part = imagine(rng, number, objects, detections)
        began = time.process_time()
        made.append(observe(*part, len(NAMES), grid))
        seconds += time.process_time() - began
    print(f"  matching and counting: {1000 * seconds / MADE:.0f} ms CPU an image")
    observations: list[Observation] = [copy.deepcopy(made[number % MADE]) for number in range(images)]
    print(f"  kept of all images: peak {peak_gb():.2f} GB")
    groups = [f"scene {number // 20}" for number in range(images)]
    found = Findings(NAMES, groups, observations, grid, give(0.25, NAMES))
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        write_findings(Path(folder), found, head={}, tail={}, replicates=1000, seed=0)
    print(f"  every figure, 1,000 drawings: {time.process_time() - began:.0f} s CPU, peak {peak_gb():.2f} GB")


def imagine(rng: np.random.Generator, number: int, objects: int, detections: int) -> tuple[Sample, Truth, Prediction]:
    """Rectangles as objects; detections are some of them, moved a little."""
    truth, bitmaps = Truth(SIZE, SIZE), []
    for _ in range(objects):
        bitmap = np.zeros((SIZE, SIZE), np.uint8)
        y, x, high, wide = (*rng.integers(0, SIZE - 26, 2), *rng.integers(3, 26, 2))
        bitmap[y : y + high, x : x + wide] = 1
        bitmaps.append(bitmap)
        truth.objects.append(TrueObject(int(rng.integers(len(NAMES))), rle.encode(bitmap), None))
    said = [
        find(
            truth.objects[which].class_id, float(score), np.roll(bitmaps[which], tuple(rng.integers(-2, 3, 2)), (0, 1))
        )
        for which, score in zip(
            rng.integers(0, objects, detections), np.sort(rng.random(detections))[::-1], strict=True
        )
    ]
    return Sample(f"{number}.png", Path(f"{number}.png"), None, truth), truth, Prediction(SIZE, SIZE, tuple(said))


def report_coverage(trials: int = 600) -> None:
    print(f"\nhow often a 95 % interval holds the true value, {trials} simulations each: ours, plain percentiles")
    for images, groups in ((60, None), (200, None), (120, 12), (200, 30), (80, 6)):
        rng, held = np.random.default_rng(7), np.zeros(2)
        for trial in range(trials):
            part, whole, names = simulate(rng, images, groups)
            weights = bootstrap.resample(names, images, 300, seed=trial).astype(np.float64)
            values = measure(part, whole)(weights)[KEY]
            ends = bootstrap.interval(values, bootstrap.count_units(names, images)), np.quantile(values, [0.025, 0.975])
            held += [low <= 0.7 <= high for low, high in ends]
        among = f"in {groups} groups" if groups else "without groups"
        print(f"  {images} images {among}: {held[0] / trials:.1%}, {held[1] / trials:.1%}")


def report_pycocotools(count: int = 500) -> None:
    """With crowds, empty images, ties, duplicates and masks of no pixel among them."""
    images = random_images(np.random.default_rng(11), count)
    print(f"\n{count} random images: the largest difference of any point of any curve, ten IoUs, four ranges of size")
    for kind in ("mask", "box"):
        pooled = pool([match_image(truth.objects, said, kind, truth.width, truth.height) for truth, said in images])
        precision, _ = reference(images, 3, kind)
        apart = [
            np.abs(np.nan_to_num(interpolate(rank(pooled, class_id, area))[0], nan=-1) - precision[:, :, class_id, row])
            for class_id in range(3)
            for row, area in enumerate(AREAS)
        ]
        print(f"  {kind}: {np.max(apart):.1e} (mean AP {precision[precision > -1].mean():.3f})")


def peak_gb() -> float:
    """Resident, of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


if __name__ == "__main__":
    main()
