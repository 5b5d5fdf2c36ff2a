"""Fetch a dataset and make it ready: by a recipe, from Roboflow, from Kaggle, or from a link.

  seepseg get --list
  seepseg get penn-fudan
  seepseg get seep --from FOLDER|ZIP
  seepseg get roboflow:WORKSPACE/PROJECT/VERSION
  seepseg get kaggle:OWNER/NAME --convert "masks Image Mask --names flood"
  seepseg get https://example.org/set.zip --sha256 HEX --convert "masks images masks --names oil"

What is downloaded stays in datasets/.downloads/<name>, so that a second run need not fetch it again.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seepseg.commands.flags import worker_count
from seepseg.errors import OutputError, SourceError, UsageError
from seepseg.sources.conversion import check_flags, commands, find_data, parse_call, run_conversion, spell
from seepseg.sources.download import Link
from seepseg.sources.kaggle import check_handle
from seepseg.sources.obtain import fetch_archives, fetch_recipe, take_given
from seepseg.sources.recipe import Archive, Part, Recipe, find_recipe, list_recipes, recipe_folder
from seepseg.sources.roboflow import split_handle
from seepseg.sources.web import check_address

SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One source, where it comes from if it is here already, and where things go."""
    parser.add_argument(
        "source", nargs="?", metavar="SOURCE", help="a recipe's name, roboflow:…, kaggle:… or an https link"
    )
    parser.add_argument("--list", action="store_true", help="show the recipes, their licences and how each is got")
    parser.add_argument("--from", dest="given", type=Path, metavar="FOLDER|ZIP", help="read this and download nothing")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the dataset to write (default datasets/<name>)")
    parser.add_argument(
        "--convert",
        metavar="WORDS",
        help="what follows 'seepseg convert', without OUT; for a recipe, flags to add: --convert=--seed=1",
    )
    parser.add_argument(
        "--downloads", type=Path, metavar="DIR", help="keep downloads here (default: .downloads beside OUT)"
    )
    parser.add_argument("--recipes", type=Path, metavar="DIR", help="where the recipes are (default: datasets)")
    parser.add_argument("--sha256", metavar="HEX", help="what the file behind a link must be")
    parser.add_argument("--max-gb", type=float, default=200, metavar="N", help="largest file to download (default 200)")
    parser.add_argument("--workers", type=worker_count, metavar="N", help="processes of the conversion")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")


def run(args: argparse.Namespace) -> int:
    """Get the data, convert it, check the result, and say how to train on it."""
    folder = recipe_folder(args.recipes)
    if args.list:
        return _list(folder)
    if not args.source:
        raise UsageError("say what to get: a recipe ('seepseg get --list' shows them), roboflow:…, kaggle:… or a link")
    _check_sha256(args)
    recipe = _known_source(args.source) or find_recipe(args.source, folder)
    recipe, extra = _with_call(recipe, args)
    out = args.out or Path("datasets") / recipe.name
    if out.exists() and not args.overwrite and (out.is_file() or any(out.iterdir())):
        raise OutputError(f"{out} is already there; give another folder with --out, or --overwrite to replace it")
    _say(f"{recipe.title}\nlicence: {recipe.licence}")
    place = (args.downloads or out.parent / ".downloads") / recipe.name
    try:
        data = _obtain(recipe, args, place)
    except OSError as error:
        raise OutputError(f"{place}: cannot be written to: {error.strerror or error}") from None
    if not recipe.parts:
        return _show(data, recipe)
    code = _convert(recipe, data, out, extra)
    if not code:
        print(f"next: {_training(recipe, out, folder)}")
    return code


def _list(folder: Path) -> int:
    recipes = list_recipes(folder)
    if not recipes:
        raise UsageError(f"{folder}: no recipes there; say where they are with --recipes DIR")
    rows = [(recipe.name, recipe.way, recipe.title, recipe.licence) for recipe in recipes]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, way, title, licence in rows:
        print(f"{name:<{widths[0]}}  {way:<{widths[1]}}  {title} [{licence}]")
    return 0


def _known_source(source: str) -> Recipe | None:
    """What needs no recipe file, as one: Roboflow is read as COCO, the others as --convert says."""
    kind, colon, rest = source.partition(":")
    if not colon:
        return None
    if kind == "roboflow":
        workspace, project, version = split_handle(rest)
        handle = f"{workspace}/{project}/{version}"
        return _unwritten(project, source, "as the project's page says", (Part("coco", (".",)),), roboflow=handle)
    if kind == "kaggle":
        check_handle(rest)
        return _unwritten(rest.split("/versions/")[0].rpartition("/")[2], source, "as its page says", kaggle=rest)
    if kind in ("http", "https"):
        link = Link(source)
        name = link.name.removesuffix(Path(link.name).suffix).removesuffix(".tar") or "download"
        return _unwritten(name, link.name, "as its owner says", archives=(Archive(link, "."),))
    raise UsageError(f"{source}: give a recipe's name, roboflow:WORKSPACE/PROJECT/VERSION, kaggle:OWNER/NAME or a link")


