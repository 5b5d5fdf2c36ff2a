"""Masks to labels, beside Ultralytics' own converter: what comes back through its loader, and how fast.

python tests/bench/bench_labels.py                 # 200 random masks
python tests/bench/bench_labels.py --masks FOLDER  # and the masks of a folder, binarised at 127
"""

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")

from make import Bitmap, ragged, thin, write_image
from seepseg import instances, outline, tracing
from seepseg.dataset.fidelity import border_of, iou, sample

SIZES = (320, 640, 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=Path, help="a folder of mask PNGs")
    parser.add_argument("--speed", action="store_true", help="only time the masks of the folder")
    parser.add_argument("--most", type=int, default=2000)
    parser.add_argument("--step", type=int, default=1, help="take every n-th of them")
    args = parser.parse_args()
    if not args.speed:
        report_random()
    if args.masks:
        files = sorted(args.masks.rglob("*_mask.png"))[:: args.step][: args.most]
        masks = [(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 127).astype(np.uint8) for file in files]
        if not args.speed:
            report(f"masks of {args.masks.name}", masks)
        time_labels(masks)
        time_conversion(files)


def report_random() -> None:
    rng = np.random.default_rng(0)
    shapes = [(256, 256) if turn % 2 else tuple(rng.integers(100, 300, 2).tolist()) for turn in range(200)]
    report("ragged, with holes", [ragged(rng, *shape) for shape in shapes])
    report("1-px diagonals and dots", [thin(rng, *shape) for shape in shapes])
    report_augmented(256)
    report_augmented(640)


def report(title: str, masks: Sequence[Bitmap]) -> None:
    """IoU through Ultralytics' own loader, and components lost."""
    print(f"\n{title}: {len(masks):,} masks\n{'':12}{'seepseg':>34}{'ultralytics':>34}")
    for imgsz in SIZES:
        cells = []
        for convert in (ours, theirs):
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                lay_out(place, masks)
                convert(place, imgsz)
                values, lost = measure(place, masks, imgsz)
            cells.append(f"{np.mean(values):.5f} min {min(values):.4f} ({lost} lost)")
        print(f"imgsz {imgsz:<6}" + "".join(f"{cell:>34}" for cell in cells), flush=True)


def lay_out(folder: Path, masks: Sequence[Bitmap]) -> None:
    for index, mask in enumerate(masks):
        write_image(folder / "masks" / f"{index:05d}.png", mask)
        write_image(folder / "images" / f"{index:05d}.png", mask * 200)
    (folder / "labels").mkdir()


def ours(folder: Path, imgsz: int) -> None:
    write_labels(sorted((folder / "masks").iterdir()), folder / "labels", imgsz)


def theirs(folder: Path, imgsz: int) -> None:
    from ultralytics.data.converter import convert_segment_masks_to_yolo_seg

    logging.getLogger("ultralytics").setLevel(logging.WARNING)
    convert_segment_masks_to_yolo_seg(str(folder / "masks"), str(folder / "labels"), classes=1)


def write_labels(files: Sequence[Path], labels: Path, imgsz: int) -> None:
    for file in files:
        mask = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        labels_of = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)[1]
        rings = [ring for _, ring in tracing.trace(labels_of)]
        rows = outline.place(rings, mask.shape[1], mask.shape[0], imgsz)
        text = outline.format_rows([(0, row) for row in rows])
        (labels / f"{file.stem}.txt").write_text(text)


def measure(folder: Path, masks: Sequence[Bitmap], imgsz: int) -> tuple[list[float], int]:
    values, lost, seen = [], 0, set()
    for index, painted, count in load(folder, imgsz):
        height, width = masks[index].shape
        wide, high = outline.loaded_size(width, height, imgsz)
        left, top = border_of(wide, high, imgsz)
        seen.add(index)
        lost += max(components(masks[index]) - count, 0)
        if masks[index].any():
            values.append(iou(painted[top : top + high, left : left + wide], sample(masks[index], wide, high)))
    missing = [masks[index] for index in set(range(len(masks))) - seen]
    lost += sum(map(components, missing))
    return values + [0.0] * sum(bool(mask.any()) for mask in missing), lost


