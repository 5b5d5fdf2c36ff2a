"""Find objects in an image, a folder, a scene or a video, and write what was found as other programs read it.

  seepseg predict runs/seep tile.png --out predictions
  seepseg predict runs/seep images/ --out predictions --save masks,csv
  seepseg predict runs/seep scene.tif --out predictions --mask-vector land.geojson
  seepseg predict runs/seep flight.mp4 --out film --every 5

MODEL is a run folder, a .pt, a bundle, or a file that Ultralytics exported; a .pt runs the code in it, so give only
those that you trust. SOURCE is an image, a scene, a video, a folder (with its subfolders) or a .txt of paths. An image
that is georeferenced, or longer than 4 times the model's image size, is a scene: it is searched tile by tile. What
counts as an object is decided by the thresholds stored with the model.

Given again, the same command goes on where it stopped; a scene that was under way begins anew. A video does not go
on: Ctrl-C ends it early, with exit 130, and its film and tables are whole up to there. Exit 0 if at least one image
could be read, 2 if none could; summary.csv has a line for each image and says why one failed. Its verdict is whether
the image holds anything at all, told as 'seepseg eval' does; of a scene, whether anything was found.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from seepseg.commands.eval import read_conf
from seepseg.commands.flags import image_size
from seepseg.errors import UsageError
from seepseg.outputs.saving import EVERYTHING, USUAL, parse_save

if TYPE_CHECKING:
    from seepseg.outputs.request import Request
    from seepseg.scenes.hysteresis import Hysteresis

_SAME = (
    *("model", "source", "out", "overwrite", "engine", "device", "imgsz", "threads", "fast", "margin", "batch"),
    *("scale", "gsd", "mask_vector", "tile", "overlap", "classes_apart"),
)
"""Flags that go on as they are."""
SCENES_ALONE = ("tile", "overlap", "gsd", "mask_vector", "hysteresis", "classes_apart", "geopackage")
ENGINES = ("auto", "openvino", "onnx", "torchscript", "torch")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to predict with, on what, and what to write."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a run folder, a .pt, a bundle or an exported model")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="image, scene, video, folder or .txt of paths")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the prediction folder")
    parser.add_argument(
        "--save",
        metavar="A,B",
        help=f"some of {','.join(EVERYTHING)}, or all (default: {','.join(USUAL)}); of a video some of "
        "overlays,csv,masks,instances (default: overlays,csv)",
    )
    parser.add_argument("--geopackage", action="store_true", help="a GeoPackage of each scene too")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier prediction")
    parser.add_argument("--json", action="store_true", help="the summary as JSON on the output")
    _add_model(parser.add_argument_group("how it is predicted"))
    _add_scene(parser.add_argument_group("scenes"))
    _add_video(parser.add_argument_group("video"))


def run(args: argparse.Namespace) -> int:
    """Predict and tell what came of it."""
    _refuse_numbers(args)
    save, conf = parse_save(args.save), None if args.conf is None else read_conf(args.conf)
    from seepseg.cleaning.filters import parse_filters
    from seepseg.cleaning.pipeline import parse_cleaning
    from seepseg.outputs.request import Request, predict
    from seepseg.outputs.summary import as_json, render
    from seepseg.video.run import is_video

    request = Request(
        **{key: value for key in _SAME if (value := getattr(args, key)) is not None},
        conf=conf,
        filters=parse_filters(args.filter),
        cleaning=parse_cleaning(args.clean),
        hysteresis=None if args.hysteresis is None else read_hysteresis(args.hysteresis),
        save=(*save, "geopackage") if args.geopackage and "geopackage" not in save else save,
    )
    moving = args.frames or is_video(args.source)
    _refuse_elsewhere(args, moving=moving)
    if moving:
        return _run_video(request, args)
    ready, outcome = predict(request)
    told = as_json(args.out, ready, outcome)
    print(json.dumps(told, indent=2) if args.json else render(args.out, ready, outcome))
    return 0 if outcome.totals.worked else 2


def _run_video(request: "Request", args: argparse.Namespace) -> int:
    from seepseg.outputs.moving import as_json, predict_moving, render
    from seepseg.video.write import ALL

    save = None if args.save is None else ALL if request.save == EVERYTHING else request.save
    chosen = {"every": args.every or 1, "smooth": args.smooth, "tracker": args.track, "fps": args.fps}
    ready, summary = predict_moving(request, save=save, **chosen)
    told = as_json(args.out, ready, summary)
    print(json.dumps(told, indent=2) if args.json else render(args.out, ready, summary))
    return 130 if summary.stopped else 0


def read_hysteresis(text: str) -> "Hysteresis":
    """SEED,OUTLINE,GROUP."""
    from seepseg.scenes.hysteresis import Hysteresis

    try:
        seed, outline, group = map(float, text.split(","))
        levels = Hysteresis(seed, outline, group)
        levels.per_class(1)
    except (ValueError, UsageError):
        raise UsageError(
            f"--hysteresis {text}: give three confidences from 0 to 1, none higher than the one before it, as .5,.3,.1"
        ) from None
    return levels


def _add_model(flags: argparse._ActionsContainer) -> None:
    flags.add_argument(
        "--conf", metavar="X", help="this confidence, or name=x,name=x (default: as stored with the model)"
    )
    flags.add_argument("--engine", choices=ENGINES, default="auto", help="auto takes the fastest that is installed")
    flags.add_argument("--fast", action="store_true", help="fewer bits than 32, where engine and processor have them")
    flags.add_argument("--device", metavar="D", help="cpu, or the number of a GPU (default: a GPU if there is one)")
    flags.add_argument("--threads", type=int, metavar="N", help="of the engine (default: its own choice)")
    flags.add_argument("--imgsz", type=image_size, metavar="N", help="image size (default: that of the training)")
    flags.add_argument("--batch", type=int, default=16, metavar="N", help="images that go through at once (16)")
    flags.add_argument("--margin", type=float, metavar="S", help="let masks reach S of a box beyond it (.02)")
    flags.add_argument(
        "--scale",
        metavar="RULE",
        help="how 16-bit and float values become 8 bits for a model of 8-bit images: db:-35,0 for SAR, "
        "percentile:1,99, minmax (a model that was trained on such values has its own rule)",
    )
    flags.add_argument(
        "--filter", default="", metavar="F", help="on images first, such as median:3 or lee:5 (default: none)"
    )
    flags.add_argument(
        "--clean", default="", metavar="C", help="on masks, such as once:.5,open:1,holes:50,small:30 (default: none)"
    )


def _add_scene(flags: argparse._ActionsContainer) -> None:
    flags.add_argument(
        "--tile", choices=("auto", "always", "never"), default="auto", help="what counts as a scene (auto)"
    )
    flags.add_argument("--overlap", type=float, metavar="S", help="of tiles: a share below 1, or pixels (default: .2)")
    flags.add_argument(
        "--classes-apart",
        action="store_true",
        help="what two classes claim is two objects (default: one, of the class that is surer of more of it)",
    )
    flags.add_argument("--gsd", type=float, metavar="M", help="metres per pixel (default: those of the training)")
    flags.add_argument("--mask-vector", type=Path, metavar="FILE", help="polygons, such as land, not to be searched")
    flags.add_argument("--hysteresis", metavar="S,O,G", help="confidences of seed, outline and group, such as .5,.3,.1")


def _add_video(flags: argparse._ActionsContainer) -> None:
    flags.add_argument("--frames", action="store_true", help="the images of a folder are frames of a film")
    flags.add_argument("--every", type=int, metavar="N", help="every N-th frame alone (1)")
    flags.add_argument("--smooth", type=int, metavar="N", help="frames that a mask is smoothed over, odd (5; 1: none)")
    flags.add_argument("--track", metavar="NAME", help="Ultralytics' tracker (bytetrack)")
    flags.add_argument("--fps", type=float, metavar="N", help="of the film that frames become")


def _refuse_numbers(args: argparse.Namespace) -> None:
    least = {"threads": 1, "batch": 1, "every": 1, "smooth": 1, "margin": 0, "fps": 0.01, "overlap": 0}
    for flag, low in least.items():
        value = getattr(args, flag)
        if value is not None and not low <= value < 1e6:
            raise UsageError(f"--{flag} {value:g}: give a number from {low}")


def _refuse_elsewhere(args: argparse.Namespace, *, moving: bool) -> None:
    """A flag that would change nothing is a mistake that somebody should hear of."""
    given = {
        "scenes": [
            flag
            for flag in SCENES_ALONE
            if (value := getattr(args, flag)) not in (None, "auto") and value is not False  # 0 is given.
        ],
        "video": [flag for flag in ("every", "smooth", "track", "fps") if getattr(args, flag) is not None],
    }
    if moving and args.scale is not None:
        raise UsageError(f"--scale is for images and scenes, and {args.source} is a film; bring its frames to 8 bits")
    flags = given["scenes" if moving else "video"]
    if moving and not args.frames and args.fps is not None:
        raise UsageError(f"--fps is for frames, and {args.source} has its own; leave it out")
    if flags:
        kind, way = ("scenes", "leave it out") if moving else ("video", "leave it out, or give --frames")
        raise UsageError(f"--{flags[0].replace('_', '-')} is for {kind}, and {args.source} is none; {way}")
