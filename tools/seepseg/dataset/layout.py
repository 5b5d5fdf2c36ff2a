"""The dataset folder as others rely on it: data.yaml, images, labels, manifest."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from seepseg.errors import DatasetError, listing
from seepseg.repeated_keys import find_repeated

SPLITS = ("train", "val", "test")
IMAGE_SUFFIXES = frozenset(
    [".avif", ".bmp", ".dng", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"]
)
"""What Ultralytics lists; anything else in an image folder it passes over."""


MOST_IMGSZ = 16_384
"""As --imgsz takes it; a larger one would cost more memory than any training has."""


_SEE_ALL = "run 'seepseg check' on the dataset for all that is wrong with it"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data.yaml, resolved."""

    yaml: Path
    root: Path
    names: tuple[str, ...]
    splits: Mapping[str, tuple[Path, ...]]
    """Images of each split that data.yaml names, in order."""
    settings: Mapping[str, Any]
    """What stands under `seepseg:`; empty for a dataset that others made."""

    @property
    def imgsz(self) -> int | None:
        """The image size that the labels are exact at."""
        return self.settings.get("imgsz")


def read_dataset(path: Path) -> Dataset:
    """A dataset folder or its data.yaml; every fault of the YAML in one error."""
    dataset, problems = resolve(path)
    if problems:
        raise DatasetError(listing(problems))
    return dataset


def resolve(path: Path) -> tuple[Dataset, list[str]]:
    """As much of a dataset as its data.yaml leads to, and what is wrong with the YAML."""
    file = path / "data.yaml" if path.is_dir() else path
    data = read_yaml(file)
    problems: list[str] = []
    names = _names(data, file, problems)
    root = _root(data, file)
    if "val" not in data and "validation" in data:
        data["val"] = data["validation"]
    splits = {
        split: tuple(_images(root, data[split], f"{file}: {split}", problems)) for split in SPLITS if data.get(split)
    }
    settings = data.get("seepseg") or {}
    if not isinstance(settings, dict):
        problems.append(f"{file}: seepseg: must hold settings, such as imgsz: 640")
        settings = {}
    imgsz = settings.get("imgsz")
    if imgsz is not None and (type(imgsz) is not int or not 1 <= imgsz <= MOST_IMGSZ):
        problems.append(
            f"{file}: seepseg: imgsz must be a whole number of pixels, {MOST_IMGSZ:,} at most, not {imgsz!r}"
        )
        settings = {key: value for key, value in settings.items() if key != "imgsz"}
    return Dataset(file, root, names, splits, settings), problems


def read_yaml(file: Path) -> dict[str, Any]:
    """The keys of a data.yaml as they stand."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        data, repeated = yaml.safe_load(text), find_repeated(text)
    except FileNotFoundError:
        raise DatasetError(f"{file}: no such file; give a dataset folder or its data.yaml") from None
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: not readable as YAML: {error}") from None
    if repeated:
        raise DatasetError(listing([f"{file}:{line}: {fault}" for line, fault in repeated]))
    if not isinstance(data, dict):
        raise DatasetError(f"{file}: not a data.yaml: it must hold `train:`, `val:` and `names:`")
    return data


def label_path(image: Path) -> Path:
    """Where Ultralytics looks for the labels of an image."""
    parts = _swap_images(image) or _swap_images(Path(os.path.abspath(image)))
    return (Path(*parts) if parts else image).with_suffix(".txt")


def _swap_images(image: Path) -> list[str] | None:
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            return [*parts[:index], "labels", *parts[index + 1 :]]
    return None


def read_rows(path: Path) -> list[tuple[int, NDArray[np.float64]]]:
    """The polygons of a label file: class id, and (n, 2) shares of the image; a missing file holds none."""
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not readable as text: {error}") from None
    rows = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        try:
            class_id, values = int(words[0]), np.array(words[1:], np.float64)
        except ValueError:
            raise DatasetError(f"{path}:{number}: not a class id followed by numbers; {_SEE_ALL}") from None
        if len(values) < 6 or len(values) % 2:
            raise DatasetError(f"{path}:{number}: {_not_a_polygon(len(values))}")
        rows.append((class_id, values.reshape(-1, 2)))
    return rows


def _not_a_polygon(numbers: int) -> str:
    if numbers == 4:
        return "a box, not a polygon; 'seepseg convert yolo FOLDER OUT --boxes box' makes box-shaped masks of such rows"
    return f"a polygon has six numbers or more, two a point, and this has {numbers}; {_SEE_ALL}"


def read_manifest(root: Path) -> Iterator[dict[str, Any]]:
    """One record an image, in the order of the conversion."""
    file = root / "manifest.jsonl"
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise DatasetError(f"{file}:{number}: not JSON: {error}") from None


def list_images(folder: Path) -> list[Path]:
    """The images that Ultralytics finds below a folder: hidden files are none, links are followed, but not one that
    leads back to a folder above it. A folder that can't be read is an OSError."""
    found = []
    for place, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        here = os.path.realpath(place)
        folders[:] = [name for name in folders if not name.startswith(".") and not _leads_back(here, name)]
        found += [
            Path(place, name)
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    return sorted(found)


def _leads_back(here: str, name: str) -> bool:
    there = os.path.realpath(os.path.join(here, name))
    return here == there or here.startswith(there + os.sep)


def _raise(error: OSError) -> None:
    raise error


def _root(data: dict[str, Any], file: Path) -> Path:
    beside = file.parent / str(data.get("path") or ".")
    elsewhere = Path(str(data.get("path") or "."))
    return elsewhere if data.get("path") and not beside.exists() and elsewhere.exists() else beside


def _names(data: dict[str, Any], file: Path, problems: list[str]) -> tuple[str, ...]:
    names, count = data.get("names"), data.get("nc")
    if names is None and isinstance(count, int):
        return tuple(f"class_{index}" for index in range(count))
    if isinstance(names, dict) and sorted(map(str, names)) == sorted(map(str, range(len(names)))):
        names = [name for _, name in sorted(names.items(), key=lambda one: int(one[0]))]
    if not isinstance(names, list) or not names:
        problems.append(f"{file}: names must be a list, or numbered from 0 without a gap")
        return tuple(map(str, names.values())) if isinstance(names, dict) else ()
    if count is not None and count != len(names):
        problems.append(f"{file}: nc is {count}, but names lists {len(names)}; take nc out")
    if len(set(map(str, names))) < len(names):
        problems.append(f"{file}: two names are the same; give each class a name of its own")
    return tuple(map(str, names))


def _images(root: Path, value: object, label: str, problems: list[str]) -> Iterator[Path]:
    for entry in value if isinstance(value, list) else [value]:
        place = _find(root, str(entry))
        if place.is_dir():
            yield from list_images(place)
        elif place.is_file():
            yield from _listed(place)
        else:
            problems.append(f"{label}: {entry} is not there (looked for {place})")


def _find(root: Path, entry: str) -> Path:
    """Roboflow writes ../train/images for a folder beside data.yaml; Ultralytics lets it pass, and so do we."""
    place = root / entry
    return root / entry[3:] if entry.startswith("../") and not place.exists() else place


def _listed(file: Path) -> Iterator[Path]:
    """The images of a text file: ./ means beside it; other relative paths are the working directory's."""
    for line in file.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines():
        entry = line.strip()
        if entry:
            beside = file.parent / entry
            yield Path(entry) if not entry.startswith("./") and Path(entry).exists() else beside
