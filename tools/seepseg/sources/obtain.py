"""The folder that a dataset is read from: given, unpacked or fetched. Nothing is downloaded where one is given."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from seepseg.errors import SourceError, UsageError
from seepseg.sources.conversion import missing
from seepseg.sources.download import LARGEST, fetch
from seepseg.sources.kaggle import fetch_kaggle
from seepseg.sources.recipe import Archive, Recipe
from seepseg.sources.roboflow import fetch_roboflow
from seepseg.sources.sevenzip import load_package
from seepseg.sources.unpack import is_archive, unpack

Say = Callable[[str], None]


def take_given(given: Path, recipe: Recipe | None, place: Path, say: Say) -> Path:
    """A folder as it is; an archive unpacked; a folder of a recipe's archives fetched by hand, checked and unpacked."""
    if not given.exists():
        raise UsageError(f"--from {given}: no such file or folder")
    if given.is_dir():
        archives = _fetched_by_hand(given, recipe)
        return unpack_all(archives, place, say) if archives else given
    if not is_archive(given):
        raise SourceError(f"--from {given}: neither a folder nor a zip, tar or 7z")
    into = next((one.into for one in recipe.archives if one.link.name == given.name), ".") if recipe else "."
    return unpack_all([(given, into)], place, say)


def fetch_recipe(recipe: Recipe, place: Path, say: Say, *, largest: int = LARGEST) -> Path:
    """Download what the recipe names; where it names nothing, the error says how people come by the data."""
    if recipe.kaggle:
        say(f"fetching {recipe.kaggle} from Kaggle into {place}")
        return fetch_kaggle(recipe.kaggle, place)
    if recipe.roboflow:
        say(f"fetching {recipe.roboflow} from Roboflow into {place}")
        return fetch_roboflow(recipe.roboflow, place / "data")
    if not recipe.archives:
        raise UsageError(f"{recipe.name}: {recipe.obtain}\nthen: seepseg get {recipe.name} --from FOLDER|ZIP")
    return fetch_archives(recipe.archives, place, say, largest=largest)


def fetch_archives(archives: Sequence[Archive], place: Path, say: Say, *, largest: int = LARGEST) -> Path:
    """Download, check and unpack; files that are there already are not fetched again."""
    files = []
    for archive in archives:
        if archive.link.name.endswith(".7z"):
            load_package(archive.link.name)
    for archive in archives:
        if not (place / archive.link.name).exists():
            size = f" ({archive.link.size / 1e9:.2f} GB)" if archive.link.size else ""
            say(f"downloading {archive.link.name}{size} into {place}")
        files.append((fetch(archive.link, place, largest=largest), archive.into))
    return unpack_all(files, place, say)


def unpack_all(files: Sequence[tuple[Path, str]], place: Path, say: Say) -> Path:
    """The folder place/data with all archives in it; unpacked again only where an archive changed."""
    data, notes = place / "data", place / "data.json"
    state = [[file.name, into, file.stat().st_size, file.stat().st_mtime_ns] for file, into in files]
    if data.is_dir() and _noted(notes) == state:
        return data
    notes.unlink(missing_ok=True)
    for stale in (data, *place.glob(".data.*")):
        shutil.rmtree(stale, ignore_errors=True)
    say(f"unpacking {', '.join(file.name for file, _ in files)} into {data}")
    for note in unpack(files, data):
        say(note)
    notes.write_text(json.dumps(state), encoding="utf-8")
    return data


def _noted(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _fetched_by_hand(folder: Path, recipe: Recipe | None) -> list[tuple[Path, str]]:
    if not recipe or not recipe.archives or not missing(folder, recipe.parts):
        return []
    files = [(folder / archive.link.name, archive) for archive in recipe.archives]
    if not all(file.is_file() for file, _ in files):
        return []
    return [(fetch(archive.link, folder), archive.into) for _, archive in files]
