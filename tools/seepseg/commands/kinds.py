"""The kinds of source that `convert` reads: the arguments of each reader, and the reader called with them.

OUT follows the arguments of a kind; `convert` adds it, with the flags that all kinds share.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from seepseg.errors import UsageError
from seepseg.values import Source

LONG_TO_READ = 10_000_000
"""Bytes of JSON that take longer to read than worker processes take to start."""


def existing(path: str) -> Path:
    """A path that must be there."""
    found = Path(path)
    if not found.exists():
        raise UsageError(f"{path}: no such file or folder")
    return found


def split_names(text: str) -> tuple[str, ...]:
    """a,b,c as names; empty and repeated ones are refused."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) != len(names):
        raise UsageError(f"--names {text}: give each class a name of its own, divided by commas")
    return names


def _add_mere_boxes(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--boxes",
        choices=("refuse", "box"),
        default="refuse",
        help=f"{what}: refuse the source (default), or take the box as the mask",
    )


def _add_coco(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="a Roboflow export, a COCO folder, or one JSON")
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="where the images are (default: looked for around each JSON)"
    )
    parser.add_argument(
        "--crowd",
        choices=("skip", "keep"),
        default="skip",
        help="iscrowd=1 marks groups, which are no single objects (default skip, counted); CVAT marks brush masks so",
    )
    _add_mere_boxes(parser, "annotations with a box and no mask")
    parser.add_argument(
        "--merge",
        nargs="?",
        const="",
        action="append",
        default=[],
        metavar="NEW=a,b",
        help="make one class of several; alone, at the end: of all categories that share a name",
    )


def _open_coco(args: argparse.Namespace) -> Source:
    from seepseg.labels.coco import read_coco
    from seepseg.labels.coco_files import json_bytes

    source = existing(args.source)
    if args.crew and json_bytes(source, args.images) >= LONG_TO_READ:
        args.crew.start("seepseg.dataset.build", "seepseg.labels.coco_image")
    return read_coco(source, images=args.images, crowd=args.crowd, boxes=args.boxes, merge=args.merge)


def _add_pairing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", metavar="IMAGES", help="the folder of images")
    parser.add_argument("masks", metavar="MASKS", help="the folder of masks; may be the same")
    parser.add_argument(
        "--pair",
        nargs=2,
        metavar=("'{}_sat.jpg'", "'{}_mask.png'"),
        help="how names go together (default: found by rule)",
    )
    parser.add_argument(
        "--unmatched",
        choices=("error", "skip", "background"),
        default="error",
        help="images without a mask (default: error)",
    )


_OF_MASKS = ("names", "values", "background", "ignore", "pair", "unmatched")
"""Arguments that the readers of class masks and of instance masks both take."""


def _add_masks(parser: argparse.ArgumentParser) -> None:
    _add_pairing(parser)
    parser.add_argument(
        "--names", type=split_names, metavar="a,b,c", help="the classes; mask value 0 is background, 1 the first name"
    )
    parser.add_argument("--values", metavar="1,2,5", help="which mask value each name is (default: 1, 2, 3 ...)")
    parser.add_argument(
        "--background",
        metavar="V",
        help="values, or names of --colours, that are nothing (default 0, or black); none if there are none",
    )
    parser.add_argument(
        "--ignore", metavar="V", help="values or names neither class nor background: 255 or --ignore=-1,255 or nan"
    )
    parser.add_argument(
        "--colours",
        metavar="FILE",
        type=Path,
        help="what each colour is: lines of 'name r g b', 'r g b name' or '#rrggbb name'",
    )
    parser.add_argument("--threshold", type=float, metavar="T", help="of one class: what is above T is it, such as 127")
    parser.add_argument("--invert", action="store_true", help="of one class: dark is it, on white")


def _open_masks(args: argparse.Namespace) -> Source:
    from seepseg.labels.masks import read_masks

    kept = {name: getattr(args, name) for name in (*_OF_MASKS, "colours", "threshold", "invert")}
    return read_masks(existing(args.images), existing(args.masks), **kept)


def _add_instances(parser: argparse.ArgumentParser) -> None:
    _add_pairing(parser)
    parser.add_argument(
        "--names", type=split_names, required=True, metavar="NAME", help="what the objects are; several with --divisor"
    )
    parser.add_argument("--background", metavar="V", help="ids that are no object (default 0)")
    parser.add_argument("--ignore", metavar="V", help="ids that are neither object nor background, such as 255")
    parser.add_argument("--rgb-ids", action="store_true", help="ids are colours: red + 256 green + 65536 blue")
    parser.add_argument(
        "--divisor", type=int, metavar="N", help="ids are class × N + number, as in Cityscapes with 1000"
    )
    parser.add_argument(
        "--values", metavar="24,25", help="with --divisor: which class each name is (default: 1, 2, 3 ...)"
    )


def _open_instances(args: argparse.Namespace) -> Source:
    from seepseg.labels.instances import read_instances

    kept = {name: getattr(args, name) for name in (*_OF_MASKS, "rgb_ids", "divisor")}
    return read_instances(existing(args.images), existing(args.masks), **kept)


