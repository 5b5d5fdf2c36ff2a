"""Which confidence a detection needs: the model's own, chosen on validation images, unless another is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seepseg.errors import UsageError
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


def choose_confidence(model: Model, asked: Asked | None) -> Confidence:
    """The model's own thresholds unless asked; Ultralytics' .25 where it has none, which the sentence says."""
    if asked is not None:
        return Confidence(_given(asked, model.names), "confidence as given with --conf")
    if model.thresholds is None:
        return Confidence(
            (DEFAULT,) * len(model.names),
            f"no thresholds are stored with the model, so that {DEFAULT:g} is used for every class; "
            "'seepseg eval' of its run chooses them on validation images",
        )
    chosen = [model.thresholds.confidence[at] for at in class_order(model.thresholds, model.names)]
    blank = [name for name, one in zip(model.names, chosen, strict=True) if one.threshold is None]
    source = f"thresholds chosen on {count(model.thresholds.images, 'image')} of the {model.thresholds.split} split"
    if blank:
        source += f"; none could be chosen for {enumerate_words(blank)}, where {DEFAULT:g} is used"
    return Confidence(tuple(one.value for one in chosen), source, stored=True)


def class_order(thresholds: Thresholds, names: Sequence[str]) -> list[int]:
    """Of each class of the model, its place among the thresholds; an error where these speak of other classes."""
    if len(names) == len(thresholds.names) == 1:
        return [0]  # Ultralytics calls the class of a training with single_cls "item".
    if sorted(names) != sorted(thresholds.names):
        raise UsageError(
            f"the stored thresholds are for {', '.join(thresholds.names)}, the model has {', '.join(names)}; evaluate "
            "the model again so that they are chosen anew, or give --conf"
        )
    return [thresholds.names.index(name) for name in names]


def _given(asked: Asked, names: Sequence[str]) -> tuple[float, ...]:
    if not isinstance(asked, Mapping):
        return (asked,) * len(names)
    unknown = [name for name in asked if name not in names]
    missing = [name for name in names if name not in asked]
    if unknown or missing:
        wrong = f"the model has no class {unknown[0]}" if unknown else f"{missing[0]} has none"
        raise UsageError(f"--conf: {wrong}; give one confidence, or name=x for each of {', '.join(names)}")
    return tuple(asked[name] for name in names)
