"""Recipes: where a dataset comes from, under which licence, and how to read it. One YAML each in datasets/."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

import seepseg
from seepseg.dataset.layout import SPLITS
from seepseg.errors import SourceError, UsageError, listing
from seepseg.repeated_keys import find_repeated
from seepseg.sources.download import Link
from seepseg.sources.web import check_address
from seepseg.wording import suggest

KINDS = ("boxes", "coco", "instances", "labelme", "masks", "objects", "scenes", "yolo")
NEEDED = {"name": str, "title": str, "licence": str, "citation": str, "layout": str, "convert": list}
KNOWN = NEEDED | {"homepage": str, "obtain": str, "download": dict, "dataset": dict, "train": str}
KNOWN_DOWNLOAD = {"files": list, "kaggle": str, "roboflow": str}
KNOWN_FILE = {"url": str, "sha256": str, "md5": str, "size": int, "into": str}
KNOWN_PART = {"kind": str, "paths": list, "flags": dict, "split": str, "name": str}
HEX = {"sha256": 64, "md5": 32}

Flags = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """A file to download, and the subfolder that it is unpacked into ('.' for none)."""

    link: Link
    into: str


@dataclass(frozen=True, slots=True)
class Part:
    """One call of a reader: the kind and the arguments of `seepseg convert`, without OUT."""

    kind: str
    paths: tuple[str, ...]
    """Relative to the dataset's folder."""
    flags: Flags = ()
    split: str | None = None
    """All of it goes to this split."""
    name: str | None = None
    """Tells parts apart whose files have the same names."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A dataset: whence, whose, and how to read it."""

    name: str
    title: str
    licence: str
    citation: str
    layout: str
    parts: tuple[Part, ...]
    dataset: Flags = ()
    """Flags of `seepseg convert` that hold for the dataset as a whole."""
    train: str | None = None
    """The preset that fits, as seen from beside datasets/, and what it needs changed: configs/sos.yaml imgsz=640."""
    homepage: str | None = None
    obtain: str | None = None
    """How to come by the data by hand."""
    archives: tuple[Archive, ...] = ()
    kaggle: str | None = None
    roboflow: str | None = None

    @property
    def size(self) -> int | None:
        """Bytes to download, where known."""
        sizes = [archive.link.size for archive in self.archives]
        return sum(size for size in sizes if size) if sizes and all(sizes) else None

    @property
    def way(self) -> str:
        """How it is got, in a few words."""
        if self.archives:
            return f"download, {self.size / 1e9:.2f} GB" if self.size else "download"
        if self.kaggle:
            return "from Kaggle"
        return "from Roboflow" if self.roboflow else "by hand, then --from"


def recipe_folder(chosen: Path | None = None) -> Path:
    """Where the recipes are: as chosen, datasets/ here, or datasets/ of the checkout that this code runs from."""
    if chosen:
        return chosen
    here = Path("datasets")
    if any(here.glob("*.yaml")):
        return here
    return Path(seepseg.__file__).resolve().parents[2] / "datasets"


def list_recipes(folder: Path) -> list[Recipe]:
    """All recipes of a folder by name; the faults of all of them in one error."""
    recipes, problems = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            recipes.append(read_recipe(path))
        except SourceError as error:
            problems.append(str(error))
    if problems:
        raise SourceError("\n".join(problems))
    return recipes


def find_recipe(name: str, folder: Path) -> Recipe:
    """The recipe of that name, or an error that offers the nearest ones."""
    path = folder / f"{name}.yaml"
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) and path.is_file():
        return read_recipe(path)
    known = sorted(one.stem for one in folder.glob("*.yaml"))
    raise UsageError(f"{name}: no such recipe in {folder}{suggest(name, known)}; 'seepseg get --list' shows them all")


def read_recipe(path: Path) -> Recipe:
    """A recipe, with every fault in one error."""
    try:
        text = path.read_text(encoding="utf-8")
        data, repeated = yaml.safe_load(text), find_repeated(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path}: not readable as YAML: {error}") from None
    if repeated:
        raise SourceError(listing([f"{path}:{line}: {fault}" for line, fault in repeated]))
    problems: list[str] = []
    if not isinstance(data, dict):
        raise SourceError(f"{path}: not a recipe: it should be a table of keys such as name, licence and convert")
    fields = _fields(data, KNOWN, "", problems, NEEDED)
    recipe = _build(fields, path, problems)
    if problems or recipe is None:
        raise SourceError(listing([f"{path}: {problem}" for problem in problems]))
    return recipe


def tell_origin(data: Path | None) -> dict[str, str]:
    """Whose the images of a data.yaml or a fold are, by datasets/<name>.yaml beside datasets/<name>/; empty without."""
    if data is None:
        return {}
    folder = data.parent.parent if data.parent.name == "folds" else data.parent
    try:
        recipe = read_recipe(folder.parent / f"{folder.name}.yaml")
    except SourceError:
        return {}
    told = {key: getattr(recipe, key) for key in ("title", "licence", "citation", "homepage")}
    return {key: value for key, value in told.items() if value}


