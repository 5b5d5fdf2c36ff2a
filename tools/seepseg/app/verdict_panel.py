"""The verdict on an image in words for anyone, and how sure the model is of each class."""

from collections.abc import Sequence
from html import escape

from seepseg.app.analysis import Analysis
from seepseg.measures.thresholds import Choice
from seepseg.outputs.verdict import Verdict
from seepseg.palette import colour_of
from seepseg.scenes.features import potential
from seepseg.values import Prediction
from seepseg.wording import count, verb

WITHOUT_PLACES = "This model looks at the image as a whole: it does not say where."
MOSTLY = 0.8
"""The share of images that hold something from which on a probability says little of clean ones."""


def headline(analysis: Analysis, verdict: Verdict) -> str:
    """'Potential oil: yes, 0.87'."""
    answer = "yes" if verdict.present else "no"
    return (
        f"{subject(analysis.names)}: {answer}, {verdict.score:.2f}"
        if verdict.score
        else f"{subject(analysis.names)}: no"
    )


def subject(names: Sequence[str]) -> str:
    """What a model looks for: its one class, or what its classes have in common."""
    if len(names) == 1:
        return f"Potential {names[0]}"
    called = {potential(name) for name in names}
    return called.pop().capitalize() if len(called) == 1 else "Potential finds"


def explain(analysis: Analysis, prediction: Prediction, verdict: Verdict) -> list[str]:
    """Sentences below the headline: what it rests on, and how often that is right."""
    asked = not _is_stored(analysis, verdict)
    if analysis.is_scene:
        return [*_of_scene(analysis, prediction), *_of_threshold(analysis, verdict, asked)]
    sentences = [_of_confidence(verdict), *_of_threshold(analysis, verdict, asked)]
    sentences += _of_outlines(prediction, verdict) if analysis.places else [WITHOUT_PLACES]
    return [*sentences, *_of_probability(analysis, verdict)]


def verdict_html(analysis: Analysis, prediction: Prediction, verdict: Verdict) -> str:
    """The panel."""
    words = " ".join(explain(analysis, prediction, verdict))
    state = "yes" if verdict.present else "no"
    return (
        f'<section class="verdict {state}" aria-live="polite"><h2>{escape(headline(analysis, verdict))}</h2>'
        f"<p>{escape(words)}</p></section>"
    )


def bars_html(names: Sequence[str], verdict: Verdict) -> str:
    """A bar for each class: how sure, and from where on it counts."""
    rows = "".join(_bar(index, name, one) for index, (name, one) in enumerate(zip(names, verdict.classes, strict=True)))
    words = "How sure the model is; the line marks from where on it counts"
    return f'<div class="presence" role="list" aria-label="Confidence by class">{rows}<p class="key">{words}</p></div>'


def _bar(index: int, name: str, one: Verdict) -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*colour_of(index))
    limit = one.threshold or 0.0
    score, least = tell_apart(one.score, limit)
    words = f"{name}: {score}, counts above {least}: {'yes' if one.present else 'no'}"
    return (
        f'<div class="row{"" if one.present else " absent"}" role="listitem" aria-label="{escape(words, quote=True)}" '
        f'title="{escape(words, quote=True)}"><span class="name">{escape(name)}</span>'
        f'<span class="track"><i style="width:{100 * one.score:.1f}%;background:{colour}"></i>'
        f'<b style="left:{100 * limit:.1f}%"></b></span><span class="value">{one.score:.2f}</span></div>'
    )


def _is_stored(analysis: Analysis, verdict: Verdict) -> bool:
    """Whether the thresholds of the model hold."""
    stored = analysis.confidence.thresholds
    if stored is None:
        return False
    if analysis.is_scene:
        return tuple(one.threshold for one in verdict.classes) == analysis.confidence.limits
    return verdict.threshold == stored.any_presence.choice.value


def tell_apart(score: float, threshold: float) -> tuple[str, str]:
    """With two digits, or as many as show which is larger."""
    for digits in (2, 3, 4):
        if round(score, digits) != round(threshold, digits):
            break
    return f"{score:.{digits}f}", f"{threshold:.{digits}f}"


def _of_confidence(verdict: Verdict) -> str:
    score, threshold = tell_apart(verdict.score, verdict.threshold or 0.0)
    if not verdict.score:
        return f"Nothing was seen at all; a confidence above {threshold} would count."
    if verdict.present:
        return f"The surest sign has a confidence of {score}, and above {threshold} it counts."
    return f"The surest sign has a confidence of {score}, and only above {threshold} would it count."


def _of_outlines(prediction: Prediction, verdict: Verdict) -> list[str]:
    """Images and outlines have thresholds of their own, so that one may be there without the other."""
    if verdict.present and not prediction.detections:
        return ["No outline is sure enough to be drawn; lower the confidence to see where it may be."]
    if prediction.detections and not verdict.present:
        return ["What is outlined is not sure enough to call the image one that holds it."]
    return []


def _of_scene(analysis: Analysis, prediction: Prediction) -> list[str]:
    number = len(prediction)
    if not number:
        return ["In no place of this scene was the model sure enough."]
    return [f"{count(number, 'place')} in this scene {verb(number)} marked."]


def _of_threshold(analysis: Analysis, verdict: Verdict, asked: bool) -> list[str]:
    stored = analysis.confidence.thresholds
    if stored is None:
        return [
            "The model has no thresholds of its own, so that a usual one stands in: how often it is right is not known."
        ]
    where = f"{count(stored.images, 'validation image')}"
    if asked:
        return [f"You chose this threshold; those chosen on {where} are a click away."]
    if analysis.is_scene:
        return _of_classes(stored.confidence, where, analysis.names)
    return [f"That threshold was chosen on {where}.", *_rates(stored.any_presence.choice, "images", analysis.names)]


def _of_probability(analysis: Analysis, verdict: Verdict) -> list[str]:
    stored = analysis.confidence.thresholds
    if verdict.probability is None or stored is None:
        return []
    sure, share = _percent(verdict.probability), stored.any_presence.share
    if share is None:
        return [f"Judging by the validation images, such a confidence means a probability of {sure}."]
    held = f"Of the validation images {_percent(share)} hold {_held(analysis.names)}"
    less = ", and less where most images are clean" if share > MOSTLY else ""
    return [f"{held}: among such images this confidence means a probability of {sure}{less}."]


def _of_classes(choices: Sequence[Choice], where: str, names: Sequence[str]) -> list[str]:
    if len(choices) > 1:
        return [f"Each class has its threshold, chosen on {where}."]
    one = choices[0]
    return [f"What counts is a confidence above {one.value:.2f}, chosen on {where}.", *_rates(one, "pixels", names)]


def _rates(choice: Choice, what: str, names: Sequence[str]) -> list[str]:
    """Precision and recall as anyone can picture them."""
    if choice.precision is None or choice.recall is None:
        return [f"How often it is right there is not known{f' ({choice.note})' if choice.note else ''}."]
    held = _held(names)
    marked, true = ("alarms", f"images with {held}") if what == "images" else ("marked pixels", f"pixels of {held}")
    return [
        f"There, {_of_hundred(choice.precision)} {marked} were right (precision {choice.precision:.2f}), and "
        f"{_of_hundred(choice.recall)} {true} were found (recall {choice.recall:.2f})."
    ]


def _held(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else "any class"


def _of_hundred(share: float) -> str:
    return f"{round(100 * share)} of 100"


def _percent(share: float) -> str:
    return "over 99 %" if share > 0.99 else "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"
