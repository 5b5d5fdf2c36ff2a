"""Which data a dataset is, wherever its folder lies: one hash for the record of a run and for its evaluation."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from seepseg.dataset.layout import Dataset, label_path, read_manifest
from seepseg.dataset.places import Place, find_places
from seepseg.errors import DatasetError


def dataset_hash(dataset: Dataset) -> str:
    """SHA-256 over class names and, of each image in each split, the split, the image and the bytes of its labels.

    Names and order of files don't count, nor how often a list repeats an image. Images that the manifest lists as
    taken over unchanged are not read again: `seepseg check` is what finds them changed.
    """
    splits = find_places(dataset)
    known = _known_hashes({place.root for places in splits.values() for place in places})
    entries = sorted(
        f"{split} {known.get((place.root, place.record)) or _hash(place.image)} {_hash_labels(place)}"
        for split, places in splits.items()
        for place in places
    )
    return hashlib.sha256("\n".join([json.dumps(dataset.names), *entries]).encode()).hexdigest()


def _known_hashes(roots: Iterable[Path]) -> dict[tuple[Path, str], str]:
    """A rendered image has its source's hash in the manifest, which says nothing about the rendering."""
    return {
        (root, record["image"]): record["sha256"]
        for root in roots
        if (root / "manifest.jsonl").exists()
        for record in read_manifest(root)
        if "sha256" in record and "image" in record and not record.get("rendered")
    }


def _hash(file: Path) -> str:
    try:
        with file.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}; run 'seepseg check'") from None


def _hash_labels(place: Place) -> str:
    try:
        data = label_path(place.image).read_bytes()
    except FileNotFoundError:
        data = b""
    return hashlib.sha256(data).hexdigest()