def _add_objects(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a folder of ID/images/ID.png with ID/masks/*.png, or of images/ with masks/STEM/*.png",
    )
    parser.add_argument("--names", type=split_names, required=True, metavar="NAME", help="what the objects are")
    parser.add_argument(
        "--threshold", type=float, metavar="T", help="what is above T is the object, such as 127 for masks with greys"
    )
    parser.add_argument(
        "--unmatched",
        choices=("error", "skip", "background"),
        default="error",
        help="images without masks (default: error)",
    )


def _open_objects(args: argparse.Namespace) -> Source:
    from seepseg.labels.objects import read_objects

    return read_objects(existing(args.source), names=args.names, threshold=args.threshold, unmatched=args.unmatched)


def _add_boxes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "table", metavar="CSV", help="image_id and class, and bounds, or xmin, ymin, xmax, ymax, or x, y, w, h"
    )
    parser.add_argument("images", metavar="IMAGES", help="the folder of images")
    parser.add_argument(
        "--names", type=split_names, metavar="a,b,c", help="the classes in order (default: those of the table, sorted)"
    )
    parser.add_argument(
        "--form", choices=("corners", "size"), help="what a box column holds: x1, y1, x2, y2 or x, y, width, height"
    )
    parser.add_argument(
        "--unlisted",
        choices=("skip", "background"),
        default="skip",
        help="images that the table does not name (default: skip)",
    )


def _open_boxes(args: argparse.Namespace) -> Source:
    from seepseg.labels.boxes import read_boxes

    return read_boxes(
        existing(args.table), existing(args.images), names=args.names, unlisted=args.unlisted, form=args.form
    )


def _add_labelme(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="a folder of LabelMe's JSON files, with the images")
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="where the images are (default: with the JSON files)"
    )
    parser.add_argument(
        "--names", type=split_names, metavar="a,b,c", help="the classes in order (default: the labels, sorted)"
    )
    _add_mere_boxes(parser, "rectangles, turned ones too")
    parser.add_argument(
        "--unlisted",
        choices=("skip", "background"),
        default="skip",
        help="images without a JSON (default: skip)",
    )


def _open_labelme(args: argparse.Namespace) -> Source:
    from seepseg.labels.labelme import read_labelme

    images = existing(args.images) if args.images else None
    return read_labelme(
        existing(args.source), images=images, names=args.names, boxes=args.boxes, unlisted=args.unlisted
    )


def _add_scenes(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "example: seepseg convert scenes scenes/ corrected.geojson datasets/bay --tile 640 --overlap 64 --empty 0.2\n"
        "polygons come from GeoJSON or GeoPackage, in any CRS; a folder of them holds a file named as each scene"
    )
    add = parser.add_argument
    add("scenes", metavar="SCENES", help="a scene, or a folder of them")
    add("truth", metavar="TRUTH", help="polygons, or a raster of class values: a file or a folder")
    add("--names", type=split_names, metavar="a,b,c", help="the classes (default: the polygons' own, sorted)")
    add("--class-field", metavar="FIELD", help="of polygons (default: class, class_name, label, name or type)")
    add("--tile", type=int, default=640, metavar="N", help="pixels a side (default 640)")
    add("--overlap", type=int, default=64, metavar="N", help="pixels that neighbours share (default 64)")
    add("--empty", type=float, default=0.2, metavar="P", help="share of tiles without objects to keep (default 0.2)")
    add(
        "--min-visible",
        type=float,
        default=0.1,
        metavar="P",
        help="an object is ignored where a tile shows less than this share of it (default 0.1)",
    )


def _open_scenes(args: argparse.Namespace) -> Source:
    from seepseg.labels.scenes import read_scenes

    return read_scenes(
        existing(args.scenes),
        existing(args.truth),
        tile=args.tile,
        overlap=args.overlap,
        empty=args.empty,
        names=args.names,
        class_field=args.class_field,
        least_seen=args.min_visible,
        gsd=args.gsd,
        bands=args.bands,
        nodata=args.nodata,
        seed=args.seed,
        unfit=args.unfit,
    )


def _add_yolo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="a folder with images and labels, or its data.yaml")
    parser.add_argument(
        "--names", metavar="a,b,c", help="classes from id 0 on (default: data.yaml, classes.txt, obj.names)"
    )
    _add_mere_boxes(parser, "rows of a mere box")


def _open_yolo(args: argparse.Namespace) -> Source:
    from seepseg.labels.yolo import read_yolo

    names = split_names(args.names) if args.names else None
    return read_yolo(existing(args.source), names=names, boxes=args.boxes)


KINDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], Source]]] = {
    "coco": ("COCO: a Roboflow export, a COCO folder, or one JSON", _add_coco, _open_coco),
    "masks": ("masks whose values are classes", _add_masks, _open_masks),
    "instances": ("masks whose values are objects", _add_instances, _open_instances),
    "objects": ("one mask file per object", _add_objects, _open_objects),
    "boxes": ("boxes in a CSV", _add_boxes, _open_boxes),
    "labelme": ("polygons drawn in LabelMe or AnyLabeling, a JSON beside each image", _add_labelme, _open_labelme),
    "scenes": ("GeoTIFF scenes with polygons or raster truth, cut into tiles", _add_scenes, _open_scenes),
    "yolo": ("a YOLO-seg folder, repaired", _add_yolo, _open_yolo),
}