def _unwritten(
    name: str,
    title: str,
    licence: str,
    parts: tuple[Part, ...] = (),
    archives: tuple[Archive, ...] = (),
    kaggle: str | None = None,
    roboflow: str | None = None,
) -> Recipe:
    return Recipe(name, title, licence, "", "", parts, archives=archives, kaggle=kaggle, roboflow=roboflow)


def _with_call(recipe: Recipe, args: argparse.Namespace) -> tuple[Recipe, list[str]]:
    """The recipe with what --convert says, and the flags for the dataset as a whole; all of them known."""
    part, flags = parse_call(args.convert) if args.convert else (None, ())
    if part and recipe.parts and recipe.layout:
        raise UsageError(
            f"--convert: the recipe {recipe.name} says how to read it; give only flags, as in '--imgsz 320'"
        )
    if not recipe.parts and not part and flags:
        raise UsageError("--convert: begin with how to read it, as in 'masks images masks --names oil'")
    parts = (part,) if part else recipe.parts
    extra = [*spell(recipe.dataset), *flags]
    extra += [f"--workers={args.workers}"] if args.workers else []
    extra += ["--overwrite"] if args.overwrite else []
    check_flags(parts, extra)
    archives = tuple(_summed(archive, args.sha256) for archive in recipe.archives)
    if not args.given:
        for archive in archives:
            check_address(archive.link.url, verified=archive.link.verified)
    return replace(recipe, parts=parts, archives=archives), extra


def _summed(archive: Archive, sha256: str | None) -> Archive:
    if sha256 is None:
        return archive
    return Archive(Link(archive.link.url, sha256, archive.link.md5, archive.link.size), archive.into)


def _check_sha256(args: argparse.Namespace) -> None:
    if args.sha256 is None:
        return
    if not str(args.source).startswith(("https:", "http:")):
        raise UsageError("--sha256 goes with a link; a recipe has its own")
    if len(args.sha256) != 64 or not all(letter in "0123456789abcdefABCDEF" for letter in args.sha256):
        raise UsageError(f"--sha256 {args.sha256}: not 64 hex digits")


def _obtain(recipe: Recipe, args: argparse.Namespace, place: Path) -> Path:
    if args.given:
        return take_given(args.given, recipe, place, _say)
    largest = int(args.max_gb * 1e9)
    if recipe.archives and not recipe.layout:
        return fetch_archives(recipe.archives, place, _say, largest=largest)
    return fetch_recipe(recipe, place, _say, largest=largest)


def _show(data: Path, recipe: Recipe) -> int:
    """What came, where nobody said how to read it."""
    files = sorted(path for path in data.rglob("*") if path.is_file())
    print(f"{data} holds {len(files):,} files, such as")
    for path in files[:: max(len(files) // SHOWN, 1)][:SHOWN]:
        print(f"  {path.relative_to(data).as_posix()}")
    print("now say how to read it: 'seepseg convert --help' has the kinds, as in")
    print(
        f"  seepseg convert masks {shlex.quote(str(data / 'IMAGES'))} {shlex.quote(str(data / 'MASKS'))} "
        f"{Path('datasets') / recipe.name} --names a,b"
    )
    return 0


def _convert(recipe: Recipe, data: Path, out: Path, extra: Sequence[str]) -> int:
    from seepseg.cli import main

    try:
        root = find_data(data, recipe.parts)
    except SourceError as error:
        layout = f"; it should hold\n{recipe.layout}" if recipe.layout else ""
        raise SourceError(f"{error}{layout}") from None
    if root != data:
        _say(f"found the dataset in {root}")
    calls = commands(recipe.parts, root, out, extra)
    for part, call in zip(recipe.parts, calls, strict=True):
        where = f"   # part {part.name}" + (f", all of it {part.split}" if part.split else "") if part.name else ""
        _say(f"$ seepseg convert {shlex.join(call)}{where}")
    code = run_conversion(recipe.parts, calls)
    if code:
        return code
    if recipe.citation:
        _say(f"cite: {recipe.citation}")
    check = ["check", str(out), *(word for word in extra if word.startswith("--workers="))]
    _say(f"$ seepseg {shlex.join(check)}")
    return main(check)


def _training(recipe: Recipe, out: Path, folder: Path) -> str:
    """The command to train with, by the recipe's preset where it names one."""
    preset, *settings = (recipe.train or "").split(" ")
    chosen = ["--config", str(folder.parent / preset), *settings] if preset else []
    return shlex.join(["seepseg", "train", str(out / "data.yaml"), *chosen])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
