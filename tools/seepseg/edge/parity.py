"""Whether an exported model gives the answer of the .pt that it was made of, whoever runs it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.edge.counterparts import MOST_SCORE, Matched, match
from seepseg.edge.runners import Runner, Seen
from seepseg.outputs.cutting import cut_to_limits
from seepseg.outputs.verdict import Verdict
from seepseg.predict.decode import is_own
from seepseg.predict.network import Outputs
from seepseg.predict.resize import Pixels

BATCH = 16
"""Images whose answers are held at once."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Differences."""

    most: float
    mean: float


@dataclass(frozen=True, slots=True)
class Parity:
    """One model, as one program runs it, beside the .pt, over all images."""

    engine: str
    runtime: str
    """predict, edge or c++."""
    precision: str
    images: int
    instances: int
    """That the .pt finds."""
    differing: int
    """That only one of both has, or has otherwise."""
    verdicts: int
    """Images that hold something to the one and nothing to the other."""
    raw: Spread | None
    """Of raw outputs: boxes in pixels, scores, coefficients and prototypes. None where the program keeps them, and
    where they are instances already."""
    raw_score: float | None
    """The largest among them of a score, of a probability for a semantic model."""
    box_px: Spread
    """Of the instances that both have: edges of boxes, and below, scores and masks."""
    score: Spread
    least_iou: float
    ms: float | None
    """An image, from pixels to instances; the median."""

    @property
    def equal(self) -> bool:
        """What an export in 32 bits has to be."""
        scores = max(self.raw_score or 0.0, self.score.most)
        return self.differing == 0 and self.verdicts == 0 and scores <= MOST_SCORE

    def as_json(self) -> dict[str, Any]:
        """For the bundle and for programs."""
        return asdict(self) | {"equal": self.equal}


@dataclass(slots=True)
class _Tally:
    """What is kept of the images so far: numbers."""

    instances: int = 0
    differing: int = 0
    verdicts: int = 0
    raw_most: float = 0.0
    raw_sum: float = 0.0
    raw_count: int = 0
    raw_score: float = 0.0
    boxes: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    least_iou: float = 1.0
    ms: list[float] = field(default_factory=list)


def compare(reference: Runner, others: Sequence[Runner], images: Iterable[Pixels]) -> list[Parity]:
    """A batch at a time; the first image goes through each once before the clock counts."""
    tallies = [_Tally() for _ in others]
    count = 0
    left = iter(images)
    while some := list(islice(left, BATCH)):
        expected = reference.see(some)
        for other, tally in zip(others, tallies, strict=True):
            if not count:
                other.see(some[:1])
            for one, found in zip(expected, other.see(some), strict=True):
                _add(tally, one, found, other.limits)
        count += len(some)
    return [_parity(other, tally, count) for other, tally in zip(others, tallies, strict=True)]


def _add(tally: _Tally, expected: Seen, found: Seen, limits: Sequence[float]) -> None:
    before, after = (cut_to_limits(seen.answer.prediction, limits) for seen in (expected, found))
    _add_instances(tally, match(before, after, limits))
    tally.instances += len(before.detections)
    tally.verdicts += _disagree(expected.answer.verdict, found.answer.verdict)
    if found.outputs is not None and expected.outputs is not None and not is_own(*expected.outputs):
        _add_raw(tally, expected.outputs, found.outputs, classes=len(expected.answer.verdict.classes))
    if found.ms is not None:
        tally.ms.append(found.ms)


def _add_instances(tally: _Tally, matched: Matched) -> None:
    tally.differing += matched.differing
    tally.boxes += [pair.box_px for pair in matched.pairs]
    tally.scores += [pair.score for pair in matched.pairs]
    tally.least_iou = min([tally.least_iou, *(pair.iou for pair in matched.pairs)])


def _disagree(one: Verdict, other: Verdict) -> bool:
    """Two scores that lie as good as at the threshold may fall on either side."""
    return one.present != other.present and abs(one.score - other.score) > MOST_SCORE


def _add_raw(tally: _Tally, one: Outputs, other: Outputs, classes: int) -> None:
    if [each.shape for each in one] != [each.shape for each in other]:
        tally.raw_most = tally.raw_sum = tally.raw_score = np.inf
        return
    for a, b in zip(one, other, strict=True):
        difference = np.abs(a - b)
        tally.raw_most = max(tally.raw_most, _largest(difference))
        tally.raw_sum += float(difference.sum(dtype=np.float64))
        tally.raw_count += difference.size
    heads = [_probabilities(each[0]) if len(each) == 1 else each[0][4 : 4 + classes] for each in (one, other)]
    tally.raw_score = max(tally.raw_score, _largest(np.abs(heads[0] - heads[1])))


def _largest(difference: NDArray[Any]) -> float:
    """Infinite where there is no number."""
    largest = float(difference.max(initial=0))
    return largest if np.isfinite(largest) else np.inf


def _probabilities(logits: NDArray[Any]) -> NDArray[Any]:
    """Of a semantic head or a classifier, which have no other output than their logits."""
    if len(logits) == 1 or logits.ndim == 1:
        return (1 + np.tanh(logits / 2)) / 2
    raised = np.exp(logits - logits.max(axis=0))
    return np.asarray(raised / raised.sum(axis=0))


def _parity(runner: Runner, tally: _Tally, images: int) -> Parity:
    told = tally.raw_count > 0 or tally.raw_most > 0
    mean = tally.raw_sum / max(tally.raw_count, 1)
    return Parity(
        runner.engine,
        runner.runtime,
        runner.precision,
        images,
        tally.instances,
        tally.differing,
        tally.verdicts,
        Spread(tally.raw_most, mean if np.isfinite(mean) else np.inf) if told else None,
        tally.raw_score if told else None,
        _spread(tally.boxes),
        _spread(tally.scores),
        tally.least_iou,
        round(median(tally.ms), 2) if tally.ms else None,
    )


def _spread(differences: Sequence[float]) -> Spread:
    return Spread(max(differences, default=0.0), sum(differences) / max(len(differences), 1))
