"""Masks steadied over time: what most frames around say, moved along with the drift."""

from collections.abc import Sequence

import numpy as np

from seepseg.crops import area_of, centre_of, move, vote
from seepseg.predict.masks import Crop

SMOOTH = 5
"""Frames that have a say in a mask: the frame itself and as many before as after."""

STILL = 0.75
"""Pixels a frame: a slower drift is lost in the raggedness of the masks, and following it costs more than it gives."""


def steady(views: Sequence[Crop | None]) -> Crop:
    """The mask of the frame in the middle, by the majority of all that have one; they follow each other in time.

    None is where the slick was not found. Where the middle has none, the nearest one, the earlier of two, comes twice.
    """
    middle = len(views) // 2
    seen = [(at - middle, view) for at, view in enumerate(views) if view is not None and area_of(view)]
    if not seen:
        return np.zeros((0, 0), np.uint8), 0, 0
    across, down = drift_of(seen)
    moved = [move(view, round(-across * offset), round(-down * offset)) for offset, view in seen]
    nearest = min(range(len(seen)), key=lambda index: (abs(seen[index][0]), seen[index][0]))
    weights = [1.0 + (index == nearest) for index in range(len(seen))]
    return vote(list(zip(moved, weights, strict=True)), least=sum(weights) / 2)


def drift_of(seen: Sequence[tuple[int, Crop]]) -> tuple[float, float]:
    """Pixels a frame along x and y, by a line through the centres of masks at these times; 0 where it is slow."""
    centres = [centre_of(view) for _, view in seen]
    points = [(at, *centre) for (at, _), centre in zip(seen, centres, strict=True) if centre]
    if len(points) < 2:
        return 0.0, 0.0
    times, *places = np.array(points, np.float64).T
    times = times - times.mean()
    across, down = (float(times @ along / (times @ times)) for along in places)
    return (across, down) if np.hypot(across, down) >= STILL else (0.0, 0.0)
