"""What an evaluation comes to: two sentences for anyone, and the figures that carry them with what each means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seepseg.report.results import Results
from seepseg.wording import count, verb

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure that leads."""

    path: Path
    label: str
    meaning: str
    value: float | None
    interval: tuple[float, float] | None
    blank: float | None
    """What can be had without looking at the image."""

    @property
    def blank_label(self) -> str:
        """What that is had by."""
        return "blank" if self.path[0] == "pixels" else "same answer"


_MEANINGS: dict[Path, tuple[str, str]] = {
    ("mask", "map50"): (
        "Mask AP50",
        "Objects: found, outlined at least half right (IoU 0.5) and ranked before false alarms. 1 is perfect.",
    ),
    ("mask", "map50_95"): ("Mask AP50-95", "The same, with outlines asked to be ever more exact, up to IoU 0.95."),
    ("pixels", "miou_foreground"): (
        "mIoU of classes",
        "Pixels: overlap of predicted and true area, as a share of both together; mean over the classes.",
    ),
    ("pixels", "miou"): (
        "mIoU with background",
        "The same with the background as a class, which is large and easy: do not compare it with the one above.",
    ),
    ("pixels", "f1"): (
        "Pixel F1",
        "Area predicted and true in common, as a share of their mean size; all classes together.",
    ),
    ("pixels", "per_image", "miou"): (
        "mIoU per image",
        "mIoU of each image with the background, then the mean: one with little in it counts as much as a full one.",
    ),
    ("pixels", "accuracy"): (
        "Pixel accuracy",
        "Share of all pixels that are right. Most are background, so read it beside what a blank prediction gets.",
    ),
    ("presence", "accuracy"): (
        "Presence accuracy",
        "Share of images of which it says rightly whether they hold anything. Below: one answer for all of them.",
    ),
    ("presence", "recall"): ("Presence recall", "Share of the images that hold something which it recognises as such."),
    ("presence", "precision"): ("Presence precision", "Share of its alarms that are right."),
    ("presence", "auroc"): (
        "Presence AUROC",
        "How often an image with objects scores above one without; 0.5 is chance, whatever the threshold.",
    ),
}


def headlines(results: Results) -> list[Headline]:
    """Those that the evaluation has, undefined ones included."""
    found = []
    for path, (label, meaning) in _MEANINGS.items():
        section = results.metrics.get(path[0])
        if section is None or _idle(path, results):
            continue
        if path == ("pixels", "miou_foreground") and len(results.names) == 1:
            label = f"IoU of {results.names[0]}"
            meaning = "Pixels: overlap of predicted and true area, as a share of both together."
        found.append(
            Headline(path, label, meaning, results.figure(*path), results.interval(*path), blank_of(path, results))
        )
    return found


def blank_of(path: Path, results: Results) -> float | None:
    """What a prediction of nothing, or of the commoner answer, would get for this figure."""
    if path == ("pixels", "accuracy"):
        return results.figure("pixels", "accuracy_of_blank")
    if path == ("presence", "accuracy"):
        return commoner_answer(results.metrics["presence"])
    return None


def commoner_answer(presence: Mapping[str, Any]) -> float | None:
    """The accuracy of giving each image the answer that is right more often."""
    table = presence.get("confusion") or {}
    images = sum(table.values())
    positives = table.get("tp", 0) + table.get("fn", 0)
    return max(positives, images - positives) / images if images else None


def verdict(results: Results) -> str:
    """Two sentences, and one more where few images were all told rightly."""
    return " ".join(filter(None, (_objects(results) or _pixels(results), _presence(results), _few(results))))


def about_thresholds(results: Results) -> str:
    """Where the confidence thresholds come from, said plainly."""
    fitted, split = results.metrics.get("fitted"), results.metrics.get("split")
    if fitted == "val":
        source = results.metrics.get("thresholds_from") or "val"
        return (
            f"Confidence thresholds were chosen on the {source} split; the {split} split reported here chose nothing."
        )
    if fitted == "crossfit":
        return (
            f"Confidence thresholds were cross-fitted within {split}: each part of it is measured at thresholds chosen "
            "on the rest. The tables show their medians."
        )
    if fitted == "given":
        return "Confidence thresholds were given on the command line, not chosen on data."
    return "These are masks without confidence: there was no threshold to choose."


def _idle(path: Path, results: Results) -> bool:
    """With one class the pooled F1 is what Dice and IoU say already."""
    return path == ("pixels", "f1") and len(results.names) == 1


def _objects(results: Results) -> str | None:
    counts = (results.curve("confusion") or {}).get("counts")
    if not counts:
        return None
    true = sum(map(sum, counts[:-1]))
    told = sum(sum(row[:-1]) for row in counts)
    right = sum(row[index] for index, row in enumerate(counts[:-1]))
    if not true:
        return f"No image holds an object, and the model reports {count(told, 'object')}, all of them false alarms."
    named = "" if len(results.names) == 1 else " and names them rightly"
    if not told:
        return f"The model finds nothing, and misses {count(true, 'object')}."
    return (
        f"The model finds {_share(right, true)} {count(true, 'object')}{named}, "
        f"and {_share(right, told)} {told:,} that it reports {verb(right)} real{_area(results)}."
    )


def _area(results: Results) -> str:
    value = results.figure("pixels", "f1")
    return "" if value is None else f"; by area, prediction and truth agree to {value:.0%}"


def _pixels(results: Results) -> str | None:
    if not results.places:
        return None
    value = results.figure("pixels", "f1")
    if value is None:
        return "There is nothing in truth or prediction to compare."
    return f"By area, prediction and truth agree to {value:.0%} (pixel F1)."


def _presence(results: Results) -> str:
    accuracy = results.figure("presence", "accuracy")
    common = commoner_answer(results.metrics.get("presence") or {})
    if accuracy is None or common is None:
        return "Whether an image holds anything was not measured."
    compared = f"always giving the commoner answer would be right for {common:.0%}"
    images = count(results.metrics["images"], "image")
    sentence = f"It says rightly for {accuracy:.0%} of {images} whether they hold anything ({compared})"
    return f"{sentence}{_weakest(results)}."


def _few(results: Results) -> str | None:
    """What a figure without a fault is worth."""
    ends = results.interval("presence", "accuracy")
    if results.figure("presence", "accuracy") != 1 or ends is None or round(100 * (1 - ends[0])) < 1:
        return None
    unit = count(results.metrics["groups"], "group") if results.metrics.get("groups") else None
    few = f"{unit} of images" if unit else count(results.metrics["images"], "image")
    return f"No fault in {few} is what a model that errs in {1 - ends[0]:.0%} of all would show, too, now and then."


def _weakest(results: Results) -> str:
    if len(results.names) < 2:
        return ""
    kind, key, label = ("mask", "ap50", "AP50") if results.metrics.get("mask") else ("pixels", "iou", "IoU")
    if not results.places:
        kind, key, label = ("presence", "f1", "presence F1")
    values = {name: results.figure(kind, "per_class", name, key) for name in results.names}
    known = {name: value for name, value in values.items() if value is not None}
    if len(set(known.values())) < 2:
        return ""
    worst, best = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    return f"; its weakest class is {worst} ({label} {known[worst]:.2f}), its best {best} ({known[best]:.2f})"


def _share(part: int, whole: int) -> str:
    """Where there are few, the count itself: a percentage would promise more."""
    return f"{part} of the" if whole < 20 else f"{part / whole:.0%} of the"
