"""Every fault of a dataset folder, collected: what Ultralytics drops, what leaks, what cannot be learnt."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seepseg.check.findings import Finding, Ledger
from seepseg.check.folders import judge_folders
from seepseg.check.leakage import Tile, judge_leakage, judge_near
from seepseg.check.roundtrip import RoundTrip, Sampled, measure
from seepseg.check.rules import FAULT
from seepseg.check.scan import Scan, scan_all
from seepseg.check.sizes import ClassSize, Sizes, judge_sizes
from seepseg.dataset.layout import Dataset, label_path, read_manifest, resolve
from seepseg.dataset.truth import annotations_path, count_rows, read_truth
from seepseg.errors import DatasetError
from seepseg.progress import track

DEFAULT_IMGSZ = 640
SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, faults first, and the figures beside it."""

    dataset: Dataset
    imgsz: int
    findings: tuple[Finding, ...]
    images: Mapping[str, int]
    instances: Mapping[str, tuple[int, ...]]
    """Per split, by class."""
    sizes: tuple[ClassSize, ...]
    fidelity: tuple[RoundTrip, ...]
    """At the declared imgsz, then at the one asked for where that is another; none without annotations."""
    groups: Mapping[str, str]
    """With near twins: which images belong together."""

    @property
    def faulty(self) -> bool:
        """Whether anything stands in the way of training; warnings do not."""
        return any(finding.severity == FAULT for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        names = self.dataset.names
        return {
            "faults": sum(finding.severity == FAULT for finding in self.findings),
            "warnings": sum(finding.severity != FAULT for finding in self.findings),
            "imgsz": self.imgsz,
            "images": dict(self.images),
            "instances": {split: dict(zip(names, counts, strict=True)) for split, counts in self.instances.items()},
            "sizes": [row.as_json() for row in self.sizes],
            "fidelity": [one.as_json() for one in self.fidelity],
            "findings": [finding.as_json() for finding in self.findings],
        }


def check_dataset(
    path: Path, *, imgsz: int | None = None, near: bool = False, sample: int | None = SAMPLE, workers: int = 1
) -> Report:
    """Look at everything and judge it; `sample` images go through Ultralytics' loader, None means all."""
    ledger = Ledger()
    dataset, problems = resolve(path)
    for problem in problems:
        ledger.add("yaml", problem)
    splits = judge_folders(dataset, ledger)
    manifest = _read_manifest(dataset, ledger)
    scanned = _Totals(dataset, splits, manifest)
    for split, images in splits.items():
        scans = scan_all(images, len(dataset.names), crossings=not dataset.settings, workers=workers)
        for image, scan in zip(images, track(scans, len(images), f"checking {split}"), strict=True):
            scanned.add(split, image, scan, ledger)
    scanned.judge(ledger)
    _judge_truth(dataset, splits, scanned.rows, ledger)
    judge_leakage(scanned.tiles, ledger)
    groups = judge_near(scanned.tiles, ledger) if near else {}
    size = imgsz or dataset.imgsz or DEFAULT_IMGSZ
    sizes = scanned.sizes.at(size)
    judge_sizes(sizes, ledger)
    fidelity = _judge_fidelity(dataset, splits, imgsz, sample, ledger)
    return Report(
        dataset,
        size,
        tuple(ledger.findings()),
        {split: len(images) for split, images in splits.items()},
        {split: tuple(scanned.instances[split][k] for k in range(len(dataset.names))) for split in splits},
        tuple(sizes),
        fidelity,
        groups,
    )


class _Totals:
    """What adds up over the images: counts, sizes, and a few hundred bytes an image for the search for twins."""

    def __init__(
        self, dataset: Dataset, splits: Mapping[str, Sequence[Path]], manifest: dict[str, dict[str, Any]]
    ) -> None:
        self.sizes = Sizes(dataset.names)
        self.tiles: list[Tile] = []
        self.rows: dict[str, dict[str, int]] = {split: {} for split in splits}
        self.instances: dict[str, Counter[int]] = {split: Counter() for split in splits}
        self._names = dataset.names
        self._root = dataset.root
        self._unseen = dict(manifest)
        self._has_manifest = bool(manifest)
        self._objects = self._rectangles = 0
        self._unlabelled: dict[str, list[Path]] = {split: [] for split in splits}

    def add(self, split: str, image: Path, scan: Scan, ledger: Ledger) -> None:
        ledger.extend(scan.found)
        self.sizes.add(scan.extents)
        self.instances[split].update(scan.classes)
        self._objects += scan.rows
        self._rectangles += scan.rectangles
        name = name_of(image, self._root, split)
        self.rows[split][name] = scan.rows
        if not scan.labelled:
            self._unlabelled[split].append(image)
        record = self._unseen.pop(_relative(image, self._root), None)
        if record is None and self._has_manifest:
            ledger.add("manifest-unknown", str(image))
        if record and not record.get("rendered") and scan.sha256 not in (None, record["sha256"]):
            ledger.add("changed", str(image))
        if scan.sha256:
            group = record.get("group") if record else None
            stem = name[: -len(image.suffix)]
            self.tiles.append(Tile(split, image, stem, scan.sha256, group, scan.fingerprint))

    def judge(self, ledger: Ledger) -> None:
        for name in self._unseen:
            ledger.add("manifest-missing", name)
        for split, images in self._unlabelled.items():
            if images and len(images) == len(self.rows[split]):
                ledger.add("labels-folder", f"{split}: looked for {label_path(images[0])}")
            elif images:
                for image in images:
                    ledger.add("label-missing", str(image))
        if self._objects and self._objects == self._rectangles:
            ledger.add("object-rectangles", "every label file", count=self._objects)
        for split, counts in self.instances.items():
            code = "class-untrained" if split == "train" else "class-unmeasured"
            for index, name in enumerate(self._names):
                if not counts[index]:
                    ledger.add(code, f"{name} in {split}")


def name_of(image: Path, root: Path, split: str) -> str:
    """A file's name below images/<split>/, as annotations know it."""
    try:
        return image.relative_to(root / "images" / split).as_posix()
    except ValueError:
        return image.name


def _relative(image: Path, root: Path) -> str:
    return Path(os.path.relpath(image, root)).as_posix()


def _read_manifest(dataset: Dataset, ledger: Ledger) -> dict[str, dict[str, Any]]:
    kept = ("sha256", "group", "rendered")
    if not (dataset.root / "manifest.jsonl").exists():
        return {}
    try:
        return {
            record["image"]: {key: record[key] for key in kept if key in record}
            for record in read_manifest(dataset.root)
        }
    except (DatasetError, KeyError, TypeError) as error:
        ledger.add("truth-broken", str(error))
        return {}


def _judge_truth(
    dataset: Dataset, splits: Mapping[str, Sequence[Path]], rows: Mapping[str, Mapping[str, int]], ledger: Ledger
) -> None:
    """Whether label files hold as many rows as the annotations speak of."""
    for split in splits:
        file = annotations_path(dataset.root, split)
        if file.exists():
            expected = _guard(lambda file=file: count_rows(file), {}, ledger)  # type: ignore[misc]
            for name, count in expected.items():
                if name in rows[split] and rows[split][name] != count:
                    ledger.add("truth-rows", f"{split}/{name}: {rows[split][name]} label rows, {count} in {file.name}")


def _guard(read: Callable[[], Any], instead: Any, ledger: Ledger) -> Any:
    try:
        return read()
    except DatasetError as error:
        ledger.add("truth-broken", str(error))
    except (KeyError, TypeError, AttributeError) as error:
        ledger.add("truth-broken", f"annotations/: not as the converter writes them ({error})")
    return instead


def choose_sample(
    dataset: Dataset, splits: Mapping[str, Sequence[Path]], count: int | None, ledger: Ledger
) -> list[Sampled]:
    """Images with their truth, evenly over the splits that have one."""
    there = [
        (split, image)
        for split, images in splits.items()
        if annotations_path(dataset.root, split).exists()
        for image in images
    ]
    many = len(there) if count is None else min(count, len(there))
    chosen = [there[index] for index in np.linspace(0, len(there) - 1, many).astype(int).tolist()] if there else []
    sampled: list[Sampled] = []
    for split in splits:
        names = {name_of(image, dataset.root, split): image for mine, image in chosen if mine == split}
        if names:
            file = annotations_path(dataset.root, split)
            truths = _guard(lambda file=file, names=names: read_truth(file, names), {}, ledger)  # type: ignore[misc]
            sampled += [Sampled(image, name, truths[name]) for name, image in names.items() if name in truths]
    return sampled


def _judge_fidelity(
    dataset: Dataset, splits: Mapping[str, Sequence[Path]], imgsz: int | None, sample: int | None, ledger: Ledger
) -> tuple[RoundTrip, ...]:
    declared = dataset.imgsz or imgsz
    if declared is None:
        return ()
    chosen = choose_sample(dataset, splits, sample, ledger)
    if not chosen:
        return ()
    trips = [measure(chosen, len(dataset.names), declared, ledger)]
    if imgsz and imgsz != declared:
        trips.append(measure(chosen, len(dataset.names), imgsz))
        at_declared, at_other = (np.mean(trip.all()) if trip.all() else 1.0 for trip in trips)
        ledger.add("imgsz-other", f"mean IoU {at_declared:.4f} at {declared} as declared, {at_other:.4f} at {imgsz}")
    return tuple(trips)
