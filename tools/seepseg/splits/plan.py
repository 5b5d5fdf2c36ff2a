"""Which image goes to train, val or test: whole groups, stratified by class, the same for the same seed.

A group is what must stay together: the tiles of a scene, the copies of a picture.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seepseg.dataset.layout import SPLITS
from seepseg.errors import UsageError
from seepseg.splits.deal import Bunch, deal, gather
from seepseg.splits.links import Links
from seepseg.wording import align, count, enumerate_words, shorten_classes, write_shares

DEFAULT_SHARES = (0.7, 0.15, 0.15)
TRAIN, VAL, TEST = range(3)


class TooFewGroups(UsageError):
    """What must stay together is too much for the splits that are asked for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a split needs to know of one image."""

    stem: str
    group: str | None
    counts: tuple[int, ...]
    """Instances per class."""
    split: str | None
    """The source's own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every entry goes, in the order of the entries."""

    splits: tuple[str, ...]
    groups: tuple[str, ...]
    """The final group: several that copies link have become one."""
    folds: tuple[int, ...]
    """0..K-1 for what is in train or val, -1 for test; empty where no folds were asked for."""
    notes: tuple[str, ...]


def plan_splits(
    entries: Sequence[Entry],
    copies: Sequence[tuple[int, int]],
    *,
    shares: tuple[float, float, float] | None,
    folds: int,
    seed: int,
    names: Sequence[str] = (),
) -> Plan:
    """Deal the groups out, or keep the source's own splits where `shares` is None and it has any.

    A source's own split is kept but where it leaks: a group with images in several of its splits goes to train as a
    whole. Val and test then hold fewer images, and none that training has seen; moved the other way, they would hold
    images that no published figure was measured on.
    """
    _check(entries, shares, folds, seed)
    names = names or [str(index) for index in range(len(entries[0].counts))]
    member, groups, notes = _join(entries, copies)
    bunches = gather([entry.counts for entry in entries], member, len(groups))
    if shares is None and any(entry.split for entry in entries):
        placed, found = _keep(entries, member, bunches, groups, seed)
        notes += found
    else:
        placed = _deal_splits(bunches, shares or DEFAULT_SHARES, seed)
    notes += _absences(bunches, placed, names)
    return Plan(
        tuple(SPLITS[placed[group]] for group in member),
        tuple(groups[group] for group in member),
        _fold(bunches, placed, member, folds, seed),
        tuple(notes),
    )


def table(plan: Plan, entries: Sequence[Entry], names: Sequence[str]) -> str:
    """What went where: images, groups and instances per class of each split."""
    everywhere = np.array([entry.counts for entry in entries], np.int64).reshape(len(entries), len(names)).sum(0)
    kept, absent = shorten_classes(everywhere.tolist())
    rows = [["", "images", "groups", *(names[class_id] for class_id in kept)]]
    for split in SPLITS:
        mine = [index for index, one in enumerate(plan.splits) if one == split]
        counts = np.array([entries[index].counts for index in mine], np.int64).reshape(len(mine), len(names)).sum(0)
        numbers = [len(mine), len({plan.groups[index] for index in mine}), *counts[kept].tolist()]
        rows.append([split, *(f"{number:,}" for number in numbers)])
    if len(kept) > 10:
        rows = [list(column) for column in zip(*rows, strict=True)]
    return align(rows) + absent


def _check(entries: Sequence[Entry], shares: tuple[float, float, float] | None, folds: int, seed: int) -> None:
    if not entries:
        raise UsageError("there are no images to split")
    if folds == 1 or folds < 0:
        raise UsageError(f"--folds {folds}: cross-validation needs at least 2 folds")
    if seed < 0:
        raise UsageError(f"--seed {seed}: must be 0 or more")
    if shares and not (all(share >= 0 for share in shares) and abs(sum(shares) - 1) < 1e-6):
        raise UsageError(
            f"--split {write_shares(shares)}: the shares of train, val and test must be 0 or more and sum to 1"
        )


def _join(entries: Sequence[Entry], copies: Sequence[tuple[int, int]]) -> tuple[list[int], list[str], list[str]]:
    """The group of each entry, the names of the groups, and what copies changed."""
    names = [entry.stem if entry.group is None else entry.group for entry in entries]
    index: dict[str, int] = {}
    own = [index.setdefault(name, len(index)) for name in names]
    links = Links(len(index), ((own[one], own[other]) for one, other in copies))
    roots = [links.root(group) for group in own]
    number = {root: at for at, root in enumerate(sorted(set(roots)))}
    found = list(index)
    notes = [f"{count(len(copies), 'pair')} of copies kept on one side"] if copies else []
    return [number[root] for root in roots], [found[root] for root in number], notes


