"""Raw output of a network → Prediction; numpy alone, and the same for every engine and the edge."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import UsageError
from seepseg.predict.components import Component, find_components
from seepseg.predict.letterbox import Frame, boxes_to_image
from seepseg.predict.masks import cut_mask, no_mask
from seepseg.predict.nms import suppress
from seepseg.predict.pasting import paste_mask
from seepseg.predict.sampling import Axis, Floats, axes_of, sample
from seepseg.values import Bitmap, Detection, Prediction

Conf = float | Sequence[float]
"""One threshold for all classes, or one for each; a score has to be above it."""
IOU, MAX_DET = 0.7, 300
"""Of two boxes of one class with a higher IoU the surer one stays, and of an image this many at most: as Ultralytics
has it, and the same in evaluation, prediction and bundles."""
MARGIN = 0.02
"""How far masks may reach beyond their box, as a share of its sides: measured by tests/bench/bench_clean.py."""
LEAST_ON_DATA = {"segment": 0.5}
"""By task, the share of an object's mask that lies on pixels with data. Of an object with less, the rest is the rim of
what is missing; a semantic model says it pixel by pixel, so of its regions whatever has data stays."""
STRIP = 256
"""Rows of an image whose scores are held at once."""


def is_on_data(mask: Bitmap, with_data: Bitmap, task: str) -> bool:
    """Whether an object is one of the image, by its mask and what of it has data."""
    left = int(np.count_nonzero(with_data))
    return left > 0 and left >= LEAST_ON_DATA.get(task, 0.0) * int(np.count_nonzero(mask))


def decode_segment(
    output: Floats,
    prototypes: Floats,
    frame: Frame,
    *,
    conf: Conf,
    iou: float = IOU,
    max_det: int = MAX_DET,
    margin: float = 0.0,
    masks_above: Conf = 0.0,
) -> Prediction:
    """One image: `output` (4 + classes + 32, anchors) with boxes as centre and size, or what a head without NMS gives,
    (n, 6 + 32) with left, top, right, bottom, score and class; `prototypes` (32, h, w).

    Mask R-CNN has such rows without coefficients, (n, 6), and in place of prototypes a mask of its own for each,
    (n, 28, 28), laid over its box.

    A candidate stands for its best class alone, also where another class has a lower threshold. `margin` lets masks
    reach beyond their box by that share of its width and height on each side. Masks cost most of the time:
    `masks_above` leaves those of lower scores empty. A detection without a pixel stays.
    """
    prototypes = np.asarray(prototypes, np.float32)
    depth = len(prototypes)
    own = is_own(output, prototypes)
    if own:
        output = np.hstack([output, prototypes.reshape(depth, prototypes.shape[1] * prototypes.shape[2])])
    # 38 is no possible number of anchors: those of strides 8, 16 and 32 come in 21s, and in 85s with one stride more.
    if own or output.shape[1] == 6 + depth:
        boxes, scores, classes, coefficients = _rows(output, conf)
        kept: NDArray[np.int64] | slice = slice(max_det)
    else:
        boxes, scores, classes, coefficients = _candidates(output, depth, conf)
        kept = suppress(boxes, scores, classes, iou=iou, most=max_det)
    boxes = boxes_to_image(boxes[kept], frame)
    if own:
        cut = partial(paste_mask, shape=prototypes.shape[1:], frame=frame)
    else:
        rows, columns = axes_of(frame, *prototypes.shape[1:], whole=False)
        cut = partial(cut_mask, prototypes=prototypes, rows=rows, columns=columns, margin=margin)
    found = []
    limits = np.asarray(masks_above, np.float32)
    for box, score, class_id, weights in zip(boxes, scores[kept], classes[kept], coefficients[kept], strict=True):
        left, top, right, bottom = box.tolist()
        shown = score > (limits[class_id] if limits.ndim else limits)
        crop = cut(weights, box=box) if shown else no_mask(left, top)
        mask, x, y = crop
        found.append(Detection(int(class_id), float(score), (left, top, right, bottom), mask, x, y))
    return Prediction(frame.width, frame.height, tuple(found))


def check_outputs(outputs: Sequence[Floats], task: str, classes: int, background: int | None) -> None:
    """Refuse what would pass for an answer: no numbers, or other classes than the model says that it has."""
    head = outputs[0]
    if not np.isfinite(head).all():
        raise UsageError("the model gives no numbers for this image; leave out --fast, or train it again")
    if task == "segment" and (is_own(*outputs) or head.shape[1] == 6 + len(outputs[1])):
        fits = bool(np.all((head[:, 5] >= 0) & (head[:, 5] < classes)))
    elif task == "segment":
        fits = len(head) == 4 + classes + len(outputs[1])
    else:
        fits = len(head) == classes + (background is not None)
    if not fits:
        raise UsageError("the model gives other classes than it names; export it again with 'seepseg export'")


def is_own(output: Floats, *masks: Floats) -> bool:
    """Whether each row of an output comes with a mask of its own, as Mask R-CNN's do."""
    return len(masks) == 1 and output.shape == (len(masks[0]), 6)


