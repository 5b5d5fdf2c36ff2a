"""A source as a dataset folder: every image built, split, and the whole moved into place at once."""

import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seepseg.dataset import records
from seepseg.dataset.build import Built, Failed, Job, build_all
from seepseg.dataset.staging import staged
from seepseg.errors import SourceError, UsageError, advise_once, listing
from seepseg.georeference import spacing
from seepseg.labels.class_names import clean_names
from seepseg.progress import track
from seepseg.scale_choice import choose_rule
from seepseg.scaling import Rule
from seepseg.splits.groups import read_groups, recognise_groups
from seepseg.splits.plan import Entry, Plan, TooFewGroups, plan_splits, table
from seepseg.splits.twins import find_copies
from seepseg.values import UNFIT, Item, Skip, Source, Tally
from seepseg.wording import told_from
from seepseg.workers import Crew

PROOF = "conversion.json"
"""The file that marks a folder as written by us; it is written last."""
ANNOTATIONS = "annotations.jsonl"
"""Those of all images, a line each, while it is not yet known which split they go to."""
MEASURED = 100
"""Images whose fidelity is taken, spread evenly over the dataset."""
MUCH = 0.1
"""The share of images left out from which on it is hardly damage."""
MOST_FAILURES = 20
"""Unreadable images after which a conversion gives up looking for more."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user decides about the dataset, whatever the source."""

    imgsz: int = 640
    shares: tuple[float, float, float] | None = None
    group: str | None = None
    groups: Path | None = None
    folds: int = 0
    seed: int = 0
    parts: str | None = None
    scale: str | None = None
    bands: tuple[int, ...] | None = None
    gsd: float | None = None
    link: bool = False
    """Hard-link images that are copied otherwise: faster and no space, but a change of the one changes the other."""
    nodata: float | None = None
    unfit: str = "error"
    """What becomes of images that can't be converted: error, or skip, which leaves them out and says so."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a conversion did, for people and programs."""

    images: int
    table: str
    notes: tuple[str, ...]
    skipped: list[dict[str, Any]]
    fidelity: dict[str, Any]


def convert(
    source: Source, out: Path, settings: Settings, *, workers: int | Crew = 1, overwrite: bool = False
) -> Written:
    """Write the dataset folder `out`; it appears whole or not at all."""
    source = replace(source, names=clean_names(source.names))
    if not source.items:
        raise SourceError(f"{source.root}: no labelled images found")
    _refuse_equal_stems(source)
    if settings.groups is not None:
        _refuse_unknown_groups(source, settings.groups)
    rule, notes = choose_rule(source.items, scale=settings.scale, bands=settings.bands, nodata=settings.nodata)
    metres = spacing(source.items, settings.gsd)
    with staged(out, overwrite=overwrite, proof=PROOF) as folder:
        unsplit = folder / "unsplit"
        unsplit.mkdir()
        job = Job(
            source.read, unsplit, len(source.names), settings.imgsz, settings.parts, rule, settings.gsd, settings.link
        )
        source, built = _build(source, job, workers, skip=settings.unfit == "skip")
        plan, table = _plan(source, built, unsplit, settings)
        tally = Tally()
        tally.add(source.skipped)
        for one in built:
            tally.add(one.skipped)
        written = Written(
            len(built), table, (*source.notes, *notes, *plan.notes), tally.as_json(), _fidelity(built, settings.imgsz)
        )
        records.write_annotations(folder, unsplit / ANNOTATIONS, built, plan, source.names)
        _place(folder, unsplit, built, plan)
        records.write_manifest(folder, source, built, plan)
        records.write_data_yaml(folder, source.names, plan, settings.imgsz, rule, metres)
        records.write_folds(folder, source.names, built, plan)
        records.write_conversion(folder, _conversion(source, settings, rule, written))
    return written


def _refuse_equal_stems(source: Source) -> None:
    first: dict[str, Path] = {}
    problems = []
    for item in source.items:
        other = first.setdefault(item.stem.casefold(), item.image)
        if other is not item.image:
            problems.append(f"{other.name} and {item.image.name} would share one label file, {item.stem}.txt")
    if problems:
        raise SourceError(f"{source.root}: rename one image of each pair:\n{listing(problems)}")


def _refuse_unknown_groups(source: Source, groups: Path) -> None:
    unknown = sorted(set(read_groups(groups)) - {item.stem for item in source.items})
    if unknown:
        raise UsageError(f"{groups}: names images that the source does not hold:\n{listing(unknown)}")


