"""A sibling dataset that shares the images of another and differs in labels, or has more tiles to train on."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.dataset.build import label_rows
from seepseg.dataset.identity import dataset_hash
from seepseg.dataset.layout import Dataset, label_path, read_dataset
from seepseg.dataset.places import Place, find_places, home_of
from seepseg.dataset.staging import keep_apart, staged
from seepseg.dataset.write import PROOF, label_file
from seepseg.errors import DatasetError, OutputError, UsageError, listing
from seepseg.outline import format_rows
from seepseg.progress import track
from seepseg.train import siblings
from seepseg.train.relabel import Added, Classes, merge_classes, merge_rows
from seepseg.values import Instance, LabelledImage

IMGSZ = 640
"""What the labels of added tiles are exact at where the dataset declares nothing."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A training tile to add. Class ids are the source's: merging goes over them too. `origin` goes into its line of
    the manifest: the `group` of the tile that was pasted into at least, JSON values alone; `source` is "pasted" if it
    does not say."""

    stem: str
    pixels: NDArray[np.uint8]
    truth: LabelledImage
    origin: Mapping[str, Any]


def sibling_path(dataset: Dataset, settings: Mapping[str, Any]) -> Path:
    """A folder beside the dataset's that no other data and no other settings lead to."""
    home = Path(os.path.abspath(home_of(dataset)))
    key = json.dumps([dataset_hash(dataset), settings], sort_keys=True)
    return home.with_name(f"{home.name}.derived-{hashlib.sha256(key.encode()).hexdigest()[:8]}")


def find_derived(
    dataset: Dataset, out: Path, *, merge: Sequence[str] = (), note: Mapping[str, Any] | None = None
) -> Dataset | None:
    """What an earlier call wrote to `out` from the same data in the same way; an error where it was changed since."""
    _check_repeats(dataset)
    record = siblings.read_json(out / PROOF).get("derived")
    if not record or any(record.get(key) != value for key, value in _key(dataset, merge, note).items()):
        return None
    found = read_dataset(out)
    if dataset_hash(found) != record.get("hash"):
        raise OutputError(f"{out}: its images or labels were changed since it was derived; remove it to have it anew")
    return found


