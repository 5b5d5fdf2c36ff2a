"""Pictures of what a dataset holds, each class in its colour."""

from typing import Any

import altair as alt

from seepseg.app import look
from seepseg.app.datasets import Overview

_EDGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Pixels, where one bar of sizes ends and the next begins."""
_HEIGHT, _AXIS = 260, 70


def draw_classes(overview: Overview) -> alt.Chart:
    """A bar a class: how many objects there are; pointing at it tells in which split."""
    names = overview.dataset.names
    counts = {split: overview.count(split) for split in overview.splits}
    rows = [
        {"class": name, "objects": sum(some[index] for some in counts.values())}
        | {f"in {split}": some[index] for split, some in counts.items()}
        for index, name in enumerate(names)
    ]
    told = [alt.Tooltip(f"in {split}:Q", format=",d") for split in counts]
    chart: alt.Chart = (
        alt.Chart(
            alt.InlineData(values=rows), height=max(_HEIGHT, _AXIS + 26 * len(names)), description="Objects by class"
        )
        .mark_bar()
        .encode(
            x=alt.X("objects:Q", title="objects", axis=alt.Axis(format=",d", tickMinStep=1, tickCount=5)),
            y=alt.Y("class:N", sort=list(names), title=None, axis=alt.Axis(labelOverlap=False)),
            color=_class_colour(names),
            tooltip=["class:N", *told],
        )
    )
    return chart


def draw_sizes(overview: Overview) -> alt.Chart:
    """How large the objects are: bars of twice the size of the one before."""
    names = overview.dataset.names
    ends = (*_EDGES, float("inf"))
    rows: list[dict[str, Any]] = [
        {
            "class": name,
            "side": f"{low}–{high}" if high in _EDGES else f"{low} +",
            "objects": sum(low <= side < high for side in sides),
            "low": low,
        }
        for name, sides in zip(names, overview.sides, strict=True)
        for low, high in zip((0, *_EDGES), ends, strict=True)
    ]
    used = {row["low"] for row in rows if row["objects"]}
    kept = [row for row in rows if used and min(used) <= row["low"] <= max(used)]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=kept), height=_HEIGHT, description="Objects by size")
        .mark_bar()
        .encode(
            x=alt.X(
                "side:N",
                sort=alt.EncodingSortField("low"),
                title="side of a square of the same area, pixels",
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
            ),
            y=alt.Y("objects:Q", title="objects", axis=alt.Axis(format=",d", tickMinStep=1, tickCount=5)),
            color=_class_colour(names),
            tooltip=["class:N", "side:N", alt.Tooltip("objects:Q", format=",d")],
        )
    )
    return chart


def _class_colour(names: tuple[str, ...]) -> alt.Color:
    scale = alt.Scale(domain=list(names), range=[look.hex_of(index) for index in range(len(names))])
    return alt.Color("class:N", scale=scale, legend=None)
