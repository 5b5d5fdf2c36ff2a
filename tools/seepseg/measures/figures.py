"""Figures by name, each once or once for every replicate of a bootstrap; undefined ones are NaN here, null in JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Figures = dict[tuple[str, ...], Floats]
"""Where a figure stands in metrics.json → its value under each row of weights, (replicates,)."""


def weigh(weights: Floats | None, images: int) -> Floats:
    """(replicates, images): the weights as they are, or one row of ones."""
    return np.ones((1, images)) if weights is None else np.asarray(weights, np.float64)


def ratio(part: ArrayLike, whole: ArrayLike) -> Floats:
    """Part by whole; NaN where the whole is nothing."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    share: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share


def mean_defined(values: Floats) -> Floats:
    """The mean over the last axis of what is defined; NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))


def mean_over_images(values: Floats, weights: Floats) -> Floats:
    """The weighted mean over the images that have a value."""
    defined = ~np.isnan(values)
    return ratio(weights @ np.where(defined, values, 0), weights @ defined.astype(np.float64))


def tree(figures: Figures) -> dict[str, Any]:
    """As metrics.json has them: nested, the first row of weights, null where undefined."""
    root: dict[str, Any] = {}
    for path, values in figures.items():
        place = root
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = plain(values[0])
    return root


def plain(value: float) -> float | None:
    """A number for JSON."""
    return None if np.isnan(value) else float(value)


def flatten(intervals: Mapping[tuple[str, ...], tuple[float, float]]) -> dict[str, list[float]]:
    """As `ci95` has them: dotted names."""
    return {".".join(path): [low, high] for path, (low, high) in intervals.items()}
