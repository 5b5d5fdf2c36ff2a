"""Where masks overlap: of different classes, who wins; of one class, whether they are one object."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seepseg.crops import NOTHING, area_of, common, overlap, unite
from seepseg.predict.masks import Crop
from seepseg.splits.links import Links


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


def join(crops: Sequence[Crop], class_ids: Sequence[int], scores: Sequence[float], alike: float) -> list[Crop]:
    """Masks of one class that share more than `alike` of what they cover together, directly or by way of others, are
    one mask, which the surest has; the others are left empty."""
    classes = np.array(class_ids)
    windows = np.array([(x, y, x + m.shape[1], y + m.shape[0]) for m, x, y in crops]).reshape(-1, 4)
    areas = list(map(area_of, crops))
    links = Links(len(crops))
    for at, crop in enumerate(crops):
        for other in np.flatnonzero((classes[:at] == classes[at]) & _meet(windows[:at], windows[at])).tolist():
            both = common(crop, crops[other])
            if both > alike * (areas[at] + areas[other] - both):
                links.join(at, other)
    groups: dict[int, list[int]] = {}
    for at in range(len(crops)):
        groups.setdefault(links.root(at), []).append(at)
    joined = list(crops)
    for members in groups.values():
        if len(members) > 1:
            surest = max(members, key=scores.__getitem__)
            for at in members:
                joined[at] = NOTHING
            joined[surest] = unite([crops[at] for at in members])
    return joined


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
