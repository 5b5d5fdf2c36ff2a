"""What a model said of each tile of a scene, so that it can be asked again at other confidences without the model.

The tiles go through `find_objects` once more, which is given what was said in place of a model, and places without
pixels in place of the scene: what comes out is what a prediction at these confidences would find.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from seepseg.outputs.cutting import cut_to_limits
from seepseg.scenes.find import Found, find_objects
from seepseg.values import Bitmap, Detection, Prediction, Window

if TYPE_CHECKING:
    from seepseg.georeference import Grid
    from seepseg.predict.engine import Model
    from seepseg.predict.model_input import ModelInput
    from seepseg.raster import Pixels
    from seepseg.scenes.scene import Scene

_SMALL = np.zeros((0, 0), np.uint8)
_KEPT_BYTES = 16_000_000
"""Of masks that were put together: more of them are rather made once more than kept."""
Bits = tuple[NDArray[np.uint8], tuple[int, int]]
"""A bitmap, eight pixels a byte, and its shape."""
Said = tuple[Prediction, list[Bits]]
"""Of a tile: the masks apart."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What finding asks of a model beside its answers: these stay when the model itself is put away."""

    names: tuple[str, ...]
    imgsz: int
    task: str
    input: "ModelInput"


@dataclass(slots=True)
class Tape:
    """Filled by `record_scene`, and read after."""

    facts: Facts
    grid: "Grid"
    said: list[Said] = field(default_factory=list)
    """Of each tile with data, in order."""
    missing: dict[Window, Bits] = field(default_factory=dict)
    """Where a tile has no data."""
    flat: bool = False
    """There was nothing to see in any tile."""
    latest: tuple[tuple[float, ...], Found] | None = None
    """What was put together last, and at which confidences: cleaning it asks for the same again."""

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        masks = sum(bits.nbytes + 300 for _, packed in self.said for bits, _ in packed)
        masks += _bytes_of(self.latest[1]) if self.latest else 0
        return masks + sum(bits.nbytes for bits, _ in self.missing.values()) + 300 * len(self.said)


def record_scene(
    model: "Model", scene: "Scene", floor: float, on_progress: Callable[[int, int], None] | None = None
) -> Tape:
    """What the model says of every tile above the floor."""
    tape = Tape(Facts(model.names, model.imgsz, model.task, model.input), scene.grid)
    told = find_objects(
        cast("Model", _Recorder(model, tape.said)),
        cast("Scene", _Watched(scene, tape.missing)),
        [floor] * len(model.names),
        on_progress=on_progress,
    )
    tape.flat = told.flat
    return tape


def thin_out(tape: Tape, floor: float, most: int, ceiling: float) -> float:
    """Where a tape holds more than can be put together at once, a higher floor, yet none above the ceiling; what lies
    below goes."""
    scores = sorted((one.score for said, _ in tape.said for one in said.detections), reverse=True)
    if len(scores) <= most:
        return floor
    raised, tape.latest = min(scores[most], ceiling), None
    for number, (said, packed) in enumerate(tape.said):
        kept = [pair for pair in zip(said.detections, packed, strict=True) if pair[0].score > raised]
        tape.said[number] = (replace(said, detections=tuple(one for one, _ in kept)), [bits for _, bits in kept])
    return raised


def replay_scene(tape: Tape, limits: Sequence[float]) -> Found:
    """What is in the scene at these confidences."""
    asked, latest = tuple(limits), tape.latest
    if latest is None or latest[0] != asked:
        scene = cast("Scene", _Remembered(tape.grid, tape.missing))
        latest = asked, replace(find_objects(answering(tape.facts, tape), scene, limits), flat=tape.flat)
        tape.latest = latest if _bytes_of(latest[1]) <= _KEPT_BYTES else None
    return latest[1]


def answering(model: "Model | Facts", tape: Tape) -> "Model":
    """The model, which for one walk over the same tiles says what it said."""
    return cast("Model", _Replay(model, tape.said))


class _Replay:
    def __init__(self, model: "Model | Facts", said: Sequence[Said]) -> None:
        self._model, self._said, self._at = model, said, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, images: "Sequence[Pixels]", *, conf: Sequence[float], **asked: Any) -> list[Prediction]:
        start, self._at = self._at, self._at + len(images)
        return [_unpack(said, packed, conf) for said, packed in self._said[start : self._at]]


class _Recorder:
    def __init__(self, model: "Model", said: list[Said]) -> None:
        self._model, self._said = model, said

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, images: "Sequence[Pixels]", **asked: Any) -> list[Prediction]:
        found = self._model.predict(images, **asked)
        for one in found:
            bare = tuple(replace(each, mask=_SMALL) for each in one.detections)
            self._said.append((replace(one, detections=bare), [_pack(each.mask) for each in one.detections]))
        # Nothing is put together at the floor, which nobody asked for yet.
        return [replace(one, detections=()) for one in found]


@dataclass(frozen=True, slots=True)
class _Watched:
    _scene: "Scene"
    _missing: dict[Window, Bits]

    @property
    def grid(self) -> "Grid":
        return self._scene.grid

    def read(self, window: Window) -> "tuple[Pixels, Bitmap | None]":
        pixels, missing = self._scene.read(window)
        if missing is not None:
            self._missing[window] = _pack(missing)
        return pixels, missing


@dataclass(frozen=True, slots=True)
class _Remembered:
    grid: "Grid"
    _missing: Mapping[Window, Bits]

    def read(self, window: Window) -> "tuple[Pixels, Bitmap | None]":
        """Nobody looks at the pixels."""
        missing = self._missing.get(window)
        blank = np.broadcast_to(np.zeros((), np.uint8), (window.height, window.width))
        return blank, None if missing is None else _bitmap(missing)


def _bytes_of(found: Found) -> int:
    return sum(one.mask.nbytes for one in found.objects)


def _pack(bitmap: Bitmap) -> Bits:
    high, wide = bitmap.shape
    return np.packbits(bitmap), (high, wide)


def _bitmap(packed: Bits) -> Bitmap:
    bits, (high, wide) = packed
    return np.unpackbits(bits, count=high * wide).reshape(high, wide)


def _unpack(said: Prediction, packed: Sequence[Bits], limits: Sequence[float]) -> Prediction:
    """Only what is sure enough is unpacked."""
    bits: dict[int, Bits] = {id(one): each for one, each in zip(said.detections, packed, strict=True)}
    kept: list[Detection] = [
        replace(one, mask=_bitmap(bits[id(one)])) for one in cut_to_limits(said, limits).detections
    ]
    return replace(said, detections=tuple(kept))
