"""Turn masks, COCO, boxes, scenes or YOLO labels into an exact YOLO-seg dataset.

  seepseg convert masks IMAGES MASKS OUT --names a,b,c
  seepseg convert coco SOURCE OUT
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from seepseg.errors import UsageError
from seepseg.values import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command per kind of source; all share the flags of the dataset to write."""
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    for name, (summary, add, open_source) in KINDS.items():
        kind = kinds.add_parser(
            name, help=summary, description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        add(kind)
        _add_dataset_flags(kind)
        kind.set_defaults(run=run, open_source=open_source)


def run(args: argparse.Namespace) -> int:
    """Read the source, show what was decided, write the dataset."""
    raise NotImplementedError


def split_names(text: str) -> tuple[str, ...]:
    """a,b,c as names; empty and repeated ones are refused."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise UsageError(f"--names {text}: give each class a name of its own, divided by commas")
    return names


def _add_dataset_flags(parser: argparse.ArgumentParser) -> None:
    flags = parser.add_argument_group("the dataset to write")
    flags.add_argument("--imgsz", type=int, default=640, metavar="N", help="image size you will train at (default 640)")
    flags.add_argument("--split", metavar=".7,.15,.15", help="shares of train, val and test (default: the source's own, else .7,.15,.15)")
    flags.add_argument("--group", metavar="REGEX", help="keep images together whose stem has the same first capture")
    flags.add_argument("--folds", type=int, default=0, metavar="K", help="write folds/<k>.yaml for K-fold cross-validation too")
    flags.add_argument("--seed", type=int, default=0, metavar="N", help="of the split (default 0)")
    flags.add_argument("--parts", choices=("join", "split"), help="objects in several parts: one row with seams, or a row each")
    flags.add_argument("--scale", metavar="RULE", help="how values become 8 bits: db:-35,0 | percentile:1,99 | minmax | none")
    flags.add_argument("--bands", metavar="1,2,3", help="bands to use of files that hold more")
    flags.add_argument("--gsd", type=float, metavar="M", help="resample to this many metres per pixel")
    flags.add_argument("--link", action="store_true", help="hard-link images instead of copying them, where the disk can")
    flags.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 8), metavar="N", help="processes (default: one a core)")
    flags.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")


# One pair of functions a kind: the flags of its reader, and the reader called with them.


def _add_coco(parser: argparse.ArgumentParser) -> None:
    raise NotImplementedError


def _open_coco(args: argparse.Namespace) -> Source:
    raise NotImplementedError


def _add_masks(parser: argparse.ArgumentParser) -> None:
    raise NotImplementedError


def _open_masks(args: argparse.Namespace) -> Source:
    raise NotImplementedError


def _add_instances(parser: argparse.ArgumentParser) -> None:
    raise NotImplementedError


def _open_instances(args: argparse.Namespace) -> Source:
    raise NotImplementedError


def _add_objects(parser: argparse.ArgumentParser) -> None:
    raise NotImplementedError


def _open_objects(args: argparse.Namespace) -> Source:
    raise NotImplementedError


def _add_boxes(parser: argparse.ArgumentParser) -> None:
    raise NotImplementedError


def _open_boxes(args: argparse.Namespace) -> Source:
    raise NotImplementedError


def _add_scenes(parser: argparse.ArgumentParser) -> None:
    raise NotImplementedError


def _open_scenes(args: argparse.Namespace) -> Source:
    raise NotImplementedError


def _add_yolo(parser: argparse.ArgumentParser) -> None:
    raise NotImplementedError


def _open_yolo(args: argparse.Namespace) -> Source:
    raise NotImplementedError


KINDS: dict[
    str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], Source]]
] = {
    "coco": ("COCO: a Roboflow export, a COCO folder, or one JSON", _add_coco, _open_coco),
    "masks": ("masks whose values are classes", _add_masks, _open_masks),
    "instances": ("masks whose values are objects", _add_instances, _open_instances),
    "objects": ("one mask file per object", _add_objects, _open_objects),
    "boxes": ("boxes in a CSV", _add_boxes, _open_boxes),
    "scenes": ("GeoTIFF scenes with polygons or raster truth, cut into tiles", _add_scenes, _open_scenes),
    "yolo": ("a YOLO-seg folder, repaired", _add_yolo, _open_yolo),
}


def existing(path: str) -> Path:
    """A path that must be there."""
    found = Path(path)
    if not found.exists():
        raise UsageError(f"{path}: no such file or folder")
    return found