def _build(source: Source, job: Job, workers: int | Crew, *, skip: bool) -> tuple[Source, list[Built]]:
    """The source as far as it could be built; with `skip`, what could not is among its skips."""
    count = len(source.items)
    measured = frozenset(np.linspace(0, count - 1, min(count, MEASURED)).astype(int).tolist())
    built: list[Built] = []
    kept: list[Item] = []
    # A sentence once: all tiles of a damaged scene say the same.
    sentences: dict[str, None] = {}
    left_out: list[Skip] = []
    with (
        (job.staging / ANNOTATIONS).open("w", encoding="utf-8") as spill,
        closing(build_all(source.items, measured, job, workers)) as results,
    ):
        for item, one in zip(source.items, track(results, count, "converting"), strict=False):
            if isinstance(one, Failed):
                sentences[one.sentence] = None
                told = told_from(source.root, one.sentence)
                left_out.append(Skip(UNFIT, f"{item.stem}: {told}" if item.window else told))
                if len(sentences) == MOST_FAILURES and not skip:
                    break
            else:
                spill.write(one.annotations)
                built.append(replace(one, annotations=""))
                kept.append(item)
    if sentences and not (skip and built):
        problems = advise_once(list(sentences), most=MOST_FAILURES)
        if (seen := len(built) + len(left_out)) < count:
            problems += (
                f"\nstopped after {seen:,} of {count:,} images, {len(left_out):,} of them faulty; there may be more"
            )
        raise SourceError(problems)
    notes = source.notes
    if len(left_out) > MUCH * count:
        notes = (
            *notes,
            f"warning: {len(left_out):,} of {count:,} images can't be converted and are left out; where so many can't, "
            "a setting such as --names or --values is often wrong: read their reasons below",
        )
    return replace(source, items=tuple(kept), skipped=(*source.skipped, *left_out), notes=notes), built


def _plan(source: Source, built: Sequence[Built], unsplit: Path, settings: Settings) -> tuple[Plan, str]:
    groups, note = _groups(source, settings)
    entries = [
        Entry(item.stem, group, one.counts, item.split)
        for item, group, one in zip(source.items, groups, built, strict=True)
    ]

    def load(index: int) -> Any:
        return cv2.imread(str(unsplit / "images" / built[index].file), cv2.IMREAD_COLOR)

    copies = find_copies([one.fingerprint for one in built], load)
    try:
        plan = plan_splits(
            entries, copies, shares=settings.shares, folds=settings.folds, seed=settings.seed, names=source.names
        )
    except TooFewGroups as error:
        if note and settings.group is None and settings.groups is None:
            wrong = "if that is not so, --group '(.*)' makes each name a group of its own"
            raise TooFewGroups(f"{error}\n{note}, told from the names: {wrong}") from None
        raise
    if note:
        plan = replace(plan, notes=(note, *plan.notes))
    return plan, table(plan, entries, source.names)


def _groups(source: Source, settings: Settings) -> tuple[Sequence[str | None], str | None]:
    """By the user's file, else the user's rule, else the source itself, else names that say it."""
    stems = [item.stem for item in source.items]
    if settings.groups is not None:
        given = read_groups(settings.groups)
        return [given.get(stem) for stem in stems], f"grouped by {settings.groups.name}"
    if settings.group is None and any(item.group for item in source.items):
        return [item.group for item in source.items], None
    return recognise_groups([Path(stem).name for stem in stems], settings.group)


def _place(folder: Path, unsplit: Path, built: Sequence[Built], plan: Plan) -> None:
    for split in sorted(set(plan.splits)):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
    made: set[str] = set()
    for one, split in zip(built, plan.splits, strict=True):
        for kind, file in (("images", one.file), ("labels", label_file(one.file))):
            target = f"{folder}/{kind}/{split}/{file}"
            if "/" in file and (parent := os.path.dirname(target)) not in made:
                os.makedirs(parent, exist_ok=True)
                made.add(parent)
            os.rename(f"{unsplit}/{kind}/{file}", target)
    shutil.rmtree(unsplit)


def label_file(image_file: str) -> str:
    """The label file of an image, both relative to their split's folder."""
    return image_file[: image_file.rindex(".")] + ".txt"


def _fidelity(built: Sequence[Built], imgsz: int) -> dict[str, Any]:
    """Mean and least IoU through the loader over the measured images, per image and class."""
    values = [value for one in built for value in one.fidelity]
    return {
        "imgsz": imgsz,
        "images": sum(bool(one.fidelity) for one in built),
        "mean_iou": round(float(np.mean(values)), 6) if values else None,
        "min_iou": round(min(values), 6) if values else None,
    }


def _conversion(source: Source, settings: Settings, rule: Rule | None, written: Written) -> dict[str, Any]:
    return {
        "source": {"kind": source.kind, **source.settings},
        "settings": {
            "imgsz": settings.imgsz,
            "split": settings.shares,
            "group": settings.group,
            "groups": settings.groups.name if settings.groups else None,
            "folds": settings.folds,
            "seed": settings.seed,
            "parts": settings.parts,
            "scale": rule.as_json() if rule else None,
            "gsd": settings.gsd,
            "unfit": settings.unfit,
        },
        "images": written.images,
        "fidelity": written.fidelity,
        "skipped": written.skipped,
        "notes": list(written.notes),
    }
