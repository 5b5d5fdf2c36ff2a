"""A simulated scene of 100 megapixels in float32 dB: from the file to objects, beside SAHI and a plain loop over tiles.

python tests/bench/bench_scene.py runs/sos                    # all of it; hours where SAHI takes them
python tests/bench/bench_scene.py runs/sos --quick            # a rehearsal on 1,500 px
python tests/bench/bench_scene.py runs/sos --bundle BUNDLE    # engines of an exported bundle, instead of exporting one

Same weights, tile size, overlap, confidence and threads for all; each in a process of its own, one after the other, the
model loaded and warm before the clock starts. SAHI and the loop get the scene as an 8-bit image, rendered before.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import rasterio
from bundles import export_bundle
from numpy.typing import NDArray
from own_process import Answer, answer_alone, run_alone
from scene_parts import DECIBELS, Shape, run_loop, run_ours, run_sahi, run_untiled
from scipy import ndimage

from seepseg.painting import fit_photo, overlay
from seepseg.scaling import Rule

SEEN, SMALLEST = 0.1, 20
"""The share of an object that has to lie on a true one to belong to it; true ones of fewer pixels don't count."""
WHOLE, WHOLE_QUICK = 2016, 992
SHIFT = 16
"""Pixels by which the untiled scene is shifted for another answer, to see how near a network can come to itself."""


@dataclass(frozen=True, slots=True)
class Scenery:
    """A scene in dB, its truth, and the picture of it that others are given."""

    echo: Path
    truth: Path
    rendered: Path
    width: int
    height: int


def main() -> None:
    if answer_alone({"ours": run_ours, "sahi": run_sahi, "loop": run_loop, "untiled": run_untiled}):
        return
    args = parse_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bundle = args.bundle or export_bundle(args.model, folder / "bundle")
        imgsz, rule = about(args.model)
        job = {
            "model": str(args.model),
            "imgsz": args.imgsz or imgsz,
            "overlap": args.overlap,
            "conf": args.conf,
            "threads": args.threads,
        }
        if args.scene:
            scene = render(args.scene, args.truth, folder / "rendered.tif", rule)
        else:
            scene = simulate(folder, 1500 if args.quick else args.size, rule)
        compare(scene, folder, job, bundle, args.limit)
        compare_tiled(simulate(folder, WHOLE_QUICK if args.quick else WHOLE, rule), folder, job, args.limit)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a run folder, or a .pt")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--scene", type=Path, help="a GeoTIFF in dB of your own, in place of the large one")
    parser.add_argument("--truth", type=Path, help="a raster of the same size: 0 where there is nothing")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--imgsz", type=int, help="also the side of a tile; the model's own if not given")
    parser.add_argument("--overlap", type=float, default=0.2)
    parser.add_argument("--conf", type=float, default=0.25)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=float, default=4 * 3600, metavar="S", help="for each part")
    parser.add_argument("--keep", type=Path, help="a folder for scenes, bundle and picture, which stay there")
    args = parser.parse_args()
    if (args.scene is None) != (args.truth is None):
        parser.error("--scene and --truth go together")
    return args


def about(model: Path) -> tuple[int, Rule]:
    """The image size of a model, and how it is shown a scene in dB."""
    from seepseg.predict.engine import open_model

    opened = open_model(model, engine="torch", device="cpu")
    return opened.imgsz, opened.input.rule or DECIBELS


def compare(scene: Scenery, folder: Path, job: Answer, bundle: Path | None, limit: float) -> None:
    job |= {"scene": str(scene.echo), "rendered": str(scene.rendered)}
    best = {"model": str(bundle or job["model"]), "engine": "auto"}
    parts = {
        "seepseg, torch, f32": ("ours", {"engine": "torch"}),
        "seepseg, best engine, f32": ("ours", best),
        "seepseg, best engine, --fast": ("ours", best | {"fast": True}),
        "SAHI": ("sahi", {}),
        "SAHI, class_agnostic": ("sahi", {"class_agnostic": True}),
        "loop over tiles, nothing merged": ("loop", {}),
    }
    tiles = f"tiles of {job['imgsz']} px, overlap {job['overlap']:g}, {job['threads']} threads"
    print(f"\n{scene.width:,} × {scene.height:,} px, {tiles}")
    found = {}
    for label, (part, more) in parts.items():
        place = folder / f"found-{len(found)}.pkl"
        found[label] = run_alone(__file__, part, job | more | {"label": label, "found": str(place)}, limit=limit)
        if "failed" not in found[label]:
            found[label] |= judge(scene.truth, pickle.loads(place.read_bytes()))
    print_table(found, scene.width * scene.height / 1e6)


def simulate(folder: Path, size: int, rule: Rule) -> Scenery:
    out = folder / f"simulated-{size}"
    if not (out / "simulation.json").exists():
        command = [sys.executable, "-m", "seepseg", "simulate", "scenes", out, "--size", str(size)]
        subprocess.run(command, check=True)
    (echo,) = (out / "scenes").glob("*.tif")
    return render(echo, out / "truth" / echo.name, out / "rendered.tif", rule)


