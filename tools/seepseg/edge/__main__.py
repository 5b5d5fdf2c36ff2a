"""What the model of a bundle says of an image, with numpy and one engine alone.

  python -m seepseg.edge bundle tile.pgm
  python -m seepseg.edge bundle.zip frame.raw --size 640x480x3 --json

BUNDLE is a folder that 'seepseg export' made, or a .zip of one. IMAGE is a PGM or PPM (binary, 8 or 16 bits), a PNG
(grey or RGB, not interlaced), an array as `predict` takes it (.npy) or, with --size, values row by row: bytes,
little-endian 16-bit or 32-bit float, colours as red, green, blue. Values of more than 8 bits are scaled by the rule
that is stored in the bundle.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seepseg.errors import SeepsegError


def main(argv: Sequence[str] | None = None) -> int:
    """0 where there was an answer, 2 where the user must change something."""
    args = _parser().parse_args(argv)
    try:
        print(_answer(args))
    except SeepsegError as error:
        print(f"seepseg: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print(f"seepseg: {args.bundle} with {args.image} needs more memory than there is", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"seepseg: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m seepseg.edge", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a folder or a .zip")
    parser.add_argument("image", type=Path, metavar="IMAGE", help="PGM, PPM, PNG, .npy or raw")
    parser.add_argument("--json", action="store_true", help="the answer as JSON, masks as COCO's run lengths")
    parser.add_argument("--size", metavar="WxH[xN]", help="of an image without a head")
    parser.add_argument("--engine", choices=("torchscript", "onnx", "openvino"), help="(the first that is installed)")
    parser.add_argument("--fast", action="store_true", help="fewer than 32 bits where bundle and engine have them")
    parser.add_argument("--threads", type=int, metavar="N", help="of the engine (its own choice)")
    return parser


def _answer(args: argparse.Namespace) -> str:
    from seepseg.edge.answer import answer_as_json, render
    from seepseg.edge.images import is_array, parse_size, read_image
    from seepseg.edge.nodata import find_nodata
    from seepseg.edge.runtime import load_bundle
    from seepseg.errors import UsageError
    from seepseg.scaling import show_bands

    if args.threads is not None and args.threads < 1:
        raise UsageError(f"--threads {args.threads}: give a number from 1")
    planes = read_image(args.image, None if args.size is None else parse_size(args.size))
    model = load_bundle(args.bundle, engine=args.engine, threads=args.threads, fast=args.fast)
    for note in model.notes:
        print(f"note: {note}", file=sys.stderr)
    rule = model.rule
    if rule is not None and args.size is None and is_array(args.image):  # It has the model's bands, whichever they are.
        rule = None if planes.dtype == "uint8" else replace(rule, bands=tuple(range(1, len(rule.bands) + 1)))
    try:
        answer = model.answer(show_bands(planes, rule), find_nodata(planes, rule))
    except UsageError as error:
        raise UsageError(f"{args.image}: {error}") from None
    return json.dumps(answer_as_json(args.image.name, answer)) if args.json else render(args.image.name, answer)


if __name__ == "__main__":
    sys.exit(main())