def derive(
    dataset: Dataset,
    out: Path,
    *,
    merge: Sequence[str] = (),
    added: Iterable[Tile] = (),
    note: Mapping[str, Any] | None = None,
    told: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Dataset:
    """Write `out`, whole or not at all, and read it. Every image keeps name, split and group.

    `note` must say all that `added` depends on: where `out` is there from the same data, merge and note, it is
    returned as it is, and `added` is not asked for. `told` is kept for `read_told`. Folds are not taken along; a
    fold's own YAML gives a plain dataset with that fold as val.
    """
    if not overwrite and (found := find_derived(dataset, out, merge=merge, note=note)):
        return found
    home = home_of(dataset)
    splits = _plan(dataset)
    classes = merge_classes(dataset.names, merge)
    settings = dataset.settings or siblings.read_settings(home)
    conversion = siblings.read_json(home / PROOF)
    imgsz, parts = settings.get("imgsz") or IMGSZ, conversion.get("settings", {}).get("parts")
    keep_apart(out, [home], overwrite=overwrite)
    with staged(out, overwrite=overwrite, proof=PROOF) as folder:
        for split, places in splits.items():
            for place in track(places, len(places), f"deriving {split}"):
                _take_over(place, folder, split, classes)
        taken = {_stem(place.name).casefold() for place in splits.get("train", ())}
        tiles = [_write_tile(tile, folder, classes, taken, imgsz, parts) for tile in added]
        siblings.write_truth(folder, splits, classes, [truth for truth, _ in tiles])
        siblings.write_manifest(folder, splits, dataset.names, classes, [line for _, line in tiles])
        same = _same(dataset)
        if tiles and any(first == "train" for split, first in same.items() if split != "train"):
            raise UsageError(f"{dataset.yaml}: val and train are the same images; convert again with --split .8,.2")
        source = Path(os.path.relpath(dataset.yaml, out)).as_posix()
        siblings.write_yaml(folder, dataset, same, classes, settings, source)
        record = {
            **_key(dataset, merge, note),
            "added": len(tiles),
            "told": told,
            "hash": dataset_hash(read_dataset(folder)),
        }
        siblings.write_record(folder, conversion, source, splits, record)
    return read_dataset(out)


def _key(dataset: Dataset, merge: Sequence[str], note: Mapping[str, Any] | None) -> dict[str, Any]:
    """As JSON gives it back."""
    key = {"source_hash": dataset_hash(dataset), "merge": list(merge), "note": dict(note or {})}
    result: dict[str, Any] = json.loads(json.dumps(key))
    return result


def _plan(dataset: Dataset) -> dict[str, list[Place]]:
    splits = find_places(dataset)
    _check_repeats(dataset)
    problems = []
    for split, places in splits.items():
        first: dict[str, Place] = {}
        for place in places:
            other = first.setdefault(_stem(place.name).casefold(), place)
            if other is not place:
                problems.append(f"{split}: {other.image} and {place.image} would share one label file; rename one")
    if problems:
        raise DatasetError(listing(problems))
    return {split: places for split, places in splits.items() if _same(dataset)[split] == split}


def _check_repeats(dataset: Dataset) -> None:
    """A sibling would lose them, and the hash does not see them."""
    train = dataset.splits.get("train", ())
    if len(set(train)) < len(train):
        raise UsageError(
            f"{dataset.yaml}: train lists images more than once, and merging and pasting would lose that; give the "
            "data.yaml that it was made of, and --repeat beside them"
        )


def _same(dataset: Dataset) -> dict[str, str]:
    """Of each split the first that is the same images: itself, but where data.yaml names a folder twice."""
    return {
        split: next(first for first, others in dataset.splits.items() if others == images)
        for split, images in dataset.splits.items()
    }


def _stem(name: str) -> str:
    return label_file(name).removesuffix(".txt")


def _take_over(place: Place, folder: Path, split: str, classes: Classes) -> None:
    label = label_path(place.image)
    try:
        _share(place.image, _target(folder, "images", split, place.name))
    except FileNotFoundError:
        raise DatasetError(f"{place.image}: is not there; 'seepseg check' tells of every fault") from None
    try:
        text = label.read_bytes()
    except FileNotFoundError:
        return
    if classes.changed:
        text = merge_rows(text, classes.ids, label)
    _target(folder, "labels", split, label_file(place.name)).write_bytes(text)


def _target(folder: Path, kind: str, split: str, name: str) -> Path:
    target = f"{folder}/{kind}/{split}/{name}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    return Path(target)


def _share(image: Path, target: Path) -> None:
    try:
        os.link(os.path.realpath(image), target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(image, target)


def _write_tile(
    tile: Tile, folder: Path, classes: Classes, taken: set[str], imgsz: int, parts: str | None
) -> tuple[Added, dict[str, Any]]:
    """Image and label, and what truth and manifest are to say of it."""
    if tile.stem.casefold() in taken:
        raise UsageError(f"{tile.stem}: an image of train is called that already; give the added tile another stem")
    taken.add(tile.stem.casefold())
    file = f"{tile.stem}.png"
    data = cv2.imencode(".png", tile.pixels)[1].tobytes()
    _target(folder, "images", "train", file).write_bytes(data)
    truth = replace(
        tile.truth,
        instances=tuple(replace(one, class_id=classes.ids[one.class_id]) for one in tile.truth.instances),
    )
    rows, owners = label_rows(truth, imgsz, parts)
    _target(folder, "labels", "train", label_file(file)).write_text(format_rows(rows), encoding="utf-8")
    record: dict[str, Any] = {"file_name": file, "width": truth.width, "height": truth.height}
    if truth.ignore:
        record["ignore"] = _runs(truth.ignore, truth)
    annotations = tuple(_annotation(one, mine, truth) for one, mine in zip(truth.instances, owners, strict=True))
    return Added(record, annotations), _manifest_line(tile.origin, file, data, truth, classes.names)


def _manifest_line(
    origin: Mapping[str, Any], file: str, data: bytes, truth: LabelledImage, names: Sequence[str]
) -> dict[str, Any]:
    counts = Counter(one.class_id for one in truth.instances)
    return {
        "image": f"images/train/{file}",
        "source": "pasted",
        "group": None,
        **origin,
        "sha256": hashlib.sha256(data).hexdigest(),
        "split": "train",
        "width": truth.width,
        "height": truth.height,
        "rendered": False,
        "instances": {name: counts[index] for index, name in enumerate(names)},
    }


def _annotation(one: Instance, rows: Sequence[int], truth: LabelledImage) -> dict[str, Any]:
    return {
        "category_id": one.class_id,
        "segmentation": _runs(one.rle, truth),
        "area": one.area,
        "bbox": list(one.bbox),
        "iscrowd": int(one.crowd),
        "source_id": one.source_id,
        "rows": list(rows),
    }


def _runs(rle: bytes, truth: LabelledImage) -> dict[str, Any]:
    return {"size": [truth.height, truth.width], "counts": rle.decode()}
