"""How the plots of an evaluation are drawn: data onto an empty matplotlib figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seepseg.report.plots import DASHES, INK, add_legend, dash, line_colour, share_axes, shorten


def draw_lines(
    lines: Mapping[str, tuple[int, Sequence[float | None], Sequence[float | None]]],
    x: str,
    y: str,
    figure: Any,
    *,
    marks: Mapping[str, float] | None = None,
    diagonal: bool = False,
) -> None:
    """A line for each name: the id that colours it (below 0: ink), and where it goes; marks are dots on it."""
    axes = figure.subplots()
    share_axes(axes, x, y)
    if diagonal:
        axes.plot([0, 1], [0, 1], color=INK, alpha=0.4, linewidth=1)
    handles = []
    for name, (index, across, up) in lines.items():
        colour, style = (INK, DASHES[0]) if index < 0 else (line_colour(index), dash(index))
        xs, ys = np.array(across, np.float64), np.array(up, np.float64)
        handles += axes.plot(xs, ys, color=colour, linestyle=style, linewidth=2.4 if index < 0 else None)
        if marks and name in marks and not np.isnan(ys).all():
            known = ~np.isnan(ys)
            axes.plot(marks[name], np.interp(marks[name], xs[known], ys[known]), "o", color=colour, markersize=6)
    if len(lines) > 1:
        add_legend(figure, handles, [shorten(name) for name in lines])


def _bars(
    axes: Any, labels: Sequence[str], values: Sequence[float | None], at: float, width: float, **style: Any
) -> None:
    heights = [0.0 if value is None else value for value in values]
    axes.bar(np.arange(len(labels)) + at, heights, width, **style)
    axes.set_xticks(np.arange(len(labels)), labels)
    axes.set(ylim=(0, 1.12), yticks=np.arange(0, 1.01, 0.2))
    axes.grid(visible=False, axis="x")


def draw_widths(rows: Sequence[Mapping[str, Any]], figure: Any) -> None:
    """Recall at the thresholds within recall at any confidence."""
    axes = figure.subplots()
    labels = [f"{row['from']}–{row['to']}" if row["to"] else f"≥ {row['from']}" for row in rows]
    style = {"facecolor": "none", "edgecolor": INK, "linewidth": 1}
    _bars(axes, labels, [row.get("recall_any") for row in rows], 0, 0.72, **style)
    _bars(axes, labels, [row["recall"] for row in rows], 0, 0.72, color=line_colour(6), alpha=0.85)
    for place, row in enumerate(rows):
        top = max(row["recall"] or 0, row.get("recall_any") or 0)
        axes.text(place, top + 0.02, f"{row['instances']:,}", ha="center", fontsize=8.5)
    axes.set(xlabel="width of the object, px", ylabel="recall")


def draw_sizes(sizes: Mapping[str, Mapping[str, Any]], figure: Any) -> None:
    """Two bars for each size."""
    axes = figure.subplots()
    labels = [f"{name}\n{one['instances']:,}" for name, one in sizes.items()]
    _bars(axes, labels, [one["map50"] for one in sizes.values()], -0.19, 0.36, color=line_colour(6))
    _bars(axes, labels, [one["map50_95"] for one in sizes.values()], 0.19, 0.36, color=line_colour(5))
    axes.set_xticks(np.arange(len(labels)), labels)
    axes.set_ylabel("AP")
    add_legend(figure, axes.containers, ["AP50", "AP50-95"])


def draw_reliability(curve: Mapping[str, Any], what: str, figure: Any) -> None:
    """Said against seen, over how many images there are."""
    axes, below = figure.subplots(2, height_ratios=[3, 1], sharex=True)
    share_axes(axes, "", "share that holds objects")
    axes.plot([0, 1], [0, 1], color=INK, alpha=0.4, linewidth=1)
    points = [(x, y) for x, y in zip(curve["predicted"], curve["observed"], strict=True) if None not in (x, y)]
    most = max(curve["count"], default=0)
    if points:
        axes.plot(*zip(*points, strict=True), "-", color=line_colour(6), linewidth=1, alpha=0.6)
        sizes = [20 + 80 * count / most for count in curve["count"] if count]
        axes.scatter(*zip(*points, strict=True), sizes, color=line_colour(6), zorder=3, clip_on=False)
    bins = len(curve["count"])
    below.bar((np.arange(bins) + 0.5) / bins, curve["count"], 0.9 / bins, color=line_colour(6), alpha=0.6)
    below.set(xlabel=what, ylabel="images", xlim=(0, 1))
    below.grid(visible=False, axis="x")


def draw_groups(groups: Sequence[tuple[str, Sequence[float]]], figure: Any) -> None:
    """A row of dots for each group."""
    axes = figure.subplots()
    for row, (_, values) in enumerate(groups):
        axes.plot(values, [row] * len(values), "o", color=line_colour(6), alpha=0.45, markersize=4, markeredgewidth=0)
        axes.plot(float(np.mean(values)), row, "|", color=INK, markersize=11, markeredgewidth=2)
    axes.set_yticks(range(len(groups)), [shorten(name or "no group", 22) for name, _ in groups], fontsize=8)
    axes.set(xlim=(-0.01, 1.01), ylim=(len(groups) - 0.5, -0.5), xlabel="IoU")


def draw_histogram(values: Sequence[float], what: str, figure: Any) -> None:
    """How many of what are how good."""
    axes = figure.subplots()
    axes.hist(values, np.linspace(0, 1, 21), color=line_colour(6), alpha=0.85)
    axes.set(xlim=(0, 1), xlabel="IoU", ylabel=what)


def draw_matrix(confusion: Mapping[str, Any], figure: Any) -> None:
    """Counts on the shares of their rows."""
    names, counts = [shorten(name, 14) for name in confusion["names"]], np.array(confusion["counts"], np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes = figure.subplots()
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1.6, edgecolors="white", linewidth=1)
    for (row, column), count in np.ndenumerate(counts):
        label = f"{count:,.0f}\n{shares[row, column]:.0%}" if count else "0"
        axes.text(column + 0.5, row + 0.5, label, ha="center", va="center", fontsize=7)
    middle = np.arange(len(names)) + 0.5
    axes.set_xticks(middle, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(middle, names)
    axes.set(xlabel="predicted", ylabel="truth", ylim=(len(names), 0))
    axes.grid(visible=False)
    axes.tick_params(length=0)


def draw_bars(
    names: Sequence[str],
    bars: Mapping[str, Sequence[tuple[float | None, tuple[float, float] | None]]],
    figure: Any,
) -> None:
    """For each name a bar of each run, with its interval."""
    axes = figure.subplots()
    thick = 0.8 / len(bars)
    handles = []
    for index, values in enumerate(bars.values()):
        places = np.arange(len(names)) - 0.4 + (index + 0.5) * thick
        widths = [value or 0.0 for value, _ in values]
        handles.append(axes.barh(places, widths, thick * 0.9, color=line_colour(index), alpha=0.85))
        for place, (_, ends) in zip(places, values, strict=True):
            if ends:
                axes.plot(ends, [place, place], color=INK, linewidth=1)
    axes.set_yticks(range(len(names)), [shorten(name) for name in names])
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")
    add_legend(figure, handles, [shorten(label) for label in bars])


def draw_epochs(lines: Sequence[tuple[str, int, bool, Sequence[float]]], quantity: str, figure: Any) -> None:
    """A quantity by epoch: label, number of the run, whether it is of validation, values."""
    axes = figure.subplots()
    handles = {}
    for label, index, of_validation, values in lines:
        style: dict[str, Any] = {} if of_validation else {"alpha": 0.45, "linewidth": 1}
        style |= {"marker": "."} if len(values) < 3 else {}
        epochs = np.arange(1, len(values) + 1)
        (line,) = axes.plot(epochs, values, color=line_colour(index), linestyle=dash(index), **style)
        if of_validation or label not in handles:
            handles[label] = line
    axes.set(xlabel="epoch", ylabel=quantity)
    axes.xaxis.get_major_locator().set_params(integer=True)
    add_legend(figure, list(handles.values()), [shorten(label) for label in handles])
