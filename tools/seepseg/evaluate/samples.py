"""The images of a split with their truth: the exact one of the conversion, or label rows painted at native size."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seepseg import rle
from seepseg.dataset.fidelity import paint_row
from seepseg.dataset.layout import Dataset, label_path, read_manifest, read_rows
from seepseg.dataset.places import Place, count_shared, find_places
from seepseg.dataset.truth import TrueObject, Truth, annotations_path, read_truth
from seepseg.errors import DatasetError, UsageError, listing
from seepseg.labels.coco_shapes import read_segmentation
from seepseg.wording import count, enumerate_words, verb

PAINTED = (
    "the dataset has no exact truth (annotations/), so its label rows count, painted at the images' own size; "
    "'seepseg convert' keeps the truth exact"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One image to be evaluated, its pixels unread."""

    name: str
    """Its path below images/<split>/."""
    image: Path
    group: str | None
    truth: Truth | None
    """None where the label rows are the truth, which takes the image's size to paint."""


def pick_split(dataset: Dataset, asked: str | None) -> str:
    """The split to report: if nothing is asked for test, or val where there is no test."""
    there = [split for split, images in dataset.splits.items() if images]
    split = asked or next((one for one in ("test", "val") if one in there), None)
    if split is None or split not in there:
        wanted = f"no {asked} split" if asked else "neither a test nor a val split"
        have = f"it has {enumerate_words(there)}" if there else "it has none at all"
        raise UsageError(f"{dataset.yaml}: {wanted} with images in it; {have}")
    return split


def read_samples(dataset: Dataset, split: str) -> tuple[list[Sample], list[str]]:
    """The images of a split in the order of data.yaml, and what the user should hear of their truth."""
    splits = find_places(dataset)
    places = splits[split]
    truths = _read_truths(places)
    groups = _read_groups(places)
    keys = [(place.root, place.record) for place in places]
    samples = [
        Sample(name, place.image, groups.get(key), truths.get(key))
        for name, place, key in zip(_tell_apart(places), places, keys, strict=True)
    ]
    notes = [] if len(truths) == len(samples) else [PAINTED]
    return samples, notes + _tell_seen(split, count_shared(splits, split, "train"), len(places))


def _tell_seen(split: str, seen: int, images: int) -> list[str]:
    if split == "train" or not seen:
        return []
    some = f"{count(seen, 'image')} of the {images:,} of {split} {verb(seen)} in train too"
    which = some if seen < images else f"the images of {split} are those of train"
    return [
        f"{which}: of a model that was trained on them the figures flatter; convert with --split .7,.15,.15 to measure "
        "it on images that it has not seen"
    ]


def truth_of(sample: Sample, width: int, height: int) -> Truth:
    """The truth of an image whose size is known by now."""
    truth = sample.truth
    if truth is None:
        rows = read_rows(label_path(sample.image))
        return Truth(width, height, None, [_paint(*row, width, height) for row in rows])
    if (truth.width, truth.height) != (width, height):
        raise DatasetError(
            f"{sample.image}: {width} × {height} pixels, but its truth is of {truth.width} × {truth.height}; "
            "the image was changed since the conversion: convert the source again"
        )
    return truth


def groups_of(samples: Sequence[Sample]) -> list[str] | None:
    """The scene of each image, an image that the manifest does not know being its own; None where it knows none."""
    if all(sample.group is None for sample in samples):
        return None
    return [f"image {sample.name}" if sample.group is None else f"group {sample.group}" for sample in samples]


def _read_truths(places: Sequence[Place]) -> dict[tuple[Path, str], Truth]:
    """By the root and record of each image; nothing for images of a folder without annotations."""
    folders = defaultdict(list)
    for place in places:
        folders[place.root, place.home].append(place)
    found: dict[tuple[Path, str], Truth] = {}
    problems = []
    for (root, home), some in folders.items():
        file = annotations_path(root, home) if home else None
        if file and file.is_file():
            truths = _read_file(file, {place.name for place in some})
            found |= {(root, place.record): truths[place.name] for place in some if place.name in truths}
            problems += [f"{file}: no truth for {place.name}" for place in some if place.name not in truths]
            problems += [f"{file}: broken run lengths for {name}" for name, one in truths.items() if not _is_sound(one)]
        elif not any(label_path(place.image).is_file() for place in some):
            problems.append(f"{some[0].image.parent}: none of its images has a label file or a truth in {root}")
    if problems:
        raise DatasetError(listing([*problems, "without truth nothing can be measured; convert the source again"]))
    return found


def _read_file(file: Path, wanted: Collection[str]) -> dict[str, Truth]:
    try:
        return read_truth(file, wanted)
    except (KeyError, TypeError, AttributeError):
        raise DatasetError(f"{file}: not what 'seepseg convert' writes; convert the source again") from None


def _is_sound(truth: Truth) -> bool:
    """Whether its run lengths add up to the image: others can keep pycocotools busy for ever."""
    size = [truth.height, truth.width]
    runs = [one.rle for one in truth.objects] + ([] if truth.ignore is None else [truth.ignore])
    return all(read_segmentation({"size": size, "counts": one.decode()})[0] is not None for one in runs)


def _read_groups(places: Sequence[Place]) -> dict[tuple[Path, str], str]:
    roots = {place.root for place in places}
    return {
        (root, record["image"]): str(record["group"])
        for root in roots
        if (root / "manifest.jsonl").is_file()
        for record in read_manifest(root)
        if record.get("group") is not None and "image" in record
    }


def _tell_apart(places: Sequence[Place]) -> list[str]:
    """Names below the split's folder; for a split of several folders that share names, from further up."""
    for names in ([place.name for place in places], [place.record for place in places]):
        if max(Counter(names).values(), default=0) < 2:
            return names
    return [str(place.image) for place in places]


def _paint(class_id: int, polygon: NDArray[np.float64], width: int, height: int) -> TrueObject:
    crop, x, y = paint_row(polygon, width, height)
    return TrueObject(class_id, rle.encode_crop(crop, x, y, width, height), None)
