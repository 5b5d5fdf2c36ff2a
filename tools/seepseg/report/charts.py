"""What is drawn of an evaluation: which plots its figures allow, and what each shows."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from seepseg.report import drawings
from seepseg.report.plots import Plot
from seepseg.report.results import Results

ANY = "any"
MOST_GROUPS = 25
_BY_CONFIDENCE = {"f1": "F1", "precision": "precision", "recall": "recall"}


def chart_objects(results: Results) -> list[Plot]:
    """Curves of finding objects; none for masks, which have no confidence."""
    plots = []
    masks, boxes = results.curve("pr", "mask"), results.curve("pr", "box")
    if masks:
        caption = "How many of the objects found are right (precision) as more of the true ones are found (recall)"
        lines = _of_classes(results, masks, "recall", "precision")
        if len(lines) == 1 and boxes:
            (curve,) = boxes.values()
            lines = {"masks": lines.popitem()[1], "boxes": (1, curve["recall"], curve["precision"])}
        plots.append(
            Plot(
                "pr",
                "Precision and recall of masks",
                f"{caption}; IoU 0.5.",
                partial(drawings.draw_lines, lines, "recall", "precision"),
            )
        )
    return plots + _by_confidence(results)


def chart_pixels(results: Results) -> list[Plot]:
    """Overlap by confidence, with the threshold in use."""
    curves = results.curve("pixels_by_conf")
    if not curves or results.metrics.get("task") == "masks":
        return []
    there = {name: one for name, one in curves.items() if any(one["recall"])}
    lines = _of_classes(results, there, "conf", "iou")
    marks = {name: value for name, value in (results.metrics.get("thresholds") or {}).items() if value is not None}
    caption = "Overlap of predicted and true pixels at every confidence; the dot is the threshold in use."
    return [
        Plot(
            "iou_by_confidence",
            "IoU by confidence",
            caption,
            partial(drawings.draw_lines, lines, "confidence", "IoU", marks=marks),
        )
    ]


def chart_sizes(results: Results) -> list[Plot]:
    """Recall by width, AP by area."""
    plots = []
    widths = [row for row in results.metrics.get("widths") or [] if row["instances"]]
    if widths:
        caption = (
            "Share of objects found, by how wide they are. Filled: at the thresholds; outlined: at any confidence. "
            "The numbers count the objects."
        )
        plots.append(Plot("widths", "Recall by object width", caption, partial(drawings.draw_widths, widths)))
    sizes = results.metrics.get("sizes") or {}
    if any(one["instances"] for one in sizes.values()):
        caption = (
            "Average precision by area: small is below 32² pixels, large above 96². The numbers count the objects."
        )
        plots.append(Plot("sizes", "Mask AP by object size", caption, partial(drawings.draw_sizes, sizes)))
    return plots


def chart_presence(results: Results) -> list[Plot]:
    """Whether an image holds a class: how well it ranks, and whether its probabilities can be believed."""
    plots = []
    curves = _presence_lines(results, results.curve("roc"), "fpr", "tpr")
    if curves:
        caption = (
            "Images with objects that are recognised, by how many images without raise an alarm. "
            "The diagonal is chance."
        )
        draw = partial(
            drawings.draw_lines,
            curves,
            "false alarms (of images without)",
            "recognised (of images with)",
            diagonal=True,
        )
        plots.append(Plot("roc", "Presence: ROC", caption, draw))
    reliability = results.curve("reliability", ANY)
    if reliability:
        what = "probability" if reliability.get("calibrated") else "confidence"
        caption = (
            f"On the diagonal, the {what} that an image holds anything can be taken at its word. "
            "Bars: images in each bin."
        )
        plots.append(
            Plot(
                "reliability",
                "Presence: reliability",
                caption,
                partial(drawings.draw_reliability, reliability, what),
                4.2,
            )
        )
    return plots


def chart_groups(results: Results) -> list[Plot]:
    """IoU of single images, by group where there are groups that hold more than one."""
    groups: dict[str, list[float]] = {}
    for row in results.images:
        if row.iou is not None:
            groups.setdefault(row.group or "", []).append(row.iou)
    values = [value for some in groups.values() for value in some]
    if not values:
        return []
    if not 1 < len(groups) < len(values):
        draw = partial(drawings.draw_histogram, values, "images")
        return [Plot("groups", "IoU by image", "How many images reach which IoU.", draw)]
    if len(groups) > MOST_GROUPS:
        means = [float(np.mean(some)) for some in groups.values()]
        draw = partial(drawings.draw_histogram, means, "groups")
        return [Plot("groups", "IoU by group", "How many groups reach which mean IoU of their images.", draw)]
    worst = sorted(groups.items(), key=lambda one: float(np.mean(one[1])))
    caption = "IoU of every image in each group, worst first; the bar is the mean of the group."
    return [Plot("groups", "IoU by group", caption, partial(drawings.draw_groups, worst), 1.1 + 0.24 * len(worst))]


def chart_confusion(results: Results) -> list[Plot]:
    """The matrix as a picture; the page has it as a table."""
    confusion = results.curve("confusion")
    if not confusion:
        return []
    side = 2.2 + 0.42 * len(confusion["names"])
    return [
        Plot(
            "confusion",
            "Confusion at the thresholds",
            "Rows: truth; columns: predicted.",
            partial(drawings.draw_matrix, confusion),
            side,
        )
    ]


def _of_classes(results: Results, curves: Mapping[str, Any], x: str, y: str) -> dict[str, tuple[int, Any, Any]]:
    return {
        name: (index, curves[name][x], curves[name][y])
        for index, name in enumerate(results.names)
        if name in curves and any(value is not None for value in curves[name][y])
    }


def _presence_lines(results: Results, curves: Mapping[str, Any], x: str, y: str) -> dict[str, tuple[int, Any, Any]]:
    lines = _of_classes(results, curves, x, y)
    lines = {name: one for name, one in lines.items() if any(value is not None for value in one[1])}
    if (
        len(results.names) > 1
        and ANY in curves
        and ANY not in results.names
        and None not in curves[ANY][y] + curves[ANY][x]
    ):
        lines["any class"] = (-1, curves[ANY][x], curves[ANY][y])
    return lines


def _by_confidence(results: Results) -> list[Plot]:
    curves = results.curve("f1_by_conf")
    if not curves:
        return []
    if len(results.names) == 1:
        (one,) = curves.values()
        lines = {label: (index, one["conf"], one[key]) for index, (key, label) in enumerate(_BY_CONFIDENCE.items())}
        caption = "What a higher confidence threshold costs and brings; mask IoU 0.5."
        marks = dict.fromkeys(lines, next(iter((results.metrics.get("thresholds") or {}).values()), None))
        draw = partial(
            drawings.draw_lines,
            lines,
            "confidence",
            "share",
            marks={name: at for name, at in marks.items() if at is not None},
        )
        return [Plot("f1", "Precision, recall and F1 by confidence", caption, draw)]
    plots = []
    for key, label in _BY_CONFIDENCE.items():
        lines = _of_classes(results, curves, "conf", key)
        caption = f"{label[0].upper()}{label[1:]} of each class as the confidence threshold rises; mask IoU 0.5."
        plots.append(
            Plot(
                key,
                f"{label[0].upper()}{label[1:]} by confidence",
                caption,
                partial(drawings.draw_lines, lines, "confidence", label),
            )
        )
    return plots
