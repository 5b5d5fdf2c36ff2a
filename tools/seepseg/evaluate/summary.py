"""metrics.json as a table for people: headline figures with their intervals, classes, what else to know."""

from collections.abc import Mapping
from typing import Any

from seepseg.wording import align, count

HEADLINES = (
    ("mask mAP50", "mask.map50"),
    ("mask mAP50-95", "mask.map50_95"),
    ("box mAP50", "box.map50"),
    ("box mAP50-95", "box.map50_95"),
    ("pixels mIoU, with background", "pixels.miou"),
    ("pixels mIoU, classes alone", "pixels.miou_foreground"),
    ("pixels Dice", "pixels.dice"),
    ("pixels mIoU, mean over images", "pixels.per_image.miou"),
    ("pixel accuracy", "pixels.accuracy"),
    ("presence accuracy", "presence.accuracy"),
    ("presence precision", "presence.precision"),
    ("presence recall", "presence.recall"),
    ("presence F1", "presence.f1"),
    ("presence AUROC", "presence.auroc"),
)
COLUMNS = (
    ("mask AP50", "mask", "ap50"),
    ("AP50-95", "mask", "ap50_95"),
    ("IoU", "pixels", "iou"),
    ("Dice", "pixels", "dice"),
    ("precision", "pixels", "precision"),
    ("recall", "pixels", "recall"),
    ("boundary IoU", "pixels", "boundary_iou"),
    ("presence F1", "presence", "f1"),
)
FITTED = {
    "val": "chosen on {from}",
    "crossfit": "cross-fitted within {from}, median of the parts",
    "given": "as given by {from}",
}


def render(report: Mapping[str, Any]) -> str:
    """The blocks, a blank line between them."""
    blocks = [_heading(report), _headlines(report), _classes(report), "\n".join(f"note: {n}" for n in report["notes"])]
    return "\n\n".join(block for block in blocks if block)


def _heading(report: Mapping[str, Any]) -> str:
    groups = "" if report["groups"] is None else f" of {count(report['groups'], 'group')}"
    size = "" if report["imgsz"] is None else f" at imgsz {report['imgsz']}"
    return (
        f"{report['model']}{size} on {report['data']}, {report['split']}: {count(report['images'], 'image')}{groups}, "
        f"{report['images_with_objects']:,} with objects"
    )


def _headlines(report: Mapping[str, Any]) -> str:
    rows = [["", "", "95 % interval"]]
    for label, path in HEADLINES:
        value = _at(report, path)
        ends = report["ci95"].get(path)
        if report[path.partition(".")[0]] is not None:
            rows.append([label, _number(value), f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else "-"])
        if path == "pixels.accuracy" and report["pixels"] is not None:
            rows.append(["  of a blank prediction", _number(report["pixels"]["accuracy_of_blank"]), ""])
    return align(rows)


def _classes(report: Mapping[str, Any]) -> str:
    columns = [column for column in COLUMNS if report[column[1]] is not None]
    limits = report["thresholds"]
    head = ["class", *(["objects"] if report["mask"] else []), *(column[0] for column in columns)]
    rows = [[*head, *(["threshold"] if limits else [])]]
    for name in report["names"]:
        objects = [f"{report['mask']['per_class'][name]['instances']:,}"] if report["mask"] else []
        figures = [_number(report[section]["per_class"][name].get(key)) for _, section, key in columns]
        rows.append([name, *objects, *figures, *([f"{limits[name]:.3g}"] if limits else [])])
    if not limits:
        return align(rows)
    source = FITTED[report["fitted"]].format(**{"from": report["thresholds_from"]})
    rule = f", presence for {report['rule']}" if report["rule"] else ""
    return f"{align(rows)}\nthresholds {source}{rule}"


def _at(report: Mapping[str, Any], path: str) -> float | None:
    place: Any = report
    for name in path.split("."):
        place = None if place is None else place[name]
    return None if place is None else float(place)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
