"""compare.html: figures, differences and curves of several evaluations on one page."""

from collections.abc import Iterator, Sequence
from functools import partial
from math import isfinite
from typing import Any

import numpy as np

from seepseg.measures.bootstrap import Difference
from seepseg.measures.figures import mean_defined
from seepseg.report import cost, drawings
from seepseg.report.charts import ANY
from seepseg.report.compare import SEEDS, Comparison, Pair, Run, judge
from seepseg.report.pages import Content, Html, element, join, more, note, page, picture, section, table
from seepseg.report.plots import Plot, draw_svg
from seepseg.report.tables import UNDEFINED, write_value
from seepseg.report.verdict import Headline
from seepseg.wording import enumerate_words

Path = tuple[str, ...]
_AXES = {"conf": "confidence", "iou": "IoU", "f1": "F1"}


def render_comparison(comparison: Comparison) -> str:
    """The page."""
    runs = comparison.runs
    title = f"{enumerate_words([run.label for run in runs])} compared"
    return page(
        title,
        element("h1", title),
        (element("p", summarize_pair(runs[0], pair), class_="verdict") for pair in comparison.pairs),
        section("Figures", _figures(runs), id_="figures"),
        section("Differences", _differences(comparison), id_="differences"),
        section("Classes", _draw(_class_bars(runs)), id_="classes"),
        section("Curves", _draw(_curves(runs)), id_="curves"),
        _training(runs),
        _cost(runs),
        section("What differs in the settings", _settings(runs), id_="settings"),
    )


def summarize_pair(first: Run, pair: Pair) -> str:
    """What holds of the headline figures, in one sentence or two."""
    if not pair.differences:
        return " ".join(f"{text[0].upper()}{text[1:]}." for text in pair.notes) or "There is no figure that both have."
    labels = {path: one.label for path, one in first.figures.items() if path in pair.differences}
    by_word: dict[str, list[str]] = {}
    for path, label in labels.items():
        by_word.setdefault(judge(pair.differences[path]), []).append(label)
    told = [f"{word} in {enumerate_words(by_word[word])}" for word in ("higher", "lower") if word in by_word]
    rest = by_word.get("not told apart", []) + by_word.get("no difference", [])
    if not told:
        return f"Between {pair.label} and {first.label} no difference is shown in any of the leading figures."
    sentence = f"{pair.label} is {' and '.join(told)} than {first.label}."
    return f"{sentence} No difference is shown in {enumerate_words(rest)}." if rest else sentence


def plots_of(comparison: Comparison) -> list[Plot]:
    """All that the page draws."""
    runs = comparison.runs
    return [*_class_bars(runs), *_curves(runs), *_qualities(runs), *_losses(runs)]


def write_signed(value: float) -> str:
    """'+0.012'; a real minus sign."""
    return f"{value:+.3f}".replace("-", "−")


def _figures(runs: Sequence[Run]) -> Html:
    figures = [run.figures for run in runs]
    paths = dict.fromkeys(path for some in figures for path in some)
    rows = []
    for path in paths:
        found = [some.get(path) for some in figures]
        label = next(one.label for one in found if one is not None)
        rows.append((label, *map(_value, found)))
    return join(note("Each with its 95 % interval."), table(("Figure", *(run.label for run in runs)), rows))


def _value(one: Headline | None) -> Html:
    if one is None:
        return Html(UNDEFINED)
    blank = None if one.blank is None else element("small", f"{one.blank_label} {one.blank:.3f}")
    return join(write_value(one.value, one.interval), blank)


def _differences(comparison: Comparison) -> Content:
    first = comparison.runs[0]
    said = (
        f"Against {first.label}, on the same drawings of the same images, each run at its own thresholds. A difference "
        "is taken for real where its 95 % interval leaves out 0; p is how often chance would bring one as far from 0. "
        "Of twenty figures one may pass by chance: trust the leading ones, and those that agree."
    )
    seeds = note(SEEDS) if comparison.is_of_trainings else None
    return join(note(said), seeds, (_pair(first, pair) for pair in comparison.pairs))


def _pair(first: Run, pair: Pair) -> Html:
    labels = {path: one.label for path, one in first.figures.items()}
    leading = [_row(label, pair.differences[path]) for path, label in labels.items() if path in pair.differences]
    others = [_row(".".join(path), one) for path, one in pair.differences.items() if path not in labels]
    head = ("Figure", "Difference", "95 % interval", "p", "Verdict")
    return join(
        element("h3", f"{pair.label} − {first.label}"),
        (note(f"{text[0].upper()}{text[1:]}.") for text in pair.notes),
        table(head, leading) if leading else None,
        more("All other figures", table(head, others)) if others else None,
    )


def _row(label: str, one: Difference) -> tuple[str, ...]:
    ends = f"{write_signed(one.low)} to {write_signed(one.high)}"
    word = judge(one)
    told: str = element("b", word) if word in ("higher", "lower") else word
    return label, write_signed(one.difference), ends, f"{one.p:.3f}", told


def _class_bars(runs: Sequence[Run]) -> list[Plot]:
    plots = []
    names = dict.fromkeys(name for run in runs for name in run.results.names)
    kinds = [("ap50", "mask", "Mask AP50 by class"), ("iou", "pixels", "IoU by class")]
    if not all(run.results.places for run in runs):
        kinds.append(("f1", "presence", "Presence F1 by class"))
    for key, path, title in kinds:
        bars = {
            run.label: [
                (run.results.figure(path, "per_class", name, key), run.results.interval(path, "per_class", name, key))
                for name in names
            ]
            for run in runs
        }
        if any(value is not None for some in bars.values() for value, _ in some):
            height = 1.6 + 0.26 * len(names) * len(runs) ** 0.8
            caption = "The whiskers are 95 % intervals."
            name = f"presence_{key}" if path == "presence" else key
            plots.append(Plot(name, title, caption, partial(drawings.draw_bars, list(names), bars), height))
    return plots