def render(echo: Path, truth: Path, rendered: Path, rule: Rule) -> Scenery:
    with rasterio.open(echo) as dataset:
        values = dataset.read(out_dtype="float32")
    cv2.imwrite(str(rendered), rule.apply(values, np.isfinite(values)), [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    return Scenery(echo, truth, rendered, values.shape[2], values.shape[1])


def print_table(found: dict[str, Answer], megapixels: float) -> None:
    sahi, loop = found["SAHI"].get("seconds"), found["loop over tiles, nothing merged"].get("seconds")
    print("\n| | MP/s | × SAHI | × loop | peak GB | objects | true ones seen | as exactly one | IoU |")
    print("|---|---|---|---|---|---|---|---|---|")
    for label, one in found.items():
        if "failed" in one:
            print(f"| {label} | {one['failed']} | | | | | | | |")
            continue
        ratios = [f"{base / one['seconds']:.2f}" if base else "–" for base in (sahi, loop)]
        cells = [f"{megapixels / one['seconds']:.2f}", *ratios, f"{one['peak_gb']:.2f}", f"{one['objects']:,}"]
        cells += [f"{one['seen']} of {one['true']}", str(one["whole"]), f"{one['iou']:.3f}"]
        print(f"| {label}{' (' + one['engine'] + ')' if one.get('engine') else ''} | {' | '.join(cells)} |")
    for label, one in found.items():
        for note in one.get("notes", ()):
            print(f"{label}: {note}")


def judge(truth: Path, shapes: list[Shape]) -> Answer:
    """How many true objects are seen, and as exactly one. An object belongs to the true one that it shares most pixels
    with, if these are a tenth of its own; whatever the classes."""
    with rasterio.open(truth) as dataset:
        labels, count = ndimage.label(dataset.read(1) > 0, np.ones((3, 3)))
    owned: dict[int, int] = defaultdict(int)
    union = np.zeros(labels.shape, bool)
    for _, x, y, mask in shapes:
        inside = (slice(y, y + mask.shape[0]), slice(x, x + mask.shape[1]))
        union[inside] |= mask > 0
        shared = np.bincount(labels[inside][mask > 0])
        shared[:1] = 0
        if shared.size and shared.max() >= SEEN * mask.sum():
            owned[int(shared.argmax())] += 1
    counted = np.flatnonzero(np.bincount(labels.ravel(), minlength=count + 1)[1:] >= SMALLEST) + 1
    both, either = np.count_nonzero(union & (labels > 0)), np.count_nonzero(union | (labels > 0))
    return {
        "objects": len(shapes),
        "true": len(counted),
        "seen": sum(owned[number] > 0 for number in counted.tolist()),
        "whole": sum(owned[number] == 1 for number in counted.tolist()),
        "iou": both / max(either, 1),
    }


def compare_tiled(scene: Scenery, folder: Path, job: Answer, limit: float) -> None:
    """Tiles against one call of the network on all of it; and that against itself, on the scene shifted."""
    maps, size = {}, scene.width
    whole = size - 2 * SHIFT
    ways: dict[str, tuple[str, Answer]] = {
        "tiled": ("ours", {}),
        "untiled": ("untiled", {"size": whole, "shift": 0}),
        "shifted": ("untiled", {"size": whole, "shift": SHIFT}),
    }
    for label, (part, more) in ways.items():
        place = folder / f"{label}.pkl"
        about = {"scene": str(scene.echo), "engine": "torch", "label": f"{label}, {size} px", "found": str(place)}
        answer = run_alone(__file__, part, job | about | more, limit=limit)
        if "failed" in answer:
            print(f"\n{label}, {size} px: {answer['failed']}")
            return
        maps[label] = paint_classes(pickle.loads(place.read_bytes()), size)[SHIFT:whole, SHIFT:whole]
    tiled, untiled, shifted = maps.values()
    print(f"\n{size} × {size} px, tiled against untiled: IoU {iou(tiled > 0, untiled > 0):.4f}")
    print_seen_by_both(tiled > 0, untiled > 0)
    print(f"  untiled against untiled, shifted by {SHIFT} px: IoU {iou(shifted > 0, untiled > 0):.4f}")
    for number in np.union1d(tiled, untiled).tolist():
        if number:
            print(f"  class {number - 1}: {iou(tiled == number, untiled == number):.4f}")
    photo = fit_photo(cv2.imread(str(scene.rendered)), size, size)[SHIFT:whole, SHIFT:whole]
    gap = np.full((len(photo), 8, 3), 255, np.uint8)
    sheet = np.hstack([overlay(photo, tiled), gap, overlay(photo, untiled)])
    picture = folder / "tiled-untiled.png"
    cv2.imwrite(str(picture), sheet[..., ::-1])
    print(f"  left tiled, right untiled: {picture}; give --keep to look at it")


def print_seen_by_both(tiled: NDArray[np.bool_], untiled: NDArray[np.bool_]) -> None:
    """An object near the threshold may be seen one way only, as it has other surroundings: that is not the merging."""
    labels, count = ndimage.label(tiled | untiled, np.ones((3, 3)))
    seen = [np.bincount(labels[one], minlength=count + 1)[1:] > 0 for one in (tiled, untiled)]
    shared = np.concatenate([[False], seen[0] & seen[1]])[labels]
    alone = [int((seen[at] & ~seen[1 - at]).sum()) for at in (0, 1)]
    told = (
        f"{int((seen[0] & seen[1]).sum())} objects are seen both ways, IoU {iou(tiled & shared, untiled & shared):.4f}"
    )
    print(f"  {told}; {alone[0]} only tiled, {alone[1]} only untiled")


def paint_classes(shapes: list[Shape], size: int) -> NDArray[np.int32]:
    classes = np.zeros((size, size), np.int32)
    for class_id, x, y, mask in shapes:
        classes[y : y + mask.shape[0], x : x + mask.shape[1]][mask > 0] = class_id + 1
    return classes


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


if __name__ == "__main__":
    main()
