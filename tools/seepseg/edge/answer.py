"""What a model says of an image, and that as JSON: the same from here and from the C++ runner."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from seepseg.outputs.verdict import Verdict
from seepseg.run_lengths import count_runs
from seepseg.values import Detection, Prediction


@dataclass(frozen=True, slots=True)
class Answer:
    """The objects, and whether there are any."""

    prediction: Prediction
    """At the thresholds that are stored for instances."""
    verdict: Verdict
    """At those for presence: it may be yes where no single object is sure enough, and the other way round."""


def answer_as_json(image: str, answer: Answer) -> dict[str, Any]:
    """Numbers have six digits; masks are COCO's run lengths, uncompressed."""
    found, verdict = answer.prediction, answer.verdict
    told = {key: getattr(verdict, key) for key in ("score", "probability", "threshold")}
    return {
        "image": image,
        "width": found.width,
        "height": found.height,
        "verdict": {"present": verdict.present, **{key: _rounded(value) for key, value in told.items()}},
        "instances": [_instance(one, found) for one in found.detections],
        **({} if found.presence is None else {"classes": _classes(answer)}),
    }


def _classes(answer: Answer) -> dict[str, Any]:
    """Of a classifier, what it says of each."""
    pairs = zip(answer.prediction.names, answer.verdict.classes, strict=True)
    return {name: {"present": one.present, "score": _rounded(one.score)} for name, one in pairs}


def _instance(one: Detection, found: Prediction) -> dict[str, Any]:
    counts = count_runs(one.mask, one.x, one.y, found.width, found.height).tolist()
    return {
        "class": found.names[one.class_id],
        "class_id": one.class_id,
        "score": _rounded(one.score),
        "box": [_rounded(edge) for edge in one.box],
        "area": int(np.count_nonzero(one.mask)),
        "rle": {"size": [found.height, found.width], "counts": counts},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def render(image: str, answer: Answer) -> str:
    """For people: a line for the image and one for each object."""
    found, verdict = answer.prediction, answer.verdict
    sure = "" if verdict.probability is None else f", probability {verdict.probability:.2f}"
    said = "holds something" if verdict.present else "holds nothing"
    lines = [f"{image}: {said} (confidence {verdict.score:.2f}{sure}, threshold {verdict.threshold:.2f})"]
    if found.presence is not None:
        told = zip(found.names, verdict.classes, strict=True)
        lines += [f"  {name}  {one.score:.2f}  {'yes' if one.present else 'no'}" for name, one in told]
    for one in found.detections:
        left, top, right, bottom = one.box
        area = f"{np.count_nonzero(one.mask):,} px"
        place = f"from ({left:.0f}, {top:.0f}) to ({right:.0f}, {bottom:.0f})"
        lines.append(f"  {found.names[one.class_id]}  {one.score:.2f}  {area}  {place}")
    return "\n".join(lines)