def _build(fields: dict[str, Any], path: Path, problems: list[str]) -> Recipe | None:
    if "name" in fields and fields["name"] != path.stem:
        problems.append(f"name: {fields['name']} should be as the file is called, {path.stem}")
    offer = _fields(fields.pop("download", {}), KNOWN_DOWNLOAD, "download.", problems)
    if len(offer) > 1:
        problems.append(f"download: give one of {', '.join(sorted(offer))}, not several")
    if not offer and not fields.get("obtain"):
        problems.append("obtain: say in a sentence where people get it, since there is no download")
    archives = _archives(offer.pop("files", []), problems)
    if not re.fullmatch(r"configs/[\w-]+\.yaml( \w+=\S+)*", fields.get("train", "configs/x.yaml")):
        problems.append(f"train: {fields['train']} is not a preset and settings, such as configs/sos.yaml imgsz=640")
    parts = _parts(fields.pop("convert", []), problems)
    dataset = _flags(fields.pop("dataset", {}), "dataset.", problems)
    handles = {"kaggle": r"\w[\w.-]*/\w[\w.-]*", "roboflow": r"\w[\w.-]*/\w[\w.-]*/\d+"}
    problems += [
        f"download.{key}: {value} is not of the form {'OWNER/NAME' if key == 'kaggle' else 'WORKSPACE/PROJECT/VERSION'}"
        for key, value in offer.items()
        if not re.fullmatch(handles[key], value)
    ]
    if problems:
        return None
    return Recipe(**fields, **offer, archives=archives, parts=parts, dataset=dataset)


def _fields(
    data: object, known: Mapping[str, type], where: str, problems: list[str], needed: Collection[str] = ()
) -> dict[str, Any]:
    """The keys of a table that are known and of the right type; a problem for each of the others."""
    if not isinstance(data, dict):
        problems.append(f"{where.rstrip('.')}: should be a table of keys")
        return {}
    problems += [f"{where}{key}: unknown key{suggest(str(key), known)}" for key in data if key not in known]
    problems += [f"{where}{key}: is missing" for key in needed if data.get(key) in (None, "", [])]
    found = {}
    for key, value in data.items():
        if key in known and value is not None:
            if isinstance(value, known[key]) and not isinstance(value, bool):
                found[key] = value.strip() if isinstance(value, str) else value
            else:
                problems.append(f"{where}{key}: should be {_TYPES[known[key]]}, not {value!r}")
    return found


_TYPES = {str: "text", int: "a whole number", list: "a list", dict: "a table of keys"}


def _archives(entries: list[Any], problems: list[str]) -> tuple[Archive, ...]:
    found = []
    for number, entry in enumerate(entries):
        where = f"download.files[{number}]."
        fields = _fields(entry, KNOWN_FILE, where, problems, ("url",))
        for kind, length in HEX.items():
            if kind in fields and not re.fullmatch(f"[0-9a-f]{{{length}}}", fields[kind]):
                problems.append(f"{where}{kind}: {fields[kind]} is not {length} hex digits")
        into = fields.pop("into", ".")
        if not _inside(into):
            problems.append(f"{where}into: {into} leads out of the dataset's folder")
        if "url" in fields:
            link = Link(**fields)
            try:
                check_address(link.url, verified=link.verified)
            except UsageError as error:
                problems.append(f"{where}url: {error}")
            found.append(Archive(link, into))
    names = [archive.link.name for archive in found]
    problems += [f"download.files: two are called {name}" for name in sorted({n for n in names if names.count(n) > 1})]
    return tuple(found)


def _parts(entries: list[Any], problems: list[str]) -> tuple[Part, ...]:
    found = []
    for number, entry in enumerate(entries):
        where = f"convert[{number}]."
        fields = _fields(entry, KNOWN_PART, where, problems, ("kind", "paths"))
        if fields.get("kind", "masks") not in KINDS:
            problems.append(
                f"{where}kind: {fields['kind']} is none of {', '.join(KINDS)}{suggest(fields['kind'], KINDS)}"
            )
        if fields.get("split", "train") not in SPLITS:
            problems.append(f"{where}split: {fields['split']} is none of {', '.join(SPLITS)}")
        paths = fields.pop("paths", [])
        problems += [
            f"{where}paths: {path!r} should be a path below the dataset's folder"
            for path in paths
            if not isinstance(path, str) or not _inside(path)
        ]
        flags = _flags(fields.pop("flags", {}), f"{where}flags.", problems)
        if "kind" in fields:
            found.append(Part(paths=tuple(map(str, paths)), flags=flags, **fields))
    named = [part.name for part in found]
    if len(found) > 1 and (None in named or len(set(named)) < len(named)):
        problems.append("convert: give each of several parts a name of its own")
    return tuple(found)


def _flags(table: object, where: str, problems: list[str]) -> Flags:
    """names: 'a,b' is --names=a,b; pair: [a, b] is --pair a b; invert: true is --invert."""
    if not isinstance(table, dict):
        problems.append(f"{where.rstrip('.')}: should be a table of flags")
        return ()
    flags = []
    for key, value in table.items():
        if value is False or value is None or isinstance(value, dict):
            problems.append(f"{where}{key}: {value!r} is not a setting; leave the flag out where it is not wanted")
        words = () if value is True else tuple(map(str, value)) if isinstance(value, list) else (str(value),)
        flags.append((str(key).replace("_", "-"), words))
    return tuple(flags)


def _inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts and "\\" not in path and ":" not in path
