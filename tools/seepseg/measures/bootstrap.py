"""How sure a figure is: bootstrap over images, or over groups of images where a group is drawn as a whole.

A drawing is a row of counts, how often each image is in it; figures are computed under such rows by matrix products.
The intervals are expanded percentiles: a bootstrap of n units is too narrow by sqrt((n - 1) / n) and takes the normal
where Student's t belongs, which matters where groups are few. Thresholds stay as they are in every replicate.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from seepseg.measures.figures import Figures, Floats, weigh

Drawn = NDArray[np.int32]
Measure = Callable[[Floats], Figures]
"""From rows of weights, (replicates, images), to figures."""
_ROWS = 100
_ROUNDING = 1e-9
_DEFINED = 0.5
"""A figure that fewer replicates than this share define has no interval."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher the second model's figure is than the first's."""

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    """Two-sided: how often a difference at least as far from zero comes by chance."""


def resample(groups: Sequence[str] | None, images: int, replicates: int = 1000, seed: int = 0) -> Drawn:
    """(replicates, images): how often each image is drawn, as many groups (or images) as there are."""
    member, count = _members(groups, images)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=replicates)
    return drawn.astype(np.int32)[:, member]


def count_units(groups: Sequence[str] | None, images: int) -> int:
    """How many things a drawing draws: groups, or images where there are none."""
    return _members(groups, images)[1]


def interval(values: Floats, units: int, level: float = 0.95) -> tuple[float, float] | None:
    """Within which the true value lies with this confidence; None where too few replicates define the figure, or
    there is one unit only."""
    defined = values[~np.isnan(values)]
    if units < 2 or len(defined) < max(2, _DEFINED * len(values)):
        return None
    tail = _expanded_tail(units, level)
    low, high = np.quantile(defined, [tail, 1 - tail]).tolist()
    return low, high


def bounded_interval(values: Floats, units: int, holding: int, level: float = 0.95) -> tuple[float, float] | None:
    """Of a figure from 0 to 1. Where it is 1, or 0, in every replicate, a bootstrap can't see that another drawing
    would bring an image that differs: 20 of 20 right would be sure to the last digit. There the bound is Clopper and
    Pearson's, for a share of `holding` units that are all alike: those of the units that the figure speaks of."""
    ends = interval(values, units, level)
    if ends is None or holding < 1 or (ends[1] > _ROUNDING and ends[0] < 1 - _ROUNDING):
        return ends
    least = float(((1 - level) / 2) ** (1 / holding))
    return (0.0, 1 - least) if ends[1] <= _ROUNDING else (least, 1.0)


def paired_differences(
    first: Measure, second: Measure, drawn: Drawn, units: int, level: float = 0.95
) -> dict[tuple[str, ...], Difference]:
    """Second minus first, of every figure that both have, both measured on the same drawings of the same images."""
    one, other = _replicate(first, drawn), _replicate(second, drawn)
    plain = weigh(None, drawn.shape[1])
    one_now, other_now = first(plain), second(plain)
    found = {}
    for path in one.keys() & other.keys():
        apart = other[path] - one[path]
        ends = interval(apart, units, level)
        if ends is not None and not np.isnan(other_now[path][0] - one_now[path][0]):
            values = float(one_now[path][0]), float(other_now[path][0])
            found[path] = Difference(*values, values[1] - values[0], *ends, _chance(apart, units))
    return {path: found[path] for path in one if path in found}


def _members(groups: Sequence[str] | None, images: int) -> tuple[NDArray[np.intp], int]:
    if groups is None:
        return np.arange(images), images
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    return member, len(names)


def _expanded_tail(units: int, level: float) -> float:
    return float(special.ndtr(_widening(units) * special.stdtrit(units - 1, (1 - level) / 2)))


def _widening(units: int) -> float:
    return float(np.sqrt(units / (units - 1)))


def _replicate(measure: Measure, drawn: Drawn) -> Figures:
    parts = [measure(rows) for rows in _chunks(drawn)]
    return {path: np.concatenate([part[path] for part in parts]) for path in parts[0]}


def _chunks(drawn: Drawn) -> Iterator[Floats]:
    """A few rows at a time: memory stays level."""
    for start in range(0, len(drawn), _ROWS):
        yield drawn[start : start + _ROWS].astype(np.float64)


def _chance(apart: Floats, units: int) -> float:
    """1 less the level of the interval that just leaves out zero, so that the two never contradict each other."""
    defined = apart[~np.isnan(apart)]
    side = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    tail = min(0.5, (side + 1) / (len(defined) + 1))
    return float(2 * special.stdtr(units - 1, special.ndtri(tail) / _widening(units)))