def decode_semantic(logits: Floats, frame: Frame, *, conf: Conf, background: int | None = None) -> Prediction:
    """One image: (channels, h, w) of which the highest wins each pixel, or one channel that is above 0 or not.

    Pixels of one class that touch, corners included, are a detection; its score is the mean probability of that class
    inside. `background` is the channel that means nothing is there; the others are the classes, in order.
    """
    classes, probability = _class_map(np.asarray(logits, np.float32), frame, background)
    parts = find_components(classes, probability)
    limits = _limits(conf, len(logits) - (background is not None))
    kept = [part for part in parts if part.mean > limits[part.class_id]]
    found = [_detection(part) for part in sorted(kept, key=lambda part: -part.mean)]
    return Prediction(frame.width, frame.height, tuple(found))


def decode_presence(logits: Floats, frame: Frame) -> Prediction:
    """One image: (classes,), each class being there or not whatever the others are. No detections: a classifier does
    not say where."""
    scores = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
    return Prediction(frame.width, frame.height, presence=tuple(scores.tolist()))


Candidates = tuple[Floats, Floats, NDArray[np.int64], Floats]
"""Boxes as left, top, right, bottom; scores; classes; mask coefficients."""


def _candidates(output: Floats, depth: int, conf: Conf) -> Candidates:
    by_class = output[4:-depth]
    limits = _limits(conf, len(by_class))
    hopeful = np.flatnonzero(by_class.max(axis=0) > limits.min())
    some = output[:, hopeful].T.astype(np.float32)
    by_class = some[:, 4:-depth]
    classes = by_class.argmax(axis=1)
    scores = by_class[np.arange(len(classes)), classes]
    good = scores > limits[classes]
    some, scores, classes = some[good], scores[good], classes[good]
    centres, halves = some[:, :2], some[:, 2:4] / 2
    return np.hstack([centres - halves, centres + halves]), scores, classes, np.ascontiguousarray(some[:, -depth:])


def _rows(output: Floats, conf: Conf) -> Candidates:
    classes = output[:, 5].astype(np.int64)
    limits = _limits(conf, None)
    if limits.ndim and len(classes) and classes.max() >= len(limits):
        raise UsageError(f"{len(limits)} thresholds are given, but the model found class {classes.max()}")
    some = output[output[:, 4] > (limits[classes] if limits.ndim else limits)].astype(np.float32)
    return some[:, :4], some[:, 4], some[:, 5].astype(np.int64), np.ascontiguousarray(some[:, 6:])


def _limits(conf: Conf, classes: int | None) -> NDArray[np.float32]:
    limits = np.asarray(conf, np.float32)
    if classes is None:
        return limits
    if limits.ndim and len(limits) != classes:
        raise UsageError(f"{len(limits)} thresholds are given, but the model has {classes} classes; give one for each")
    return np.broadcast_to(limits, classes)


def _class_map(logits: Floats, frame: Frame, background: int | None) -> tuple[NDArray[np.uint16], Floats]:
    """Class id + 1 of each pixel of the image, 0 where nothing is, and how probable that class is."""
    rows, columns = axes_of(frame, *logits.shape[1:], whole=True)
    numbers = np.arange(1, len(logits) + 1, dtype=np.uint16)
    if background is not None:
        numbers[background:] -= 1
        numbers[background] = 0
    classes = np.empty((frame.height, frame.width), np.uint16)
    probability = np.empty((frame.height, frame.width), np.float32)
    for start in range(0, frame.height, STRIP):
        strip = slice(start, min(start + STRIP, frame.height))
        values = _sample_strip(logits, rows, columns, strip)
        if len(values) == 1:
            classes[strip] = values[0] > 0
            probability[strip] = (1 + np.tanh(values[0] / 2)) / 2
        else:
            classes[strip] = numbers[values.argmax(axis=0)]
            probability[strip] = 1 / np.exp(values - values.max(axis=0)).sum(axis=0)
    return classes, probability


def _sample_strip(logits: Floats, rows: Axis, columns: Axis, strip: slice) -> Floats:
    low, high = rows.cells(strip.start, strip.stop)
    left, right = columns.cells(0, len(columns.weights))
    values = np.empty((len(logits), strip.stop - strip.start, len(columns.weights)), np.float32)
    for cells, out in zip(logits, values, strict=True):
        sample(cells[low:high, left:right], rows, columns, strip.start, 0, out)
    return values


def _detection(part: Component) -> Detection:
    mask, x, y = part.crop
    height, width = mask.shape
    box = (float(x), float(y), float(x + width), float(y + height))
    return Detection(part.class_id, part.mean, box, mask, x, y)
