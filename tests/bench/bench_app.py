"""How fast the page answers, and whether it stays well with many visitors at once.

python tests/bench/bench_app.py --root . --images FOLDER                       # one visitor, then 20 for 5 minutes
python tests/bench/bench_app.py --root . --images FOLDER --visitors 5 --minutes 1

The server is `seepseg app` on the runs/ below --root, warm before the clock starts. One visitor: from the drop of a
file to its verdict, and to the end of the answer; a slider, moved each time to another place. Many: each comes, hands
in one image after the other, moves the slider some times for each, waits a moment as people do, leaves, and comes
again. Memory is that of the server process, every ten seconds. Times are the server's and the wire's, without what a
browser takes to draw.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
from app_visitor import Visitor

SUFFIXES = (".png", ".jpg", ".tif", ".tiff")
PLACES = (0.3, 0.5, 0.15, 0.7, 0.1, 0.4)
"""Of the slider."""
IMAGES_A_VISIT = 5


@dataclass(slots=True)
class Tally:
    """What many visitors met."""

    verdicts: list[float] = field(default_factory=list)
    moves: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    visits: int = 0


def main() -> None:
    """Measure and print."""
    args = parse_arguments()
    files = sorted(path for path in args.images.rglob("*") if path.suffix.lower() in SUFFIXES)[: args.most]
    images = [(file.name, file.read_bytes()) for file in files]
    with served(args.root) as (address, process):
        with Visitor(address) as first:
            for image in images[:2]:
                first.hand_in(*image)
        alone(address, images)
        if args.visitors:
            together(address, process, images, args)


def parse_arguments() -> argparse.Namespace:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="a folder with runs/")
    parser.add_argument("--images", type=Path, required=True, help="tiles to hand in")
    parser.add_argument("--most", type=int, default=60, help="images at most (60)")
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--pause", type=float, default=2.0, help="mean seconds between what a visitor does (2)")
    return parser.parse_args()


def alone(address: str, images: Sequence[tuple[str, bytes]]) -> None:
    """One visitor on a warm server, each image new to it."""
    verdicts, moves, again = [], [], []
    with Visitor(address) as visitor:
        for name, data in images[2:22]:
            seen = visitor.hand_in(name, data)
            check(seen.errors, seen.verdict)
            verdicts.append(seen.verdict_seconds)
            moves += [visitor.move("Confidence", place).seconds for place in PLACES[:3]]
            again.append(visitor.hand_in(name, data).verdict_seconds)
    report("first verdict after the drop", verdicts)
    report("the same image once more", again)
    report("slider answered", moves)


def together(
    address: str, process: "subprocess.Popen[bytes]", images: Sequence[tuple[str, bytes]], args: argparse.Namespace
) -> None:
    """Many at once; memory level or not is for the reader to see."""
    tally, end = Tally(), time.monotonic() + 60 * args.minutes
    crowd = [
        threading.Thread(target=visit_often, args=(address, images, number, end, args.pause, tally))
        for number in range(args.visitors)
    ]
    for one in crowd:
        one.start()
    began = time.monotonic()
    while any(one.is_alive() for one in crowd):
        print(
            f"  {time.monotonic() - began:5.0f} s  {memory_mb(process.pid):6.0f} MB  {len(tally.verdicts):5} images",
            flush=True,
        )
        time.sleep(10)
    print(f"{args.visitors} visitors, {args.minutes:g} min: {tally.visits} visits, {len(tally.errors)} errors")
    for error in sorted(set(tally.errors))[:10]:
        print(f"  {tally.errors.count(error)} × {error}")
    report("verdict", tally.verdicts)
    report("slider answered", tally.moves)


def visit_often(
    address: str, images: Sequence[tuple[str, bytes]], number: int, end: float, pause: float, tally: Tally
) -> None:
    """One visitor, who leaves and comes again."""
    rng = np.random.default_rng(number)
    queue = cycle(images[number % len(images) :] + images[: number % len(images)])
    while time.monotonic() < end:
        try:
            with Visitor(address) as visitor:
                tally.visits += 1
                for _ in range(IMAGES_A_VISIT):
                    seen = visitor.hand_in(*next(queue))
                    check(seen.errors, seen.verdict)
                    tally.verdicts.append(seen.verdict_seconds)
                    for place in rng.permutation(PLACES)[:2]:
                        time.sleep(rng.exponential(pause))
                        tally.moves.append(visitor.move("Confidence", place).seconds)
                    if time.monotonic() > end:
                        return
        except Exception as error:
            tally.errors.append(f"{type(error).__name__}: {error}"[:200])


def check(errors: Sequence[str], verdict: str) -> None:
    """An answer without a verdict is an error too."""
    if errors or not verdict:
        raise RuntimeError(errors[0] if errors else "no verdict")


def report(what: str, seconds: Sequence[float]) -> None:
    """Median and the slowest of twenty."""
    if seconds:
        slow = float(np.quantile(seconds, 0.95))
        print(f"{what:32} median {statistics.median(seconds):.2f} s, 95 % {slow:.2f} s, of {len(seconds)}")


def memory_mb(pid: int) -> float:
    """Resident."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def served(root: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """`seepseg app` on a free port."""
    with closing(socket.socket()) as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "seepseg", "app", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command, cwd=root)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://localhost:{port}", process
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
