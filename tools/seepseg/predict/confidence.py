"""Which confidence a detection needs: the model's own, chosen on validation images, unless another is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seepseg.errors import SeepsegError, UsageError
from seepseg.measures.thresholds import DEFAULT, Thresholds
from seepseg.predict.engine import Model
from seepseg.wording import count, enumerate_words

Asked = float | Mapping[str, float]
"""One confidence for all classes, or one for each by name."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """A detection of a class counts where its confidence is above the class's limit."""

    limits: tuple[float, ...]
    source: str
    """Where they come from: a sentence for the user."""
    stored: bool = False
    """They are the model's own, so that presence has its own thresholds too."""
    thresholds: Thresholds | None = None
    """The model's own, also where others are asked for: probabilities come from them."""


def choose_confidence(model: Model, asked: Asked | None) -> Confidence:
    """The model's own thresholds unless asked; Ultralytics' .25 where it has none, which the sentence says."""
    if asked is not None:
        return _as_asked(model, _given(asked, model.names))
    thresholds = model.thresholds
    if thresholds is None:
        return Confidence(
            (DEFAULT,) * len(model.names),
            f"no thresholds are stored with the model, so that {DEFAULT:g} is used for every class; "
            "'seepseg eval' of its run chooses them on validation images",
        )
    blank = [name for name, one in zip(model.names, thresholds.confidence, strict=True) if one.threshold is None]
    source = f"thresholds chosen on {count(thresholds.images, 'image')} of the {thresholds.split} split"
    if blank:
        source += f"; none could be chosen for {enumerate_words(blank)}, where {DEFAULT:g} is used"
    return Confidence(tuple(one.value for one in thresholds.confidence), source, stored=True, thresholds=thresholds)


def _as_asked(model: Model, limits: tuple[float, ...]) -> Confidence:
    """Stored thresholds that can't be used are no hindrance then."""
    source = "confidence as given with --conf"
    try:
        return Confidence(limits, source, thresholds=model.thresholds)
    except SeepsegError:
        return Confidence(limits, f"{source}; those stored don't fit the model, so that no probabilities are told")


def _given(asked: Asked, names: Sequence[str]) -> tuple[float, ...]:
    if not isinstance(asked, Mapping):
        return (asked,) * len(names)
    unknown = [name for name in asked if name not in names]
    missing = [name for name in names if name not in asked]
    if unknown or missing:
        wrong = f"the model has no class {unknown[0]}" if unknown else f"{missing[0]} has none"
        raise UsageError(f"--conf: {wrong}; give one confidence, or name=x for each of {', '.join(names)}")
    return tuple(asked[name] for name in names)