def _deal_splits(bunches: Sequence[Bunch], shares: tuple[float, float, float], seed: int) -> list[int]:
    asked = [SPLITS[side] for side, share in enumerate(shares) if share > 0]
    if len(bunches) < len(asked):
        images = sum(bunch.images for bunch in bunches)
        has = count(len(bunches), "group") + (f" (of {images:,} images)" if images > len(bunches) else "")
        instead = ".8,.2,0" if len(bunches) == 2 else "1,0,0"
        raise TooFewGroups(f"{has} cannot fill {enumerate_words(asked)}; use --split {instead} or add images")
    return deal(bunches, shares, seed=seed, first=TRAIN if shares[TRAIN] else None)


def _keep(
    entries: Sequence[Entry], member: Sequence[int], bunches: Sequence[Bunch], groups: Sequence[str], seed: int
) -> tuple[list[int], list[str]]:
    """The source's own splits, mended where they leak or where one is missing."""
    sides: list[set[str]] = [set() for _ in bunches]
    for entry, group in zip(entries, member, strict=True):
        if entry.split:
            sides[group].add(entry.split)
    present = [split for split in SPLITS if any(split in side for side in sides)]
    if SPLITS[TRAIN] not in present or len(present) == 1:
        note = f"the source has {enumerate_words(present)} only: split anew by {write_shares(DEFAULT_SHARES)}"
        return _deal_splits(bunches, DEFAULT_SHARES, seed), [note]
    placed = [SPLITS.index(min(side)) if len(side) == 1 else TRAIN for side in sides]
    notes = _say_moves(entries, member, groups, sides)
    gone = [split for split in present if SPLITS.index(split) not in placed]
    if gone:
        raise TooFewGroups(
            f"the source's own split leaks: every group of {enumerate_words(gone)} has images elsewhere too; "
            f"use --split {write_shares(DEFAULT_SHARES)} to split anew"
        )
    if SPLITS[VAL] not in present:
        notes.append(_cut_val(bunches, placed, seed))
    elif SPLITS[TEST] not in present:
        again = f"use --split {write_shares(DEFAULT_SHARES)} to split anew"
        notes.append(f"the source has no test split, and none was made; {again}")
    return placed, notes


def _say_moves(
    entries: Sequence[Entry], member: Sequence[int], groups: Sequence[str], sides: Sequence[set[str]]
) -> list[str]:
    notes = []
    homeless = sum(not entry.split for entry in entries)
    if homeless:
        notes.append(
            f"{count(homeless, 'image')} without a split of the source: put where their group is, else to train"
        )
    leaks = [group for group, side in enumerate(sides) if len(side) > 1]
    if leaks:
        moved = sum(
            len(sides[group]) > 1 and entry.split in (SPLITS[VAL], SPLITS[TEST])
            for entry, group in zip(entries, member, strict=True)
        )
        which = ", ".join(groups[group] for group in leaks[:3]) + (", ..." if len(leaks) > 3 else "")
        notes.append(
            f"the source's own split leaks: {count(len(leaks), 'group')} in several splits ({which}); "
            f"{count(moved, 'image')} of val and test moved to train"
        )
    return notes


def _cut_val(bunches: Sequence[Bunch], placed: list[int], seed: int) -> str:
    mine = [group for group, side in enumerate(placed) if side == TRAIN]
    train, val, _ = DEFAULT_SHARES
    dealt = _deal_splits([bunches[group] for group in mine], (train / (train + val), val / (train + val), 0.0), seed)
    for group, side in zip(mine, dealt, strict=True):
        placed[group] = side
    return f"the source has no val split: {dealt.count(VAL):,} of the {len(mine):,} groups of train became val"


def _absences(bunches: Sequence[Bunch], placed: Sequence[int], names: Sequence[str]) -> list[str]:
    """A sentence for each class that does not reach every split that has images."""
    filled = sorted(set(placed))
    reached: dict[int, set[int]] = {}
    holders = Counter[int]()
    for bunch, side in zip(bunches, placed, strict=True):
        for kind, _ in bunch.counts:
            reached.setdefault(kind, set()).add(side)
            holders[kind] += 1
    notes = []
    for kind in sorted(reached):
        lacking = [SPLITS[side] for side in filled if side not in reached[kind]]
        if not lacking:
            continue
        if holders[kind] < len(filled):
            notes.append(
                f"class '{names[kind]}' occurs in {count(holders[kind], 'group')} only: it cannot reach all of "
                f"{enumerate_words([SPLITS[side] for side in filled])}; it is not in {enumerate_words(lacking)}"
            )
        else:
            notes.append(f"class '{names[kind]}' is not in {enumerate_words(lacking)}")
    return notes


def _fold(
    bunches: Sequence[Bunch], placed: Sequence[int], member: Sequence[int], folds: int, seed: int
) -> tuple[int, ...]:
    if not folds:
        return ()
    mine = [group for group, side in enumerate(placed) if side != TEST]
    if len(mine) < folds:
        raise UsageError(
            f"--folds {folds}: train and val hold {len(mine)} groups only; ask for fewer folds or add images"
        )
    dealt = deal([bunches[group] for group in mine], [1 / folds] * folds, seed=seed)
    fold = dict(zip(mine, dealt, strict=True))
    return tuple(fold.get(group, -1) for group in member)
