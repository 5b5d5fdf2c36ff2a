"""Masks cleaned by a short pipeline, as in `--clean "open:1,holes:50,small:2000m2"`; without one they stay as found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seepseg.cleaning import bitmaps
from seepseg.cleaning.bitmaps import Size
from seepseg.cleaning.overlaps import settle, tell_once
from seepseg.cleaning.spelling import NONE, read_number, read_steps, refuse_argument, write_number
from seepseg.crops import crop_of, trim
from seepseg.errors import UsageError
from seepseg.predict.masks import Crop
from seepseg.scenes.objects import SceneObject
from seepseg.values import Prediction
from seepseg.wording import suggest

METRES = "m2"
_MOST = 1e12
"""Pixels or square metres: more than any scene has."""
NO_CRF = (
    "is not offered: none of the packages that refine masks by a conditional random field is maintained and installs "
    "on Python 3.11 to 3.13; gaussian or median smooth an outline, filters act on the image"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do to masks."""

    name: str
    size: float | None = None
    """A radius, a side, a sigma, an area or a share; None where the step has none, or all holes are meant."""
    square_metres: bool = False
    classes: tuple[str, ...] = ()
    """Of `priority`: who wins, first to last."""

    def __str__(self) -> str:
        """As it is read back."""
        if self.classes:
            return f"{self.name}:{'>'.join(self.classes)}"
        if self.size is None:
            return self.name
        return f"{self.name}:{write_number(self.size)}{METRES if self.square_metres else ''}"


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Steps in the order in which they are done; none leaves masks as they are."""

    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        """The canonical spelling, for the record: `parse_cleaning` gives the same from it."""
        return ",".join(map(str, self.steps)) or NONE


def parse_cleaning(text: str) -> Cleaning:
    """From the command line or a config."""
    return Cleaning(read_steps(text, _READERS, "--clean", refused={"crf": NO_CRF}))


def check_cleaning(cleaning: Cleaning, names: Sequence[str], metres_per_pixel: float | None) -> None:
    """A sentence for what these classes, or this ground resolution, can't give: before anything is predicted."""
    if metres_per_pixel is None and any(step.square_metres for step in cleaning.steps):
        raise UsageError(
            f"--clean {cleaning}: square metres need to know how many metres a pixel is wide, which neither the image "
            "nor the model says; give sizes in pixels"
        )
    for name in (name for step in cleaning.steps for name in step.classes):
        if name not in names:
            known = ", ".join(names) if names else "no names of classes"
            raise UsageError(f"--clean {cleaning}: no class {name!r}{suggest(name, names)}; the model has {known}")


def clean_prediction(
    prediction: Prediction, cleaning: Cleaning, *, metres_per_pixel: float | None = None
) -> Prediction:
    """The detections that still have a pixel after it, in their order; boxes and scores stay the model's."""
    check_cleaning(cleaning, prediction.names, metres_per_pixel)
    if not cleaning.steps:
        return prediction
    found = prediction.detections
    marks = [(one.class_id, one.score) for one in found]
    crops = [crop_of(one) for one in found]
    crops = _clean(crops, marks, cleaning, prediction.names, metres_per_pixel, (prediction.width, prediction.height))
    kept = [replace(one, mask=m, x=x, y=y) for one, (m, x, y) in zip(found, crops, strict=True) if m.size]
    return replace(prediction, detections=tuple(kept))


def clean_objects(
    objects: Sequence[SceneObject],
    cleaning: Cleaning,
    *,
    metres_per_pixel: float | None = None,
    names: Sequence[str] = (),
    size: Size | None = None,
) -> tuple[SceneObject, ...]:
    """The objects that still have a pixel after it, in their order; confidences stay those of the uncleaned mask.

    `names` are needed where classes are named; `size`, width and height of the scene, keeps objects that its edge cuts
    from being rounded there.
    """
    check_cleaning(cleaning, names, metres_per_pixel)
    if not cleaning.steps:
        return tuple(objects)
    marks = [(one.class_id, one.maximum) for one in objects]
    crops = [(one.mask, one.x, one.y) for one in objects]
    crops = _clean(crops, marks, cleaning, names, metres_per_pixel, size)
    return tuple(replace(one, mask=m, x=x, y=y) for one, (m, x, y) in zip(objects, crops, strict=True) if m.size)


