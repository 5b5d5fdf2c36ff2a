"""Which scenes there are, which tiles are cut from each, and how many seeps of each class each holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seepseg.values import Window

SKEW = (787, 150, 75, 60, 297, 332, 50)
"""Instances of each class in SEEP's training tiles, by its users' count."""
SKEW_TILES = 790
TILES_PER_SCENE = (8, 20)
EMPTY = 0.08
"""Share of tiles that no seep may reach; chance leaves a few more without one."""
SWATH = 16
"""Tiles side by side in a whole scene: what a tile's number counts along."""
DASHES = 4
ROW = 5
"""Dashes in a row, on average: they come to a scene together."""


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """One scene; its random numbers come from its own seed, whoever draws them."""

    number: int
    seed: tuple[int, ...]
    rows: int
    columns: int
    tiles: tuple[tuple[int, int, int], ...]
    """Row, column and number of each tile that is written."""
    empty: tuple[tuple[int, int], ...]
    """Row and column of those that hold no seep."""
    quota: tuple[int, ...]

    @property
    def name(self) -> str:
        """The first half of its tiles' names."""
        return f"{self.number:06d}"

    def window(self, row: int, column: int, size: int) -> Window:
        """Where a tile lies in the scene."""
        return Window(column * size, row * size, size, size)


def instances_wanted(tiles: float) -> tuple[int, ...]:
    """How many of each class so many tiles hold: each at least once from 40 tiles on."""
    least = 1 if tiles >= 40 else 0
    return tuple(max(least, round(count * tiles / SKEW_TILES)) for count in SKEW)


def plan_tiles(count: int, seed: int) -> tuple[ScenePlan, ...]:
    """Scenes of 8 to 20 tiles, `count` tiles in all."""
    rng = np.random.default_rng([seed, 0])
    sizes = list(_scene_sizes(rng, count))
    numbers = sorted(rng.choice(np.arange(20_000, 60_000), len(sizes), replace=False).tolist())
    quotas = _deal(rng, instances_wanted(count), sizes)
    return tuple(
        _scene(rng, number, (seed, 1, index), size, quota)
        for index, (number, size, quota) in enumerate(zip(numbers, sizes, quotas, strict=True))
    )


def _scene_sizes(rng: np.random.Generator, count: int) -> Iterator[int]:
    least, most = TILES_PER_SCENE
    while count > most + least:
        size = int(rng.integers(least, most + 1))
        yield size
        count -= size
    if count > most:
        yield count // 2
        count -= count // 2
    yield count


def _scene(
    rng: np.random.Generator, number: int, seed: tuple[int, ...], size: int, quota: NDArray[np.int64]
) -> ScenePlan:
    columns = int(np.ceil(np.sqrt(size)))
    rows = -(-size // columns)
    places = np.sort(rng.choice(rows * columns, size, replace=False))
    top, left = int(rng.integers(1, 20)), int(rng.integers(0, SWATH - columns))
    tiles = tuple(
        (row, column, (top + row) * SWATH + left + column)
        for row, column in (divmod(int(place), columns) for place in places)
    )
    most_empty = size - 1 if quota.any() else size
    empty = rng.choice(size, min(int(rng.binomial(size, EMPTY)), most_empty), replace=False)
    holes = tuple(tiles[index][:2] for index in sorted(empty.tolist()))
    return ScenePlan(number, seed, rows, columns, tiles, holes, tuple(quota.tolist()))


def _deal(rng: np.random.Generator, totals: Sequence[int], sizes: Sequence[int]) -> NDArray[np.int64]:
    """Instances of each class over the scenes, unevenly: a class belongs to some waters more than to others."""
    quotas = np.zeros((len(sizes), len(totals)), np.int64)
    for class_id, total in enumerate(totals):
        liking = rng.gamma(2, size=len(sizes)) * np.array(sizes)
        together = ROW if class_id == DASHES else 1
        units, rest = divmod(total, together)
        if units:
            quotas[:, class_id] = together * rng.multinomial(units, liking / liking.sum())
        quotas[int(np.argmax(quotas[:, class_id])), class_id] += rest
    return quotas
