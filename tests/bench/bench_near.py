"""Copies and twins: how many are found, how long it takes, and how often a random split would part them.

python tests/bench/bench_near.py                       # synthetic: twins by shift, turn and blur; many fingerprints
python tests/bench/bench_near.py --images FOLDER       # and the images of a folder, such as SOS
python tests/bench/bench_near.py --images FOLDER --show OUT   # and writes pairs side by side, the weakest first
"""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from seepseg.splits import near
from seepseg.splits.near import Pair, find_near, propose_groups
from seepseg.splits.twins import Fingerprint, find_copies, fingerprint, orientations

SIZE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--glob", default="*_sat.jpg")
    parser.add_argument("--show", type=Path, metavar="OUT")
    args = parser.parse_args()
    if not args.images:
        report_speed()
        report_recall(np.random.default_rng(0))
        return
    files = sorted(args.images.rglob(args.glob))
    report_copies(files)
    pairs = report_near(files)
    if args.show:
        args.show.mkdir(parents=True, exist_ok=True)
        for pair in sorted(pairs, key=lambda pair: pair.score)[:40]:
            show(pair, files, args.show)


def report_speed() -> None:
    rng = np.random.default_rng(0)
    for shape in ((256, 256), (256, 256, 3)):
        picture = rng.integers(0, 256, shape, dtype=np.uint8)
        start = time.perf_counter()
        for _ in range(200):
            fingerprint(picture)
        print(f"fingerprint of {shape}: {(time.perf_counter() - start) * 5:.2f} ms")
    alike = rng.normal(100, 2, (50_000, 136))
    varied = alike + rng.normal(0, 25, (50_000, 1)) + rng.normal(0, 10, (50_000, 10)) @ rng.normal(0, 1, (10, 136))
    for name, thumbs in (("alike", alike), ("varied", varied)):
        packed = (thumbs.clip(0, 255) * 256).astype(np.uint16)
        marks = [Fingerprint(str(index).encode(), (256, 256), row.tobytes()) for index, row in enumerate(packed)]
        start = time.perf_counter()
        find_copies(marks, lambda index: rng.integers(0, 256, (256, 256), dtype=np.uint8))
        print(f"50,000 fingerprints, {name}: {time.perf_counter() - start:.1f} s")


def report_recall(rng: np.random.Generator) -> None:
    """Twins of synthetic SAR scenes by how much of the tile they share."""
    print("\nshared   found   of which with the right turn (60 pairs each, half of them blurred)")
    for shift in (20, 60, 100, 120):
        pictures, turns = [], []
        for number in range(60):
            scene = simulate(rng, SIZE + shift)
            which = int(rng.integers(8))
            other = scene[-SIZE:, -SIZE:] if number % 2 else cv2.GaussianBlur(scene[-SIZE:, -SIZE:], (0, 0), 2)
            pictures += [scene[:SIZE, :SIZE], list(orientations(other))[which]]
            turns.append(near.TURNS[which if which >= 4 else -which % 4])
        pairs = {(pair.i, pair.j): pair for pair in find_near(pictures.__getitem__, len(pictures))}
        mine = [(pairs.pop((2 * number, 2 * number + 1), None), turn) for number, turn in enumerate(turns)]
        right = sum(pair is not None and pair.turn == turn for pair, turn in mine)
        found = sum(pair is not None for pair, _ in mine)
        print(f"{(1 - shift / SIZE) ** 2:6.0%} {found:7} {right:7}   false pairs {len(pairs)}")


def simulate(rng: np.random.Generator, size: int) -> np.ndarray:
    field = sum(cv2.GaussianBlur(rng.standard_normal((size, size)), (0, 0), scale) * scale for scale in (3, 8, 25))
    backscatter = np.where(field > np.quantile(field, 0.15), 110, 45) + 8 * field
    return np.clip(backscatter * rng.gamma(4, 1 / 4, (size, size)), 0, 255).astype(np.uint8)


def report_copies(files: Sequence[Path]) -> None:
    start = time.perf_counter()
    marks = [fingerprint(read(file)) for file in files]
    middle = time.perf_counter()
    copies = find_copies(marks, lambda index: read(files[index]))
    print(f"{len(files):,} images; copies: {len(copies)} pairs")
    print(f"reading and fingerprints {middle - start:.1f} s, comparing {time.perf_counter() - middle:.1f} s")


def report_near(files: Sequence[Path]) -> list[Pair]:
    agreeing, near.AGREEING = near.AGREEING, -1.0  # what is refused is to be seen, too
    start = time.perf_counter()
    candidates = find_near(lambda index: read(files[index]), len(files))
    taken = time.perf_counter() - start
    near.AGREEING = agreeing
    pairs = [pair for pair in candidates if pair.score >= agreeing]
    refused = [pair.score for pair in candidates if pair.score < agreeing]
    print(f"near: {len(pairs):,} pairs in {taken:.0f} s; turns {dict(Counter(pair.turn for pair in pairs))}")
    print("  weakest:", *sorted(pair.score for pair in pairs)[:3], f"of {len(candidates):,} candidates")
    print("  strongest refused:", *sorted(refused)[-3:])
    twins = {index for pair in pairs for index in (pair.i, pair.j)}
    for folder in sorted({file.parent for file in files}):
        mine = [index for index, file in enumerate(files) if file.parent == folder]
        with_twin = sum(index in twins for index in mine)
        print(f"  {folder.name}: {with_twin:,} of {len(mine):,} have a twin ({with_twin / len(mine):.0%})")
    sizes = Counter(Counter(propose_groups(pairs, len(files))).values())
    print("  groups by size:", dict(sorted(sizes.items())))
    report_leakage(pairs, len(files))
    return pairs


def report_leakage(pairs: Sequence[Pair], count: int) -> None:
    """What a purely random .7 / .15 / .15 split does to the twins."""
    parted, leaking = [], []
    for seed in range(20):
        side = np.random.default_rng(seed).choice(3, count, p=[0.7, 0.15, 0.15])
        apart = [pair for pair in pairs if side[pair.i] != side[pair.j]]
        parted.append(len(apart))
        held = {index for pair in apart for index in (pair.i, pair.j) if side[index] and 0 in side[[pair.i, pair.j]]}
        leaking.append(len(held) / int((side > 0).sum()))
    share = np.mean(parted) / max(len(pairs), 1)
    print(
        f"  random split: parts {np.mean(parted):.0f} pairs ({share:.0%}); "
        f"{np.mean(leaking):.0%} of val and test images have a twin in train"
    )


def show(pair: Pair, files: Sequence[Path], folder: Path) -> None:
    """Both pictures, and the second turned and laid on the first."""
    one, other = read(files[pair.i]), read(files[pair.j])
    laid = list(orientations(other))[near.TURNS.index(pair.turn)]
    move = np.float32([[1, 0, pair.shift[0]], [0, 1, pair.shift[1]]])
    height, width = one.shape
    sheet = np.hstack([one, other, cv2.warpAffine(laid, move, (width, height))])
    name = f"{pair.score:.2f}_{files[pair.i].stem}_{files[pair.j].stem}_{pair.turn.strip('°').replace(' ', '')}.png"
    cv2.imwrite(str(folder / name), sheet)


def read(file: Path) -> np.ndarray:
    return cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)


if __name__ == "__main__":
    main()
