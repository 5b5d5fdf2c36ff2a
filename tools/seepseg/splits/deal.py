"""Groups dealt out to splits or folds: whole, and so that each gets its share of every class and of the images.

Rarest class first, each group goes where it brings the squared errors of the shares lowest. Where a class has only
just enough groups left to reach every side, they go to the sides that it has not reached.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_IMAGES = -1
"""Images are counted like a class that every group has."""


@dataclass(frozen=True, slots=True)
class Bunch:
    """One group."""

    everything: tuple[tuple[int, int], ...]
    """(kind, number): first the images, then the instances of each class that the group has."""

    @property
    def images(self) -> int:
        """How many."""
        return self.everything[0][1]

    @property
    def counts(self) -> tuple[tuple[int, int], ...]:
        """(class, instances), without zeros."""
        return self.everything[1:]


def gather(counts: Sequence[Sequence[int]], member: Sequence[int], groups: int) -> list[Bunch]:
    """The groups, from the instances per class of each image and the group that it is a member of."""
    sums: list[dict[int, int]] = [{_IMAGES: 0} for _ in range(groups)]
    for numbers, group in zip(counts, member, strict=True):
        sums[group][_IMAGES] += 1
        for kind, number in enumerate(numbers):
            if number:
                sums[group][kind] = sums[group].get(kind, 0) + number
    return [Bunch(tuple(sorted(one.items()))) for one in sums]


class _Sides:
    """What each side holds so far."""

    def __init__(self, bunches: Sequence[Bunch], shares: Sequence[float], first: int | None) -> None:
        self.shares = shares
        self.open = [side for side, share in enumerate(shares) if share > 0]
        self.first = first
        self.holders = Counter(kind for bunch in bunches for kind, _ in bunch.everything)
        self.left = dict(self.holders)
        total: Counter[int] = Counter()
        for bunch in bunches:
            for kind, number in bunch.everything:
                total[kind] += number
        self.weight = {kind: 1 / number**2 for kind, number in total.items()}
        self.load = {kind: [0] * len(shares) for kind in total}
        self.groups = {kind: [0] * len(shares) for kind in total}

    def cost(self, bunch: Bunch, side: int) -> float:
        """By how much the squared errors grow."""
        growth = 0.0
        for kind, number in bunch.everything:
            growth += self.weight[kind] * number * (2 * self.load[kind][side] + number)
        return growth / self.shares[side]

    def needs(self, bunch: Bunch) -> list[int]:
        """How badly each open side lacks what the group has and too few other groups could still bring."""
        urgency = [0] * len(self.shares)
        for kind, _ in bunch.everything:
            if self.left[kind] <= len(self.open) and self.left[kind] <= self.lacking(kind):
                for side in self.open:
                    if not self.groups[kind][side]:
                        urgency[side] += 1000 if kind == _IMAGES else 100 if side == self.first else 1
        return [urgency[side] for side in self.open]

    def lacking(self, kind: int) -> int:
        """How many more sides this class should reach."""
        reached = sum(map(bool, self.groups[kind]))
        return min(self.holders[kind], len(self.open)) - reached

    def put(self, bunch: Bunch, side: int, sign: int = 1) -> None:
        """Add a group to a side, or take it away."""
        for kind, number in bunch.everything:
            self.load[kind][side] += sign * number
            self.groups[kind][side] += sign


def deal(bunches: Sequence[Bunch], shares: Sequence[float], *, seed: int, first: int | None = None) -> list[int]:
    """The side of each group; a side with share 0 stays empty, and side `first` gets every class where one can.

    There must be at least as many groups as sides.
    """
    sides = _Sides(bunches, shares, first)
    placed = [0] * len(bunches)
    for index in _order(bunches, sides.holders, seed):
        bunch = bunches[index]
        needs = sides.needs(bunch)
        best = max(needs)
        candidates = [side for side, need in zip(sides.open, needs, strict=True) if need == best]
        placed[index] = min(candidates, key=lambda side: sides.cost(bunch, side))
        sides.put(bunch, placed[index])
        for kind, _ in bunch.everything:
            sides.left[kind] -= 1
    _mend(bunches, placed, sides)
    return placed


def _order(bunches: Sequence[Bunch], holders: Counter[int], seed: int) -> list[int]:
    """Groups of the rarest class first, of these the largest; by chance among those of about one size."""
    chance = np.random.default_rng(seed).permutation(len(bunches)).tolist()
    keys = []
    for bunch, draw in zip(bunches, chance, strict=True):
        groups, rarest, number = min(
            ((holders[kind], kind, number) for kind, number in bunch.counts), default=(0, -1, 0)
        )
        keys.append((not bunch.counts, groups, rarest, -max(number, bunch.images).bit_length(), draw))
    return sorted(range(len(bunches)), key=keys.__getitem__)


def _mend(bunches: Sequence[Bunch], placed: list[int], sides: _Sides) -> None:
    """Move groups to sides that a class could reach and has not, where that takes no other class from a side."""
    short = {kind for kind in sides.holders if kind != _IMAGES and _missing(sides, kind)}
    if not short:
        return
    having: dict[int, list[int]] = {kind: [] for kind in short}
    for index, bunch in enumerate(bunches):
        for kind, _ in bunch.counts:
            if kind in short:
                having[kind].append(index)
    for kind in sorted(short, key=lambda one: (sides.holders[one], one)):
        for side in _missing(sides, kind):
            forced = side == sides.first
            movable = [
                index for index in having[kind] if _can_leave(bunches[index], placed[index], kind, sides, forced)
            ]
            if movable:
                index = min(movable, key=lambda one: (sides.cost(bunches[one], side), one))
                sides.put(bunches[index], placed[index], -1)
                sides.put(bunches[index], side)
                placed[index] = side


def _missing(sides: _Sides, kind: int) -> list[int]:
    """Sides that this class has not reached though it has the groups for it."""
    empty = [side for side in sides.open if not sides.groups[kind][side]]
    if sides.holders[kind] >= len(sides.open):
        return empty
    return [side for side in empty if side == sides.first]


def _can_leave(bunch: Bunch, side: int, kind: int, sides: _Sides, forced: bool) -> bool:
    """Whether a side keeps an image, and every class, without this group; forced, another side may lose classes."""
    if sides.groups[_IMAGES][side] < 2:
        return False
    return forced or all(sides.groups[one][side] > 1 for one, _ in bunch.counts)
