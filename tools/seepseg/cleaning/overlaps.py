"""Where masks overlap: of different classes, who wins; of one class, whether they are one object told twice."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seepseg.crops import NOTHING, area_of, common, overlap
from seepseg.predict.masks import Crop


def settle(crops: Sequence[Crop], class_ids: Sequence[int], keys: Sequence[tuple[float, ...]]) -> list[Crop]:
    """Every pixel goes to the class of the mask with the lowest key that covers it, of equal keys the first; masks of
    one class may still overlap. The crops keep their windows."""
    classes = np.array(class_ids)
    windows = np.array([(x, y, x + m.shape[1], y + m.shape[0]) for m, x, y in crops]).reshape(-1, 4)
    settled = list(crops)
    order = np.array(sorted(range(len(crops)), key=keys.__getitem__), np.intp)
    for place, at in enumerate(order.tolist()):
        before = order[:place]
        rivals = before[(classes[before] != classes[at]) & _meet(windows[before], windows[at])].tolist()
        if rivals:
            # The rivals' masks are what was left to them, so nothing is lost to one that has lost itself.
            settled[at] = _subtract(settled[at], [settled[rival] for rival in rivals])
    return settled


def tell_once(crops: Sequence[Crop], class_ids: Sequence[int], scores: Sequence[float], shared: float) -> list[Crop]:
    """Of masks of one class that share more than `shared` of what both cover, the surest stays; the others are left
    empty. Boxes, by which doubles are left out at first, tell little of thin and ragged things."""
    classes = np.array(class_ids)
    windows = np.array([(x, y, x + m.shape[1], y + m.shape[0]) for m, x, y in crops]).reshape(-1, 4)
    areas = list(map(area_of, crops))
    told = list(crops)
    stays = np.ones(len(crops), bool)
    order = np.array(sorted(range(len(crops)), key=lambda at: -scores[at]), np.intp)
    for place, at in enumerate(order.tolist()):
        before = order[:place]
        for other in before[stays[before] & (classes[before] == classes[at]) & _meet(windows[before], windows[at])]:
            both = common(crops[at], crops[other])
            if both > shared * (areas[at] + areas[other] - both):
                told[at], stays[at] = NOTHING, False
                break
    return told


def _meet(windows: NDArray[np.int64], one: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which windows share a pixel with one."""
    return np.logical_and((windows[:, :2] < one[2:]).all(axis=1), (windows[:, 2:] > one[:2]).all(axis=1))


def _subtract(crop: Crop, others: Sequence[Crop]) -> Crop:
    mask, x, y = crop
    mask = mask.copy()
    for other in others:
        here, there = overlap((mask, x, y), other)
        here[there > 0] = 0
    return mask, x, y
