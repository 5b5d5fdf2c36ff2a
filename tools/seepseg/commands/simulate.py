"""Make SAR tiles or whole scenes with seeps of seven classes, in SEEP's layout and at its skew; or frames in which
slicks drift.

  seepseg simulate tiles OUT --count 790 --seed 0
  seepseg simulate scenes OUT --count 1 --size 4096
  seepseg simulate drift OUT --count 20 --frames 8 --size 128

The same settings, seed and versions give the same bytes, whatever --workers says. What is written says that it is
simulated.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seepseg.commands.flags import add_workers
from seepseg.errors import UsageError
from seepseg.simulate.write import DTYPES, RECORD
from seepseg.wording import count

SMALLEST = 128
"""Pixels; seeps do not fit into less."""
MOST_LOOKS = 64
MOST_FRAMES = 10_000
WORDS = {"tiles": "tile", "scenes": "scene", "drift": "sequence"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tiles and scenes share seed, looks and the way they are written."""
    kinds = parser.add_subparsers(metavar="KIND", dest="kind", required=True)
    tiles = kinds.add_parser(
        "tiles",
        help="tiles and masks in SEEP's layout",
        description="OUT/train_images_256/SCENE.TILE.tif and masks of the same names in OUT/train_masks_256/.",
    )
    _add_shared(tiles, _make_tiles, count=790, size=256)
    tiles.add_argument(
        "--dtype", choices=DTYPES, default="uint8", help="uint8 and uint16 hold scaled values, float32 dB"
    )
    scenes = kinds.add_parser(
        "scenes",
        help="GeoTIFF scenes in dB with their truth",
        description="OUT/scenes/*.tif (float32 dB, UTM), OUT/truth/*.tif (classes) and OUT/polygons/*.geojson.",
    )
    _add_shared(scenes, _make_scenes, count=1, size=4096)
    scenes.add_argument("--gsd", type=float, default=20, metavar="M", help="metres per pixel (default 20)")
    scenes.add_argument("--border", action="store_true", help="a slanted swath with no data on either side")

    drift = kinds.add_parser(
        "drift",
        help="sequences of frames in which slicks drift",
        description="OUT/train_images_128/SEQUENCE.FRAME.tif and masks of the same names in OUT/train_masks_128/: "
        "slicks that drift, shear and fade, under speckle new in every frame.",
    )
    _add_shared(drift, _make_drift, count=20, size=128, looks=1)
    drift.add_argument("--frames", type=int, default=8, metavar="N", help="of each sequence (default 8)")


def _add_shared(
    parser: argparse.ArgumentParser,
    make: Callable[[argparse.Namespace], dict[str, Any]],
    *,
    count: int,
    size: int,
    looks: int = 4,
) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--count", type=int, default=count, metavar="N", help=f"how many (default {count})")
    parser.add_argument("--size", type=int, default=size, metavar="PX", help=f"width and height (default {size})")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed gives another sea (default 0)")
    parser.add_argument(
        "--looks", type=int, default=looks, metavar="N", help=f"looks of the speckle, on average (default {looks})"
    )
    add_workers(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier simulation in OUT")
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    parser.set_defaults(run=run, make=make, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Make them, and say how many of what there are."""
    _check(args)
    record = args.make(args)
    if args.json:
        print(json.dumps(record))
        return 0
    classes = ", ".join(f"{name} {number:,}" for name, number in record["instances"].items())
    made = count(args.count, f"simulated {WORDS[args.kind]}")
    print(f"{args.out}: {made}; instances: {classes}; settings in {RECORD}")
    return 0


def _make_tiles(args: argparse.Namespace) -> dict[str, Any]:
    from seepseg.simulate.tiles import TileSettings, write_tiles

    settings = TileSettings(args.count, args.size, args.seed, args.looks, args.dtype)
    return write_tiles(args.out, settings, workers=args.workers, overwrite=args.overwrite)


def _make_scenes(args: argparse.Namespace) -> dict[str, Any]:
    from seepseg.simulate.scenes import SceneSettings, write_scenes

    if not 1 <= args.gsd <= 1000:
        raise UsageError(f"--gsd {args.gsd:g}: give metres per pixel, 1 to 1000")
    settings = SceneSettings(args.count, args.size, args.seed, args.looks, args.gsd, args.border)
    return write_scenes(args.out, settings, workers=args.workers, overwrite=args.overwrite)


def _make_drift(args: argparse.Namespace) -> dict[str, Any]:
    from seepseg.simulate.drift import DriftSettings, write_drift

    if not 1 <= args.frames <= MOST_FRAMES:
        raise UsageError(f"--frames {args.frames}: give a whole number from 1 to {MOST_FRAMES:,}")
    settings = DriftSettings(args.count, args.size, args.seed, args.looks, args.frames)
    return write_drift(args.out, settings, workers=args.workers, overwrite=args.overwrite)


def _check(args: argparse.Namespace) -> None:
    for flag, value, least, most in (
        ("--count", args.count, 1, 40_000),
        ("--size", args.size, SMALLEST, 50_000),
        ("--seed", args.seed, 0, 2**63),
        ("--looks", args.looks, 1, MOST_LOOKS),
    ):
        if not least <= value <= most:
            raise UsageError(f"{flag} {value}: give a whole number from {least:,} to {most:,}")