def _clean(
    crops: Sequence[Crop],
    marks: Sequence[tuple[int, float]],
    cleaning: Cleaning,
    names: Sequence[str],
    metres_per_pixel: float | None,
    size: Size | None,
) -> list[Crop]:
    """`marks` are the class and the confidence of each crop."""
    cleaned = list(map(trim, crops))
    for step in cleaning.steps:
        if step.name == "priority":
            ranks = {names.index(name): rank for rank, name in enumerate(step.classes)}
            keys = [(ranks.get(class_id, len(ranks)), -score) for class_id, score in marks]
            cleaned = settle(cleaned, [class_id for class_id, _ in marks], keys)
        elif step.name == "once":
            assert step.size is not None
            cleaned = tell_once(cleaned, [class_id for class_id, _ in marks], [score for _, score in marks], step.size)
        else:
            cleaned = [_clean_one(crop, step, metres_per_pixel, size) if crop[0].size else crop for crop in cleaned]
        cleaned = list(map(trim, cleaned))
    return cleaned


def _clean_one(crop: Crop, step: Step, metres_per_pixel: float | None, size: Size | None) -> Crop:
    strength = np.inf if step.size is None else step.size
    if step.square_metres:
        assert metres_per_pixel is not None
        strength /= metres_per_pixel**2
    match step.name:
        case "median":
            return bitmaps.smooth_median(crop, int(strength), size)
        case "gaussian":
            return bitmaps.smooth_gaussian(crop, strength, size)
        case "open":
            return bitmaps.open_mask(crop, int(strength), size)
        case "close":
            return bitmaps.close_mask(crop, int(strength), size)
        case "holes":
            return bitmaps.fill_holes(crop, strength)
        case "small":
            return bitmaps.remove_small(crop, strength)
        case _:
            return bitmaps.keep_largest(crop)


def _read_side(name: str, argument: str | None) -> Step:
    return Step(name, read_number(argument, 3, 99, odd=True))


def _read_sigma(name: str, argument: str | None) -> Step:
    return Step(name, read_number(argument, 0.1, 50))


def _read_share(name: str, argument: str | None) -> Step:
    return Step(name, read_number(argument, 0, 0.99))


def _read_radius(name: str, argument: str | None) -> Step:
    return Step(name, read_number(argument, 1, 50, whole=True))


def _read_area(name: str, argument: str | None) -> Step:
    if name == "holes" and argument is None:
        return Step(name)
    metres = argument is not None and argument.endswith(METRES)
    number = (argument or "").removesuffix(METRES).strip()
    try:
        return Step(name, read_number(number, 1e-6 if metres else 1, _MOST), metres)
    except ValueError:
        said = f", not {argument}" if argument else ""
        raise ValueError(f"needs an area, as in {name}:30 for pixels or {name}:500{METRES}{said}") from None


def _read_largest(name: str, argument: str | None) -> Step:
    refuse_argument(argument)
    return Step(name)


def _read_priority(name: str, argument: str | None) -> Step:
    classes = () if argument is None else tuple(word.strip() for word in argument.split(">"))
    if not all(classes) or len(set(classes)) < len(classes):
        raise ValueError(f"takes names of classes, each once, as in ship>oil; not {argument!r}")
    return Step(name, classes=classes)


_READERS = {
    "median": _read_side,
    "gaussian": _read_sigma,
    "open": _read_radius,
    "close": _read_radius,
    "holes": _read_area,
    "small": _read_area,
    "largest": _read_largest,
    "once": _read_share,
    "priority": _read_priority,
}
