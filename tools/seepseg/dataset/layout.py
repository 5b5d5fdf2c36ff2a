"""The dataset folder as others rely on it: data.yaml, images, labels, manifest."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from seepseg.errors import DatasetError

SPLITS = ("train", "val", "test")
IMAGE_SUFFIXES = frozenset(
    ".avif .bmp .dng .heic .heif .jp2 .jpeg .jpeg2000 .jpg .mpo .png .tif .tiff .webp".split()
)
"""What Ultralytics lists; anything else in an image folder it passes over."""


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
    file = path / "data.yaml" if path.is_dir() else path
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{file}: no such file; give a dataset folder or its data.yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: not readable as YAML: {error}") from None
    if not isinstance(data, dict) or "names" not in data:
        raise DatasetError(f"{file}: has no names; a data.yaml lists its classes under `names:`")
    root = file.parent / data["path"] if data.get("path") else file.parent
    splits = {
        split: tuple(_images(root, data[split], file)) for split in SPLITS if data.get(split)
    }
    return Dataset(file, root, _names(data["names"], file), splits, data.get("seepseg") or {})


def label_path(image: Path) -> Path:
    """Where Ultralytics looks for the labels of an image."""
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def read_rows(path: Path) -> list[tuple[int, NDArray[np.float64]]]:
    """The polygons of a label file: class id, and (n, 2) shares of the image; a missing file holds none."""
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            class_id, values = int(words[0]), np.array(words[1:], np.float64)
        except ValueError:
            raise DatasetError(f"{path}:{number}: not a class id followed by numbers") from None
        if len(values) < 6 or len(values) % 2:
            raise DatasetError(f"{path}:{number}: {len(values)} numbers do not make a polygon")
        rows.append((class_id, values.reshape(-1, 2)))
    return rows


def read_manifest(root: Path) -> Iterator[dict[str, Any]]:
    """One record an image, in the order of the conversion."""
    with (root / "manifest.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _names(names: object, file: Path) -> tuple[str, ...]:
    if isinstance(names, list):
        return tuple(map(str, names))
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        return tuple(str(names[index]) for index in range(len(names)))
    raise DatasetError(f"{file}: names must be a list, or numbered from 0 without a gap")


def _images(root: Path, value: object, file: Path) -> Iterator[Path]:
    for entry in value if isinstance(value, list) else [value]:
        place = root / str(entry)
        if place.is_dir():
            yield from sorted(
                image for image in place.rglob("*") if image.suffix.lower() in IMAGE_SUFFIXES
            )
        elif place.is_file():
            lines = place.read_text(encoding="utf-8").split("\n")
            yield from (place.parent / line.strip() for line in lines if line.strip())
        else:
            raise DatasetError(f"{file}: {entry} is not there (looked for {place})")
