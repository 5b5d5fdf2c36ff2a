"""The curves of a training, epoch by epoch, as charts that grow while it goes on."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from seepseg.wording import enumerate_words

Columns = Mapping[str, Sequence[float | None]]
"""Of results.csv, by name."""
INKS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Four of Okabe and Ito that show on white and on black."""
_QUALITY = {
    "metrics/mAP50(M)": "mask AP50",
    "metrics/mAP50-95(M)": "mask AP50-95",
    "metrics/mIoU": "mean IoU",
    "metrics/precision(M)": "precision",
    "metrics/recall(M)": "recall",
    "metrics/AP": "AP of presence",
    "metrics/AUROC": "AUROC",
    "metrics/accuracy": "accuracy",
}
_LOSSES = {
    "seg_loss": "Masks",
    "box_loss": "Boxes",
    "cls_loss": "Classes",
    "dfl_loss": "Edges of boxes",
    "sem_loss": "Pixels",
    "mask_loss": "Masks",
    "ce_loss": "Pixels",
    "dice_loss": "Overlap",
}
_DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]
_HEIGHT = 250


def tell_best(columns: Columns) -> str | None:
    """'epoch 12, mask AP50-95 0.413': of the figure that says most."""
    for key in ("metrics/mAP50-95(M)", "metrics/mIoU", *(name for name in columns if name.startswith("metrics/"))):
        known = [(value, number) for number, value in enumerate(columns.get(key, ()), 1) if value is not None]
        if known:
            value, number = max(known, key=lambda one: (one[0], -one[1]))
            return f"epoch {number}, {_QUALITY.get(key, key.removeprefix('metrics/'))} {value:.3f}"
    return None


def draw_quality(columns: Columns, epochs: int | None) -> alt.Chart | None:
    """How good the masks are on validation images."""
    there = {key: label for key, label in _QUALITY.items() if key in columns}
    others = [key for key in columns if key.startswith("metrics/")][:4]
    lines = there or {key: key.removeprefix("metrics/") for key in others}
    shown = dict(list(lines.items())[: len(INKS)])
    return _draw({label: columns[key] for key, label in shown.items()}, columns, epochs)


def draw_losses(columns: Columns, epochs: int | None) -> list[tuple[str, alt.Chart]]:
    """A title and a chart for each part of the loss that is not nought throughout."""
    kinds = dict.fromkeys(key.partition("/")[2] for key in columns if key.endswith("loss"))
    charts = []
    for kind in kinds:
        lines = {
            label: columns[f"{where}/{kind}"]
            for where, label in (("val", "validation"), ("train", "training"))
            if f"{where}/{kind}" in columns
        }
        if any(any(values) for values in lines.values()):
            chart = _draw(lines, columns, epochs)
            charts += [(_LOSSES.get(kind, kind), chart)] if chart else []
    return charts


def _draw(lines: Mapping[str, Sequence[float | None]], columns: Columns, epochs: int | None) -> alt.Chart | None:
    numbers = columns.get("epoch", ())
    rows: list[dict[str, Any]] = [
        {"epoch": epoch, "value": value, "line": label}
        for label, values in lines.items()
        for epoch, value in zip(numbers, values, strict=False)
        if value is not None and epoch is not None
    ]
    if not rows:
        return None
    # One legend for both: Vega puts together those that are alike.
    legend = alt.Legend(orient="top", offset=4, columns=2, symbolType="stroke", symbolStrokeWidth=3)
    last = max(epochs or 0, *(row["epoch"] for row in rows))
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows), height=_HEIGHT, description=f"{enumerate_words(list(lines))} by epoch")
        .mark_line(strokeWidth=2.2, point=len(numbers) == 1)
        .encode(
            x=alt.X(
                "epoch:Q",
                title=None,
                scale=alt.Scale(domain=[1, max(last, 2)], nice=False),
                axis=alt.Axis(format="d", tickMinStep=1, tickCount=8),
            ),
            y=alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=5)),
            color=alt.Color(
                "line:N",
                title=None,
                sort=list(lines),
                scale=alt.Scale(domain=list(lines), range=list(INKS[: len(lines)])),
                legend=legend,
            ),
            strokeDash=alt.StrokeDash(
                "line:N",
                title=None,
                sort=list(lines),
                scale=alt.Scale(domain=list(lines), range=_DASHES[: len(lines)]),
                legend=legend,
            ),
            tooltip=["line:N", alt.Tooltip("epoch:Q", format="d"), alt.Tooltip("value:Q", format=".4f")],
        )
    )
    return chart
