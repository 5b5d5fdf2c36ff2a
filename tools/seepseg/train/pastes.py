"""Which object goes where: tiles with the fewest objects receive first, and the donors of a class take turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, nsmallest

import numpy as np
from numpy.typing import NDArray

from seepseg.train.ground import Ground
from seepseg.train.patches import Patch, Turn, cut_patch, draw_turn, find_free_places, turn_patch
from seepseg.train.seam import Seam
from seepseg.train.stock import StockTile
from seepseg.values import Bitmap

DONORS, TURNS, PLACES = 3, 3, 4
"""Donors of a class that are tried on a tile, turns of each, and places of each turn."""
CHANCES = 3
"""How often a tile may come up without a place before it is left alone."""
PATIENCE = 300
"""Tiles in a row without a place after which a class is given up."""


@dataclass(frozen=True, slots=True)
class Paste:
    """One object, where it comes from and where it goes."""

    donor: StockTile
    index: int
    turn: Turn
    x: int
    y: int
    """The corner of the turned patch on the receiver."""

    @property
    def class_id(self) -> int:
        """That of the object."""
        return self.donor.objects[self.index][0]


@dataclass(frozen=True, slots=True)
class PlannedTile:
    """A copy to be made of a training tile."""

    stem: str
    receiver: StockTile
    pastes: tuple[Paste, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The copies, and what could not be had."""

    tiles: tuple[PlannedTile, ...]
    short: dict[int, tuple[int, str]]
    """By class: instances missing from the target, and why."""


def count_objects(stock: Sequence[StockTile], classes: int) -> NDArray[np.int64]:
    """Instances per class."""
    return np.bincount([class_id for tile in stock for class_id, _ in tile.objects], minlength=classes)


def deal_pastes(
    stock: Sequence[StockTile], classes: int, *, target: int, most_per_tile: int, seam: Seam, seed: int
) -> Plan:
    """Lay objects on tiles, one after another, until each class has `target` or no tile takes another one."""
    dealer = _Dealer(stock, classes, target, seam, np.random.default_rng(seed))
    dealer.run(most_per_tile)
    short = {class_id: (int(dealer.need[class_id]), why) for class_id, why in dealer.why.items()}
    return Plan(tuple(dealer.tiles), {class_id: one for class_id, one in sorted(short.items()) if one[0]})


@dataclass(slots=True)
class _Donor:
    tile: int
    index: int
    turns_taken: float = 0
    """Pastes so far, and a quarter for each tile that had no place for it: the least is next."""


class _Dealer:
    """What is still needed, while one tile after another receives."""

    def __init__(
        self, stock: Sequence[StockTile], classes: int, target: int, seam: Seam, rng: np.random.Generator
    ) -> None:
        self._stock, self._seam, self._rng = stock, seam, rng
        self._own = [count_objects([tile], classes) for tile in stock]
        before = np.sum(self._own, axis=0)
        self._rare = before < target
        self.need = np.maximum(target - before, 0)
        self._open = self.need > 0
        self._misses = np.zeros(classes, np.int64)
        self._donors = self._line_up(classes)
        self._stems = {tile.stem.casefold() for tile in stock}
        self.tiles: list[PlannedTile] = []
        self.why: dict[int, str] = {}

    def run(self, most_per_tile: int) -> None:
        for class_id in np.flatnonzero(self._open).tolist():
            if not self._donors[class_id]:
                self._give_up(class_id, "the training split holds none to paste")
        order = self._rng.permutation(len(self._stock)).tolist()
        queue = [(int(self._own[index].sum()), rank, 0, index) for rank, index in enumerate(order)]
        heapify(queue)
        while queue and self._open.any():
            cost, rank, misses, index = heappop(queue)
            if not self._may_receive(index):
                continue
            misses = 0 if self._fill(index, int(self._rng.integers(1, most_per_tile + 1))) else misses + 1
            if misses < CHANCES:
                # A tile comes up again only after those with two objects more.
                heappush(queue, (cost + 2, rank, misses, index))
        for class_id in np.flatnonzero(self._open).tolist():
            self._give_up(class_id, "no other training tile has room for one")

    def _line_up(self, classes: int) -> list[list[_Donor]]:
        donors: list[list[_Donor]] = [[] for _ in range(classes)]
        for number, tile in enumerate(self._stock):
            for index, (class_id, _) in enumerate(tile.objects):
                donors[class_id].append(_Donor(number, index))
        for some in donors:
            self._rng.shuffle(some)
        return donors

    def _give_up(self, class_id: int, why: str) -> None:
        self._open[class_id] = False
        self.why[class_id] = why

    def _may_receive(self, index: int) -> bool:
        """Its own objects count too: they must leave something to paste, and take no rare class beyond the target."""
        left = self.need - self._own[index]
        return bool((left[self._rare] >= 0).all() and (left[self._open] > 0).any())

    def _fill(self, index: int, wanted: int) -> bool:
        """Plan a copy of this tile with so many objects or fewer; False where nothing could be laid on it."""
        tile, left = self._stock[index], self.need - self._own[index]
        ground = Ground(tile, self._seam)
        possible = self._open & (left > 0)
        pastes: list[Paste] = []
        while len(pastes) < wanted and possible.any():
            class_id = int(self._rng.choice(len(left), p=np.where(possible, left, 0) / left[possible].sum()))
            paste = self._paste(index, ground, class_id)
            if paste:
                pastes.append(paste)
                left[class_id] -= 1
            possible[class_id] = paste is not None and left[class_id] > 0
            self._misses[class_id] = 0 if paste else self._misses[class_id] + 1
            if self._misses[class_id] >= PATIENCE:
                self._give_up(class_id, f"no room for another one on {PATIENCE:,} training tiles in a row")
        if pastes:
            self.need = np.where(self._rare, left, self.need)
            self._open &= self.need > 0
            self.tiles.append(PlannedTile(self._name(tile), tile, tuple(pastes)))
        return bool(pastes)

    def _paste(self, index: int, ground: Ground, class_id: int) -> Paste | None:
        others = (one for one in self._donors[class_id] if one.tile != index)
        near = ground.near()
        for donor in nsmallest(DONORS, others, key=lambda one: one.turns_taken):
            tile = self._stock[donor.tile]
            laid = _lay_somewhere(ground, near, cut_patch(tile, donor.index, self._seam), self._rng)
            if laid:
                donor.turns_taken += 1
                return Paste(tile, donor.index, *laid)
            donor.turns_taken += 0.25
        return None

    def _name(self, tile: StockTile) -> str:
        number = 0
        while (stem := f"{tile.stem}.paste{number}").casefold() in self._stems:
            number += 1
        self._stems.add(stem.casefold())
        return stem


def _lay_somewhere(
    ground: Ground, near: Bitmap, patch: Patch, rng: np.random.Generator
) -> tuple[Turn, int, int] | None:
    for turns in range(TURNS):
        turn = draw_turn(rng, patch)
        if turns == TURNS - 1:
            # By quarters and at its own size, which breaks nothing however thin.
            turn = Turn(90.0 * round(turn.degrees / 90) % 360, turn.flipped, 1.0)
        turned = turn_patch(patch, turn)
        if turned is None:
            continue
        for x, y in find_free_places(turned, near, rng)[:PLACES]:
            if ground.lay(turned, x, y) is not None:
                return turn, x, y
    return None
