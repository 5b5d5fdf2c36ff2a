"""MODEL.md: what a model is, how good it is, where its limits are, and how to run it; for people.

A run has the same card without what only an export measures.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seepseg.edge.bundle import FULL
from seepseg.edge.loss import Loss
from seepseg.edge.parity import Parity
from seepseg.edge.tables import figure, loss_rows, markdown, parity_rows, size_rows
from seepseg.evaluate.summary import HEADLINES
from seepseg.train.record import FINISHED
from seepseg.wording import count, enumerate_words

CARD = "MODEL.md"
_SHOWN = (
    *("mask.map50", "mask.map50_95", "pixels.miou", "pixels.miou_foreground", "pixels.dice"),
    *("presence.precision", "presence.recall", "presence.f1", "presence.auroc"),
)
"""Of the headlines of a report."""
_OF_PIXELS = (
    "mAP50 is how often an outline is right in place and class, mIoU and Dice how far marked and true pixels overlap."
)
_OF_IMAGES = """Precision is how many of the images said to hold something do, recall how many of those that do are
found. 1 is the best of each."""
_DOES = {"segment": "finds objects and their outlines", "classify": "says which classes an image holds"}
_LIMITS = {
    "segment": "- Masks come at a quarter of the network's input: objects one or two of its pixels wide are missed, or "
    "drawn broken.",
    "semantic": "- It counts no objects: pixels of a class that touch are one.",
    "classify": "- It says what a whole image holds and nothing of where: no masks, no counts, no scenes.",
}
_BY_BOX = "- Masks are 28 × 28 cells stretched over their box: what is long and thin is drawn coarsely."
_SEQUENCE = "- It sees {} frames of a sequence and speaks of the last; an image alone stands for all of them."
_UNKNOWN = "unknown: neither the run nor a recipe says it"


def write_card(
    facts: Mapping[str, Any],
    metrics: Mapping[str, Any] | None,
    parities: Sequence[Parity] = (),
    losses: Sequence[Loss] = (),
    sizes: Mapping[str, int] | None = None,
) -> str:
    """Plain Markdown, a blank line between blocks; without sizes of files, that of a model that was not exported."""
    blocks = [
        *_opening(facts, exported=sizes is not None),
        *_figures(facts, metrics),
        *_thresholds(facts),
        *_limits(facts, metrics),
        *_data(facts),
    ]
    if sizes is None:
        blocks += _exporting()
    else:
        blocks += [*_running(facts), *_parity(facts, parities), *_fewer(facts, losses), *_files(facts, sizes)]
    return "\n\n".join(blocks) + "\n"


def _opening(facts: Mapping[str, Any], *, exported: bool) -> Iterator[str]:
    made = (
        f"Exported by seepseg {facts['versions'].get('seepseg', '')} from weights"
        if exported
        else "Its weights are those"
    )
    does = _DOES.get(facts["task"], "says the class of each pixel")
    yield f"# {facts['run'] or facts['weights']['file']}"
    yield (
        f"A network that {does} in images: {enumerate_words(facts['names'])}. It sees {facts['imgsz']} × "
        f"{facts['imgsz']} pixels; other images are fitted in with a border. {made} "
        f"with the sha256 `{facts['weights']['sha256'][:16]}…`."
    )
    if facts.get("status") not in (None, FINISHED):
        yield f"**Its training is {facts['status']}: figures and answers will still change.**"


def _data(facts: Mapping[str, Any]) -> Iterator[str]:
    training = facts["training"] or {}
    images = training.get("images") or {}
    sizes = enumerate_words([f"{number:,} {split}" for split, number in images.items()]) if images else "unknown"
    lines = [
        f"- Data: {training.get('title') or training.get('data') or 'unknown: the model comes without a record'}",
        f"- Licence of the data: {training.get('licence') or _UNKNOWN}",
        *([f"- Citation: {training['citation']}"] if training.get("citation") else []),
        *([f"- Source: {training['homepage']}"] if training.get("homepage") else []),
        f"- Images: {sizes}",
        *([f"- Hash of the dataset: `{training['data_hash']}`"] if training.get("data_hash") else []),
        f"- Pixels: {_pixels(facts)}",
        "- Licence of the model: weights trained with Ultralytics' code are under AGPL-3.0, or its Enterprise licence",
    ]
    yield "## Data and licence"
    yield "\n".join(lines)


def _pixels(facts: Mapping[str, Any]) -> str:
    rule, metres = facts["scale"], facts["metres_per_pixel"]
    spacing = "" if metres is None else f", {metres:g} m each"
    if rule is None or rule["kind"] == "none":
        return f"8 bits, as they are{spacing}"
    ends = ", ".join(f"{low:g} to {high:g}" for low, high in zip(rule["low"], rule["high"], strict=True))
    bands = enumerate_words([str(band) for band in rule["bands"]])
    return f"band {bands} in {rule['units']}, {ends} as 8 bits (rule {rule['kind']}){spacing}"


def _figures(facts: Mapping[str, Any], metrics: Mapping[str, Any] | None) -> Iterator[str]:
    yield "## Figures"
    if metrics is None:
        yield "The run holds no evaluation of these weights: `seepseg eval RUN DATA.yaml --split test` makes one."
        return
    at = f" at imgsz {metrics['imgsz']}" if metrics.get("imgsz") not in (None, facts["imgsz"]) else ""
    groups = f" from {count(metrics['groups'], 'group')}" if metrics.get("groups") else ""
    yield (
        f"On the {metrics['split']} split{at}: {count(metrics['images'], 'image')}{groups}, "
        f"{metrics['images_with_objects']:,} with objects. Intervals are of 95 %, by drawing images again."
    )
    labels = {path: label for label, path in HEADLINES}
    rows = [["", "value", "95 % interval"]]
    for path in _SHOWN:
        value = _at(metrics, path)
        if value is not None:
            rows.append([labels[path], f"{value:.3f}", _interval(metrics["ci95"].get(path))])
    yield markdown(rows)
    if facts["task"] == "classify":
        yield f"In words: {_OF_IMAGES}"
    else:
        yield f"In words: {_OF_PIXELS} {_OF_IMAGES}"
        yield markdown(_per_class(facts["names"], metrics))


def _per_class(names: Sequence[str], metrics: Mapping[str, Any]) -> list[list[str]]:
    rows = [["class", "objects", "mask AP50", "95 % interval", "IoU", "95 % interval"]]
    for name in names:
        one = _at(metrics, "mask.per_class", name) or {}
        objects = f"{one['instances']:,}" if "instances" in one else "-"
        cells = [name, objects]
        for part, key in (("mask", "ap50"), ("pixels", "iou")):
            value = (_at(metrics, f"{part}.per_class", name) or {}).get(key)
            ends = metrics["ci95"].get(f"{part}.per_class.{name}.{key}")
            cells += [figure(value), _interval(ends)]
        rows.append(cells)
    return rows


def _thresholds(facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## Thresholds"
    confidence, presence = facts["confidence"], facts["presence"]
    if confidence is None:
        yield "None were chosen: 0.25 is used throughout, which suits no model in particular."
        return
    two = "The first is of single objects and their pixels; the second decides whether an image holds the class at all."
    one = "They decide whether an image holds the class; of objects there are none."
    yield f"Chosen on validation images, with what they gave there. {one if facts['task'] == 'classify' else two}"
    head = ["class", "object", "precision", "recall", "presence", "precision", "recall"]
    rows = [[name, *_choice(confidence[name]), *_choice(presence["per_class"][name])] for name in facts["names"]]
    yield markdown([head, *rows, ["anything at all", "", "", "", *_choice(presence["any"])]])


def _choice(one: Mapping[str, Any]) -> list[str]:
    limit = one["threshold"]
    return [
        "0.25 (none chosen)" if limit is None else f"{limit:.3g}",
        figure(one["precision"]),
        figure(one["recall"]),
    ]


def _prevalence(presence: Mapping[str, Any] | None) -> Iterator[str]:
    share = ((presence or {}).get("any") or {}).get("share")
    if share is not None:
        yield (
            f"- {share:.0%} of the images that chose thresholds hold something, and probabilities of presence are of "
            "such images: where fewer do, they promise too much."
        )


def _limits(facts: Mapping[str, Any], metrics: Mapping[str, Any] | None) -> Iterator[str]:
    names, per_class = facts["names"], _at(metrics, "mask.per_class") or {}
    few = [name for name in names if 0 < (per_class.get(name) or {}).get("instances", 0) < 30]
    none = [name for name in names if name in per_class and not per_class[name].get("instances")]
    confidence = facts["confidence"] or {}
    blind = [name for name in names if name in confidence and confidence[name]["threshold"] is None]
    lines = [
        "- A score is no probability, and what is found is a candidate: look-alikes such as low wind, rain cells or "
        "wakes look the same in one image.",
        *_prevalence(facts["presence"]),
        _BY_BOX if facts.get("masks_by_box") else _LIMITS.get(facts["task"], _LIMITS["semantic"]),
        *([_SEQUENCE.format(facts["frames"])] if facts.get("frames", 1) > 1 else []),
        "- Nothing is known of images of another sensor, place, season or scaling than those of the training.",
        *(
            [f"- Too few objects for a figure to rest on (below 30 in the evaluation): {enumerate_words(few)}."]
            if few
            else []
        ),
        *([f"- Never seen in the evaluation: {enumerate_words(none)}."] if none else []),
        *([f"- No threshold could be chosen, so expect little: {enumerate_words(blind)}."] if blind else []),
    ]
    yield "## Limits"
    yield "\n".join(lines)


def _exporting() -> Iterator[str]:
    yield "## How to run it"
    yield "```\nseepseg predict RUN image.tif --out found\nseepseg export RUN --out BUNDLE\n```"
    yield "The second makes a bundle of it, which also runs on devices."


def _running(facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## How to run it"
    yield "With seepseg installed:"
    yield "```\nseepseg predict BUNDLE image.tif --out found\n```"
    by_box = facts.get("masks_by_box")  # Such a program in TorchScript calls torchvision.
    engines = "onnxruntime or openvino, once exported for it" if by_box else "one of torch, onnxruntime or openvino"
    yield f"On a device, with numpy and {engines}, and nothing else:"
    yield "```\npython -m seepseg.edge BUNDLE tile.png --json\n```"
    # The runner prints instances, and refuses what has none; it shows one frame, and makes masks of prototypes.
    if facts["task"] != "classify" and not by_box and facts.get("frames", 1) == 1:
        yield "In C++, with libtorch:"
        yield "```\npython -m seepseg.edge.cpp seepseg-edge\n./seepseg-edge BUNDLE tile.pgm\n```"
    if facts["scale"] is not None and facts["scale"]["kind"] != "none":
        yield "Values of more than 8 bits become pixels by the rule above, on each of these ways."


def _parity(facts: Mapping[str, Any], parities: Sequence[Parity]) -> Iterator[str]:
    yield "## Parity"
    yield (
        f"Beside the .pt on {facts['parity']['images']}; differences are the largest and the mean. In {FULL}, masks "
        "agree to an IoU of 0.99 and scores to 0.001, or the bundle would not have been written. Times are of the "
        "machine that exported it."
    )
    yield markdown(parity_rows(parities))


def _fewer(facts: Mapping[str, Any], losses: Sequence[Loss]) -> Iterator[str]:
    if losses:
        yield "## Fewer bits"
        yield f"Used where `--fast` asks for it. Measured on {losses[0].images}, at the stored thresholds:"
        yield markdown(loss_rows(losses))
    elif facts.get("fast"):
        yield "## Fewer bits"
        yield "Used where `--fast` asks for it. What that loses was not measured: no val images could be read."


def _files(facts: Mapping[str, Any], sizes: Mapping[str, int]) -> Iterator[str]:
    yield "## Files"
    fixed = "any size and batch" if facts["dynamic"] else f"{facts['imgsz']} × {facts['imgsz']} pixels, one at a time"
    yield f"The models take {fixed}. `bundle.json` lists every file with its sha256; a changed one is refused."
    yield markdown(size_rows(sizes))
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items() if version)
    yield f"Made with {versions}."


def _at(metrics: Mapping[str, Any] | None, path: str, *more: str) -> Any:
    place: Any = metrics
    for name in (*path.split("."), *more):
        place = place.get(name) if isinstance(place, Mapping) else None
    return place


def _interval(ends: Sequence[float] | None) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else "-"
