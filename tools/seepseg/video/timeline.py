"""From what was seen in each frame to what is shown: one object a slick and frame, steadied, short gaps filled."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from seepseg.crops import clip, crop_of, unite
from seepseg.values import Detection
from seepseg.video.frames import Frame
from seepseg.video.smoothing import steady
from seepseg.video.tracking import Sighting

State = Literal["found", "weak", "filled"]


@dataclass(frozen=True, slots=True)
class Slick:
    """One slick in one frame."""

    identity: int
    detection: Detection
    """All its pieces together: the class and confidence of the surest; box and mask as they are shown."""
    state: State
    """weak: not above its class's limit, but on the track of one that was. filled: not found in this frame, but
    shortly before and after it."""


Moment = tuple[Frame, dict[int, Slick]]


def settle(seen: Iterable[tuple[Frame, Sequence[Sighting]]], smooth: int) -> Iterator[tuple[Frame, list[Slick]]]:
    """The same frames in order, half a window later; `smooth` is the window in frames, 1 for masks as they are."""
    half = smooth // 2
    window: deque[Moment | None] = deque([None] * (2 * half + 1), maxlen=2 * half + 1)
    for frame, sightings in seen:
        window.append((frame, _gather(sightings)))
        yield from _middle(window)
    for _ in range(half):
        window.append(None)
        yield from _middle(window)


def _middle(window: Sequence[Moment | None]) -> Iterator[tuple[Frame, list[Slick]]]:
    half = len(window) // 2
    middle = window[half]
    if middle is None:
        return
    frame = middle[0]
    names = dict.fromkeys(name for moment in window if moment for name in moment[1])
    shown = [_show([moment[1].get(name) if moment else None for moment in window], frame) for name in names]
    yield frame, sorted(filter(None, shown), key=lambda slick: slick.identity)


def _show(views: Sequence[Slick | None], frame: Frame) -> Slick | None:
    """One slick in the frame in the middle; None where it is before its first sighting or after its last."""
    half = len(views) // 2
    before = [view for view in views[:half] if view]
    base, state = views[half], None
    if base is None:
        if not before or not any(views[half + 1 :]):
            return None
        base, state = before[-1], "filled"
    if half == 0:
        return base
    mask, x, y = steady([crop_of(view.detection) if view else None for view in views])
    mask, x, y = clip((mask, x, y), frame.pixels.shape[1], frame.pixels.shape[0])
    high, wide = mask.shape
    box = (float(x), float(y), float(x + wide), float(y + high)) if mask.size else base.detection.box
    shown = replace(base.detection, mask=mask, x=x, y=y, box=box)
    return Slick(base.identity, shown, "filled" if state else base.state)


def _gather(sightings: Sequence[Sighting]) -> dict[int, Slick]:
    """By identity."""
    pieces: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        pieces.setdefault(sighting.identity, []).append(sighting)
    return {identity: _join(identity, own) for identity, own in pieces.items()}


def _join(identity: int, own: Sequence[Sighting]) -> Slick:
    detections = [one.detection for one in own]
    surest = max(detections, key=lambda one: one.score)
    mask, x, y = unite([crop_of(one) for one in detections])
    left, top, right, bottom = zip(*(one.box for one in detections), strict=True)
    box = (min(left), min(top), max(right), max(bottom))
    whole = replace(surest, mask=mask, x=x, y=y, box=box)
    return Slick(identity, whole, "weak" if all(one.weak for one in own) else "found")
