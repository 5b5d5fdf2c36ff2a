"""Instances of rare classes pasted into copies of other training tiles, until each class has as many as asked for."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seepseg import instances
from seepseg.dataset.layout import Dataset
from seepseg.errors import DatasetError, UsageError
from seepseg.raster import read_pixels
from seepseg.train.derive import Tile
from seepseg.train.ground import Ground
from seepseg.train.pastes import Paste, PlannedTile, count_objects, deal_pastes
from seepseg.train.patches import cut_patch, turn_patch
from seepseg.train.seam import Seam, choose_seam
from seepseg.train.stock import own_instances, read_stock
from seepseg.values import Instance, LabelledImage
from seepseg.workers import in_order

MEASURED = 48
"""Tiles that the seam is chosen from."""


@dataclass(frozen=True, slots=True)
class PastePlan:
    """What will be pasted; `paint_pastes` does exactly this."""

    names: tuple[str, ...]
    target: int
    seam: Seam
    tiles: tuple[PlannedTile, ...]
    before: tuple[int, ...]
    """Instances per class of the training split."""
    pasted: tuple[int, ...]
    after: tuple[int, ...]
    """With what is pasted, and with what the copied tiles hold themselves."""
    notes: tuple[str, ...]
    """Which classes miss the target, by how much and why."""


def plan_pastes(dataset: Dataset, *, target: int, seed: int = 0, most_per_tile: int = 3) -> PastePlan:
    """Decide every paste: a class below `target` reaches it exactly, or a note says by how much it falls short and
    why. Only the training split is read."""
    if target < 1 or most_per_tile < 1:
        raise UsageError(
            f"pasting up to {target} instances, at most {most_per_tile} a tile: both must be whole numbers from 1 on"
        )
    stock, classes = read_stock(dataset), len(dataset.names)
    sample = np.unique(np.linspace(0, len(stock) - 1, MEASURED).astype(int)).tolist()
    seam = choose_seam([read_pixels(stock[index].image) for index in sample])
    plan = deal_pastes(stock, classes, target=target, most_per_tile=most_per_tile, seam=seam, seed=seed)
    before = count_objects(stock, classes)
    copied = count_objects([tile.receiver for tile in plan.tiles], classes)
    pasted = np.bincount([one.class_id for tile in plan.tiles for one in tile.pastes], minlength=classes)
    after = before + pasted + copied
    notes = tuple(
        f"{dataset.names[class_id]}: pasting reaches {target - missing:,} of {target:,} instances: {why}"
        for class_id, (missing, why) in plan.short.items()
    )
    return PastePlan(dataset.names, target, seam, plan.tiles, _whole(before), _whole(pasted), _whole(after), notes)


def paint_pastes(plan: PastePlan, *, workers: int = 1) -> Iterator[Tile]:
    """The planned tiles in order, the same whatever the number of workers; a few at a time are in memory."""
    with closing(in_order(partial(_paint, plan.seam, plan.names), plan.tiles, workers)) as tiles:
        yield from tiles


def _whole(counts: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(counts.tolist())


def _paint(seam: Seam, names: tuple[str, ...], planned: PlannedTile) -> Tile:
    receiver = planned.receiver
    ground = Ground(receiver, seam)
    found = own_instances(receiver) + tuple(_lay_again(ground, paste, seam) for paste in planned.pastes)
    truth = LabelledImage(receiver.width, receiver.height, found, receiver.ignore)
    origin = {
        "source": receiver.place,
        "group": receiver.group,
        "seam": seam.kind,
        "power": seam.power,
        "pasted": [_describe(paste, names) for paste in planned.pastes],
    }
    return Tile(planned.stem, ground.pixels, truth, origin)


def _lay_again(ground: Ground, paste: Paste, seam: Seam) -> Instance:
    patch = turn_patch(cut_patch(paste.donor, paste.index, seam), paste.turn)
    mask = None if patch is None else ground.lay(patch, paste.x, paste.y)
    one = None if mask is None else instances.from_bitmap(mask, paste.class_id)
    if one is None:
        raise DatasetError(f"{paste.donor.image}: changed while its objects were pasted; start again")
    return one


def _describe(paste: Paste, names: tuple[str, ...]) -> dict[str, object]:
    return {
        "class": names[paste.class_id],
        "from": paste.donor.place,
        "object": paste.index,
        "degrees": paste.turn.degrees,
        "flipped": paste.turn.flipped,
        "scale": paste.turn.scale,
    }
