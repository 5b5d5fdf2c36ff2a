"""Whose a track is, by the masks: a tracker that knows boxes alone loses a slick when it breaks up or changes shape."""

from collections.abc import Sequence
from dataclasses import dataclass

from seepseg.crops import crop_of, share_of_smaller, unite
from seepseg.predict.masks import Crop
from seepseg.values import Detection

SAME = 0.5
"""A new track whose mask covers this share of a known slick's last mask, or lies in it by this share, is that slick."""

RECENT = 3
"""Sightings that make up the ground that a slick is known to cover: ragged pieces come and go within it."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A slick as it was last seen."""

    class_id: int
    frame: int
    masks: tuple[Crop, ...]
    """Of its last sightings, the newest at the end."""
    ground: Crop
    """All of these together."""


class Identities:
    """The slicks that were seen of late, and which tracks are theirs."""

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._frame = -1
        self._next = 1
        self._owner: dict[int, int] = {}
        self._known: dict[int, _Known] = {}

    def name(self, numbers: Sequence[int | None], detections: Sequence[Detection]) -> list[int]:
        """The identity of each detection of the next frame; `numbers` are the tracker's, None where it has none.

        A slick that breaks up stays one: its pieces share an identity.
        """
        self._frame += 1
        names = [None if number is None else self._owner.get(number) for number in numbers]
        for index in sorted(range(len(names)), key=lambda index: -detections[index].mask.sum(dtype=int)):
            if names[index] is None:
                names[index] = self._recognise(detections[index], names) or self._new()
        whole = [name for name in names if name is not None]
        for number, name in zip(numbers, whole, strict=True):
            if number is not None:
                self._owner[number] = name
        self._remember(whole, detections)
        return whole

    def _recognise(self, detection: Detection, taken: Sequence[int | None]) -> int | None:
        """The known slick that this one lies on: rather one that is out of sight than a piece of one in sight."""
        shares = {
            name: share_of_smaller(crop_of(detection), known.ground)
            for name, known in self._known.items()
            if known.class_id == detection.class_id
        }
        near = [name for name, share in shares.items() if share >= SAME]
        return max(near, key=lambda name: (name not in taken, shares[name]), default=None)

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _remember(self, names: Sequence[int], detections: Sequence[Detection]) -> None:
        for name in set(names):
            own = [one for one, whose in zip(detections, names, strict=True) if whose == name]
            surest = max(own, key=lambda one: one.score)
            before = self._known[name].masks if name in self._known else ()
            masks = (*before, unite([crop_of(one) for one in own]))[-RECENT:]
            self._known[name] = _Known(surest.class_id, self._frame, masks, unite(masks))
        self._known = {
            name: known for name, known in self._known.items() if self._frame - known.frame <= self._patience
        }
