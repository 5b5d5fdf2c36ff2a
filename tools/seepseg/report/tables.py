"""The tables of a report."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seepseg.report.pages import Content, Html, element, join, table
from seepseg.report.plots import swatch
from seepseg.report.results import ImageRow, Results
from seepseg.report.verdict import Headline

UNDEFINED = "–"
MOST_GROUPS = 20


def write_value(value: float | None, interval: tuple[float, float] | None = None) -> Html:
    """Three decimals, the interval below them."""
    if value is None:
        return Html(UNDEFINED)
    ends = element("small", write_interval(interval)) if interval else None
    return join(f"{value:.3f}", ends)


def write_interval(interval: tuple[float, float] | None) -> str:
    """'0.512–0.634', or nothing."""
    return f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else ""


def headline_table(figures: Sequence[Headline]) -> Html:
    """Value, interval, and what it means."""
    rows = [
        (
            one.label,
            join(write_value(one.value), _beside(one)),
            join(write_interval(one.interval) or "no interval", _gauge(one)),
            one.meaning,
        )
        for one in figures
    ]
    return table(("Figure", "Value", "95 % interval", "What it means"), rows, class_="headline")


def class_tables(results: Results) -> Iterator[Html]:
    """Objects and pixels, a row for each class."""
    if results.metrics.get("mask"):
        yield _objects(results)
    if not results.places:
        return
    head = ("Pixels", "IoU", "Dice", "Precision", "Recall", "Boundary IoU")
    keys = ("iou", "dice", "precision", "recall", "boundary_iou")
    rows = [
        (_named(index, name), *(_cell(results, "pixels", "per_class", name, key) for key in keys))
        for index, name in enumerate(results.names)
    ]
    yield table(head, rows)


def widths_table(rows: Sequence[Mapping[str, Any]]) -> Html:
    """Recall by width."""
    return table(
        ("Width, px", "Objects", "Found", "Recall", "At any confidence"),
        [
            (
                f"{row['from']} to {row['to']}" if row["to"] else f"{row['from']} and more",
                f"{row['instances']:,}",
                f"{row['found']:,}",
                write_value(row["recall"]),
                write_value(row.get("recall_any")),
            )
            for row in rows
        ],
    )


def presence_table(results: Results) -> Html:
    """Any class first, then each."""
    keys = ("accuracy", "precision", "recall", "f1", "auroc", "ap")
    rows = [_presence_row(results, "any class" if len(results.names) > 1 else results.names[0], keys, ("presence",))]
    if len(results.names) > 1:
        rows += [
            _presence_row(results, _named(index, name), keys, ("presence", "per_class", name))
            for index, name in enumerate(results.names)
        ]
    head = ("Presence", "Images with it", "Accuracy", "Precision", "Recall", "F1", "AUROC", "AP", "Threshold")
    return table(head, rows)


def confusion_table(confusion: Mapping[str, Any]) -> Html:
    """Counts, and the share of each row."""
    names, counts = confusion["names"], np.array(confusion["counts"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    last = len(names) - 1
    rows = []
    for index, name in enumerate(names):
        cells = [_share_cell(counts, shares, index, column) for column in range(len(names))]
        label = join(swatch(index), name) if index < last else "no object (false alarms)"
        rows.append(element("tr", element("th", label, scope="row"), cells))
    head = ["truth ↓ · predicted →", *names[:-1], "missed"]
    inner = element(
        "table",
        element("thead", element("tr", (element("th", name, scope="col") for name in head))),
        element("tbody", rows),
        class_="matrix",
    )
    return element("div", inner, class_="scroll", tabindex="0", role="region", aria_label="Confusion of classes")


def groups_table(images: Sequence[ImageRow]) -> tuple[Html, Html | None]:
    """The worst groups, and the others."""
    groups: dict[str, list[ImageRow]] = {}
    for row in images:
        groups.setdefault(row.group or "no group", []).append(row)
    ranked = sorted(groups.items(), key=lambda one: (_mean_iou(one[1]) is None, _mean_iou(one[1]), one[0]))
    rows = [_group_row(*one) for one in ranked]
    head = ("Group", "Mean IoU", "Images", "Objects", "Missed", "False alarms", "Confused", "Presence right")
    rest = table(head, rows[MOST_GROUPS:], caption="The other groups") if len(rows) > MOST_GROUPS else None
    return table(head, rows[:MOST_GROUPS]), rest


def figures_table(results: Results) -> Html:
    """Every number of metrics.json that has a name."""
    rows = [
        (".".join(path), f"{value:.4f}", write_interval(results.interval(*path)))
        for path, value in _numbers({key: results.metrics.get(key) for key in ("mask", "box", "pixels", "presence")})
    ]
    return table(("Figure", "Value", "95 % interval"), rows)


def settings_table(rows: Sequence[tuple[str, str]]) -> Html:
    """Names and values."""
    return table(("Setting", "Value"), rows, class_="settings")


def _objects(results: Results) -> Html:
    limits = results.metrics.get("thresholds") or {}
    rows = [
        (
            _named(index, name),
            _number(results.figure("mask", "per_class", name, "instances")),
            _cell(results, "mask", "per_class", name, "ap50"),
            _cell(results, "mask", "per_class", name, "ap50_95"),
            _cell(results, "box", "per_class", name, "ap50"),
            UNDEFINED if limits.get(name) is None else f"{limits[name]:.2f}",
        )
        for index, name in enumerate(results.names)
    ]
    return table(("Objects", "In truth", "Mask AP50", "Mask AP50-95", "Box AP50", "Threshold"), rows)


def _presence_row(results: Results, label: str, keys: Sequence[str], path: tuple[str, ...]) -> tuple[str, ...]:
    place: Any = results.metrics
    for name in path:
        place = place[name]
    table_ = place.get("confusion") or {}
    limit = place.get("threshold")
    return (
        label,
        f"{table_.get('tp', 0) + table_.get('fn', 0):,}",
        *(_cell(results, *path, key) for key in keys),
        UNDEFINED if limit is None else f"{limit:.3f}",
    )


def _share_cell(counts: Any, shares: Any, row: int, column: int) -> Html:
    last = len(counts) - 1
    if row == column == last:
        return element("td", UNDEFINED)
    share = shares[row, column]
    # Of false alarms there is no whole to have a share of: nobody counts the objects that are not there.
    told = f"{share:.0%}" if counts[row, column] and row < last else None
    shade = share if row < last else 0.0
    return element(
        "td",
        f"{counts[row, column]:,}",
        element("small", told) if told else None,
        class_="right" if row == column else None,
        style=f"--share:{shade:.3f}",
    )


def _group_row(name: str, rows: Sequence[ImageRow]) -> tuple[str, ...]:
    sums = []
    for key in ("truth_objects", "missed", "false_alarms", "confused"):
        known = [row.counts[key] for row in rows if row.counts[key] is not None]
        sums.append(_number(sum(one for one in known if one is not None)) if known else UNDEFINED)
    right = np.mean([row.measures["presence_truth"] == row.measures["presence_verdict"] for row in rows])
    return name, write_value(_mean_iou(rows)), _number(len(rows)), *sums, f"{right:.0%}"


def _mean_iou(rows: Sequence[ImageRow]) -> float | None:
    values = [row.iou for row in rows if row.iou is not None]
    return float(np.mean(values)) if values else None


def _beside(one: Headline) -> Content:
    return None if one.blank is None else element("small", f"{one.blank_label} {one.blank:.3f}")


def _gauge(one: Headline) -> Content:
    """From 0 to 1: the interval, the figure, and what is had for nothing."""
    if one.value is None:
        return None
    low, high = one.interval or (one.value, one.value)
    marks = [
        element("line", class_="rail", x1="0", x2="100", y1="5", y2="5", stroke_width="2"),
        element("line", class_="span", x1=f"{100 * low:.1f}", x2=f"{100 * high:.1f}", y1="5", y2="5", stroke_width="6"),
        element("rect", class_="now", x=f"{100 * one.value - 0.75:.2f}", y="0", width="1.5", height="10"),
    ]
    if one.blank is not None:
        at = f"{100 * one.blank:.1f}"
        marks.append(element("line", class_="blank", x1=at, x2=at, y1="-1", y2="11", stroke_dasharray="2 1.5"))
    return element("svg", marks, class_="gauge", viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def _cell(results: Results, *path: str) -> Html:
    return write_value(results.figure(*path), results.interval(*path))


def _named(index: int, name: str) -> Html:
    return join(swatch(index), name)


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{int(value):,}"


def _numbers(place: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, value in place.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, (*path, name))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield (*path, name), float(value)
