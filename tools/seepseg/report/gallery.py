"""The failures as they are browsed in a report: each with its numbers, its pictures shown when asked for."""

from collections.abc import Sequence

from seepseg.report.failures import FIGURES, KINDS, Failure
from seepseg.report.pages import Html, data_uri, element, join, note
from seepseg.report.plots import swatch
from seepseg.report.results import Results
from seepseg.report.sheets import COLUMNS, DIFFERENCES
from seepseg.wording import count

Shown = tuple[Failure, Sequence[bytes]]
"""A failure, and its pictures as JPEG in the order of COLUMNS; none where the images were not at hand."""
OPEN = 3
"""Failures that are open from the start."""
RANKED_BY = dict(zip(FIGURES, ("IoU", "missed objects", "false alarms", "confused classes", "presence"), strict=True))
_PLURALS = dict(zip(KINDS, ("with missed objects", "with false alarms", "with confused classes"), strict=True))
OUTLINE = "outline"


def failure_section(shown: Sequence[Shown], figure: str, results: Results) -> Html:
    """The worst, then some for contrast."""
    worst = [one for one in shown if one[0].why is None]
    rest = [one for one in shown if one[0].why is not None]
    if not worst:
        return join(note(f"By {RANKED_BY[figure]} no image has anything wrong."), _contrast(rest))
    said = (
        f"The {count(len(worst), 'worst image')} by {RANKED_BY[figure]}."
        if len(worst) > 1
        else "One image has something wrong."
    )
    pictured = any(pictures for _, pictures in shown)
    return join(
        note(said),
        _legend(results) if pictured else None,
        _filter([failure for failure, _ in worst]),
        (_failure(*one, opened=pictured and number < OPEN) for number, one in enumerate(worst)),
        _contrast(rest),
    )


def describe(failure: Failure) -> str:
    """Its numbers: 'IoU 0.12 · 3 objects, 1 missed'."""
    counts = failure.row.counts
    iou = "" if failure.row.iou is None else f"IoU {failure.row.iou:.3f}"
    words = [count(counts["truth_objects"] or 0, "object")]
    if failure.figure == "presence":
        words.append(f"score {failure.row.measures['presence_score'] or 0:.2f}")
    for key, what in (("missed", "missed"), ("false_alarms", "false"), ("confused", "of another class")):
        if counts[key]:
            words.append(f"{counts[key]:,} {what}")
    return " · ".join(filter(None, [iou, ", ".join(words)]))


def _contrast(rest: Sequence[Shown]) -> Html | None:
    if not rest:
        return None
    return join(
        element("h3", "For contrast"),
        note("The best images with objects, and ones from the middle of all."),
        (_failure(*one, opened=False) for one in rest),
    )


def _failure(failure: Failure, pictures: Sequence[bytes], *, opened: bool) -> Html:
    kinds = failure.kinds or (OUTLINE,)
    tags = (failure.why,) if failure.why else failure.kinds or ("only the outline is off",)
    group = f" · {failure.row.group}" if failure.row.group else ""
    numbers = element("span", f"{describe(failure)}{group}", class_="numbers")
    tagged = (element("span", tag, class_="tag") for tag in tags)
    summary = element("summary", element("b", failure.row.image), tagged, " ", numbers)
    return element(
        "details",
        summary,
        element("div", _pictures(failure, pictures), class_="sheet") if pictures else None,
        class_="failure",
        open=opened,
        data_kinds=None if failure.why else "|".join(kinds),
    )


def _pictures(failure: Failure, pictures: Sequence[bytes]) -> list[Html]:
    return [
        element(
            "figure",
            element("img", src=data_uri(one), alt=f"{column} of {failure.row.image}", loading="lazy", decoding="async"),
            element("figcaption", column),
        )
        for column, one in zip(COLUMNS, pictures, strict=False)
    ]


def _legend(results: Results) -> Html:
    names = results.names
    classes = (element("span", swatch(index), name) for index, name in enumerate(names))
    kinds = (
        element("span", element("span", class_="swatch", style=f"background:rgb{colour}", aria_hidden="true"), name)
        for name, colour in DIFFERENCES.items()
        if len(names) > 1 or name != "wrong class"
    )
    return join(
        element("p", element("b", "Classes: "), classes, class_="legend"),
        element("p", element("b", "Difference: "), kinds, class_="legend") if results.places else None,
    )


def _filter(failures: Sequence[Failure]) -> Html | None:
    """Choices where there is more than one kind; hidden until the script that serves them runs."""
    found = [kind for kind in KINDS if any(kind in one.kinds for one in failures)]
    choices = [("", "all"), *((kind, _PLURALS[kind]) for kind in found)]
    if any(not one.kinds for one in failures):
        choices.append((OUTLINE, "only the outline off"))
    if len(choices) < 3:
        return None
    labels = (
        element("label", element("input", type="radio", name="kind", value=value, checked=not value), f" {label}")
        for value, label in choices
    )
    legend = element("legend", "Show", class_="faint")
    return element("fieldset", legend, labels, class_="filter", hidden=True)