def _curves(runs: Sequence[Run]) -> list[Plot]:
    mean = "" if all(len(run.results.names) == 1 for run in runs) else "; mean over the classes"
    kinds: tuple[tuple[str, str, Path, str, str, str], ...] = (
        ("pr", "Precision and recall of masks", ("pr", "mask"), "recall", "precision", f"IoU 0.5{mean}."),
        ("f1", "F1 by confidence", ("f1_by_conf",), "conf", "f1", f"Of masks at IoU 0.5{mean}."),
        ("iou_by_confidence", "IoU by confidence", ("pixels_by_conf",), "conf", "iou", f"Of pixels{mean}."),
    )
    plots = []
    for name, title, path, x, y, caption in kinds:
        lines = {
            run.label: (index, *_mean_curve(run, path, x, y))
            for index, run in enumerate(runs)
            if run.results.curve(*path)
        }
        if lines:
            draw = partial(drawings.draw_lines, lines, _AXES.get(x, x), _AXES.get(y, y))
            plots.append(Plot(name, title, caption, draw))
    ranks = {run.label: (index, *_roc(run)) for index, run in enumerate(runs) if _roc(run)[0]}
    if ranks:
        draw = partial(drawings.draw_lines, ranks, "false alarms", "recognised", diagonal=True)
        plots.append(Plot("roc", "Presence: ROC", "Whether an image holds anything; the diagonal is chance.", draw))
    return plots


def _mean_curve(run: Run, path: Path, x: str, y: str) -> tuple[Any, Any]:
    there = [one for one in run.results.curve(*path).values() if any(value is not None for value in one.get(y, ()))]
    if path == ("pixels_by_conf",):
        there = [one for one in there if any(value is not None for value in one["recall"])]
    if not there:
        return [], []
    values = np.array([one[y] for one in there], np.float64)
    return there[0][x], mean_defined(values.T).tolist()


def _roc(run: Run) -> tuple[Any, Any]:
    curve = run.results.curve("roc", ANY)
    known = bool(curve) and None not in [*curve["fpr"], *curve["tpr"]]
    return (curve["fpr"], curve["tpr"]) if known else ([], [])


def _training(runs: Sequence[Run]) -> Html | None:
    plots = [*_qualities(runs), *_losses(runs)]
    return section("Training", _draw(plots), id_="training") if plots else None


def _qualities(runs: Sequence[Run]) -> list[Plot]:
    """Of the runs whose validation images define the figure."""
    plots = []
    for key, title in cost.QUALITIES.items():
        lines = [
            (run.label, index, True, values)
            for index, run in enumerate(runs)
            if any(map(isfinite, values := run.training.get(key, [])))
        ]
        if lines:
            name = f"{key.partition('/')[2].partition('(')[0].lower()}_by_epoch"
            caption = "By epoch, on validation images."
            plots.append(Plot(name, title, caption, partial(drawings.draw_epochs, lines, title)))
    return plots


def _losses(runs: Sequence[Run]) -> list[Plot]:
    """Those that are not nought throughout: bold on validation, pale on training images."""
    keys = dict.fromkeys(key.partition("/")[2] for run in runs for key in run.training if key.endswith("_loss"))
    plots = []
    for key in keys:
        lines = list(_loss_lines(runs, key))
        if any(any(values) for _, _, _, values in lines):
            title = f"{key.removesuffix('_loss')} loss"
            caption = "By epoch. Bold: on validation images; pale: on training images."
            plots.append(Plot(key, title, caption, partial(drawings.draw_epochs, lines, "loss")))
    return plots


def _loss_lines(runs: Sequence[Run], key: str) -> Iterator[tuple[str, int, bool, list[float]]]:
    for index, run in enumerate(runs):
        for kind in ("val", "train"):
            if f"{kind}/{key}" in run.training:
                yield run.label, index, kind == "val", run.training[f"{kind}/{key}"]


def _cost(runs: Sequence[Run]) -> Html | None:
    told = cost.rows([run.cost for run in runs])
    if not told:
        return None
    head = ("", *(run.label for run in runs))
    body = [(label, *(value or UNDEFINED for value in values)) for label, values in told]
    return section("Cost", note("Times are of the machine named beside them."), table(head, body), id_="cost")


def _settings(runs: Sequence[Run]) -> Content:
    settings = [_flatten(run) for run in runs]
    keys = dict.fromkeys(key for some in settings for key in some)
    unlike = [key for key in keys if len({some.get(key) for some in settings}) > 1]
    if not unlike:
        return note("Nothing: the runs were evaluated alike.")
    rows = [(key, *(some.get(key, UNDEFINED) for some in settings)) for key in unlike]
    return table(("Setting", *(run.label for run in runs)), rows, class_="settings")


def _flatten(run: Run) -> dict[str, str]:
    metrics = run.results.metrics
    head = {key: metrics.get(key) for key in ("model", "task", "data", "split", "images", "imgsz", "fitted", "rule")}
    limits = {f"threshold of {name}": value for name, value in (metrics.get("thresholds") or {}).items()}
    rows = {**head, **limits, **(metrics.get("made") or {})}
    return {key.replace("_", " "): str(value) for key, value in rows.items() if value is not None}


def _draw(plots: Sequence[Plot]) -> Html:
    return element("div", (picture(draw_svg(plot), plot.title, plot.caption) for plot in plots), class_="charts")