def load(folder: Path, imgsz: int) -> Iterator[tuple[int, Bitmap, int]]:
    """What Ultralytics' own dataset gives to training: the union of an image's masks, and how many there are."""
    from ultralytics.cfg import get_cfg
    from ultralytics.data.dataset import YOLODataset

    logging.getLogger("ultralytics").setLevel(logging.WARNING)
    dataset = YOLODataset(
        img_path=str(folder / "images"),
        imgsz=imgsz,
        augment=False,
        rect=False,
        hyp=get_cfg(overrides={"mask_ratio": 1, "overlap_mask": True}),
        data={"names": {0: "object"}, "channels": 3},
        task="segment",
    )
    for number, file in enumerate(dataset.im_files):
        item = dataset[number]
        yield int(Path(file).stem), (item["masks"].numpy().max(axis=0) > 0).astype(np.uint8), len(item["cls"])


def components(mask: Bitmap) -> int:
    return int(cv2.connectedComponents(mask, connectivity=8)[0]) - 1


def report_augmented(imgsz: int) -> None:
    """IoU after random scaling, turning and shifting, as training does it, for several insets."""
    chosen = outline.INSET
    for title, make in (("ragged", ragged), ("1-px diagonals and dots", thin)):
        cells = []
        for inset in (0.01, 0.25, 0.45, 0.5):
            outline.INSET = inset
            rng = np.random.default_rng(3)
            values = [augmented(rng, make(rng, 256, 256), imgsz) for _ in range(40)]
            cells.append(f"inset {inset}: {np.mean(values):.3f}")
        print(f"augmented, imgsz {imgsz}, {title}: " + ", ".join(cells), flush=True)
    outline.INSET = chosen


def augmented(rng: np.random.Generator, mask: Bitmap, imgsz: int) -> float:
    rings = [ring for one in instances.from_classes(mask) for ring in one.outlines]
    move = cv2.getRotationMatrix2D((imgsz / 2, imgsz / 2), rng.uniform(-10, 10), rng.uniform(0.6, 1.4))
    move[:, 2] += rng.uniform(-20, 20, 2)
    got = np.zeros((imgsz, imgsz), np.uint8)
    for row in outline.place(rings, 256, 256, imgsz):
        moved = (row * imgsz) @ move[:, :2].T + move[:, 2]
        cv2.fillPoly(got, [moved.astype(np.int32)], 1)
    back = cv2.invertAffineTransform(move)
    y, x = np.mgrid[:imgsz, :imgsz] + 0.5
    column, row = np.floor((np.tensordot(back[:, :2], [x, y], 1) + back[:, 2, None, None]) * 256 / imgsz)
    inside = (column >= 0) & (row >= 0) & (column < 256) & (row < 256)
    wanted = np.zeros_like(got)
    wanted[inside] = mask[row[inside].astype(int), column[inside].astype(int)]
    return iou(got, wanted)


def time_labels(masks: Sequence[Bitmap]) -> None:
    """Masks to label files alone: Ultralytics' one process against our two."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        lay_out(place, masks)
        files = sorted((place / "masks").iterdir())
        halves = [files[::2], files[1::2]]
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            list(pool.map(write_labels, [files[:4]] * 2, [place / "labels"] * 2, [640] * 2))
            two = rate(lambda: list(pool.map(write_labels, halves, [place / "labels"] * 2, [640] * 2)), len(masks))
        one = rate(lambda: write_labels(files, place / "labels", 640), len(masks))
        peer = rate(lambda: theirs(place, 640), len(masks))
    print(f"\nmasks → labels alone: seepseg {two:,.0f}/s with two workers, {one:,.0f}/s with one;", end=" ")
    print(f"ultralytics {peer:,.0f}/s: ratio {two / peer:.2f} and {one / peer:.2f}")


def time_conversion(files: Sequence[Path]) -> None:
    """The whole command, images, hashes, splits and exact truth included, against Ultralytics' labels alone."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for file in files:
            mask = (cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 127).astype(np.uint8)
            write_image(place / "masks" / file.name, mask)
            image = file.with_name(file.name.replace("_mask.png", "_sat.jpg"))
            target = place / "images" / image.name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(image.read_bytes())
        (place / "labels").mkdir()
        command = [sys.executable, "-m", "seepseg", "convert", "masks", "images", "masks", "out"]
        command += ["--names", "oil", "--workers", "2", "--overwrite"]
        whole = rate(lambda: subprocess.run(command, cwd=place, check=True, capture_output=True), len(files))
        peer = rate(lambda: theirs(place, 640), len(files))
    print(f"whole conversion, command start included: seepseg {whole:,.0f}/s with two workers;", end=" ")
    print(f"ultralytics, labels alone, {peer:,.0f}/s: ratio {whole / peer:.2f}")


def rate(run: Callable[[], object], count: int) -> float:
    """Masks a second: the median of three."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return count / statistics.median(taken)


if __name__ == "__main__":
    main()
