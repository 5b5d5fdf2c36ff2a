"""Images with their class maps as a network is fed them: laid into its square input, turned and scaled for training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import rle
from seepseg.baselines.losses import IGNORE
from seepseg.dataset.truth import Truth
from seepseg.evaluate.samples import Sample, truth_of
from seepseg.predict.letterbox import BORDER, Frame, frame_of, place
from seepseg.predict.resize import Pixels
from seepseg.raster import read_pixels

ClassMap = NDArray[np.int16]
"""The class of each pixel, as many as there are classes where there is nothing, IGNORE where nobody knows."""
Key = tuple[int, int]
"""Epoch and place in the list."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """A list of images to draw from, one file at a time; the same key gives the same tile."""

    samples: Sequence[Sample]
    classes: int
    imgsz: int
    seed: int = 0
    augment: Mapping[str, Any] | None = None
    """The settings fliplr, flipud, degrees, translate, scale and hsv_v; None for images as they are predicted."""

    def __len__(self) -> int:
        """Images, repeated ones as often as they are listed."""
        return len(self.samples)

    def __getitem__(self, key: Key) -> tuple[Pixels, ClassMap]:
        """(imgsz, imgsz, 3) in OpenCV's order, and its class map."""
        epoch, number = key
        sample = self.samples[number]
        image = read_pixels(sample.image)
        height, width = image.shape[:2]
        classes = paint_classes(truth_of(sample, width, height), self.classes)
        frame = frame_of(width, height, self.imgsz)
        if self.augment is None:
            return place(image, frame, resize=resize), place_classes(classes, frame)
        rng = np.random.default_rng([self.seed, epoch, number])
        return augment(image, classes, frame, self.augment, rng)


@dataclass(slots=True)
class Order:
    """The keys of one epoch, drawn by seed and epoch alone: a training that goes on sees what it would have seen."""

    count: int
    seed: int
    epoch: int = 0

    def __len__(self) -> int:
        """Images an epoch."""
        return self.count

    def __iter__(self) -> Iterator[Key]:
        """Each place once."""
        places = np.random.default_rng([self.seed, self.epoch]).permutation(self.count)
        return iter([(self.epoch, int(number)) for number in places])


def paint_classes(truth: Truth, classes: int) -> ClassMap:
    """Where classes share pixels, the one that covers less of the image lies on top. Crowds and pixels that the truth
    leaves open are ignored where no object is."""
    width, height = truth.width, truth.height
    painted = np.full((height, width), classes, np.int16)
    open_parts = [one.rle for one in truth.objects if one.crowd] + ([truth.ignore] if truth.ignore else [])
    if open_parts:
        painted[rle.decode(rle.union(open_parts, width, height), width, height) > 0] = IGNORE
    by_class: dict[int, list[bytes]] = {}
    for one in truth.objects:
        if not one.crowd:
            by_class.setdefault(one.class_id, []).append(one.rle)
    unions = [(class_id, rle.union(parts, width, height)) for class_id, parts in by_class.items()]
    for class_id, union in sorted(unions, key=lambda one: (-rle.measure_one(one[1], width, height)[0], one[0])):
        painted[rle.decode(union, width, height) > 0] = class_id
    return painted


def augment(
    image: Pixels, classes: ClassMap, frame: Frame, settings: Mapping[str, Any], rng: np.random.Generator
) -> tuple[Pixels, ClassMap]:
    """Turned, scaled, shifted and mirrored in one step, and made brighter or darker; outside the image the grey of
    the letterbox lies, which nothing is learned from."""
    size = frame.imgsz[1], frame.imgsz[0]
    matrix = draw_matrix(frame, settings, rng)
    pixels = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    moved = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(BORDER,) * 3)
    mapped = cv2.warpAffine(classes, matrix, size, flags=cv2.INTER_NEAREST, borderValue=(IGNORE,))
    gain = 1 + settings["hsv_v"] * rng.uniform(-1, 1)
    lit = np.clip(moved.astype(np.float32) * gain, 0, 255).astype(np.uint8)
    lit[mapped == IGNORE] = moved[mapped == IGNORE]
    return lit, mapped.astype(np.int16, copy=False)


def draw_matrix(frame: Frame, settings: Mapping[str, Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """From pixels of the image to those of the input, 2 × 3, for pixel centres at whole numbers as OpenCV has them."""
    angle = np.deg2rad(rng.uniform(-1, 1) * settings["degrees"])
    gain = frame.scale * (1 + rng.uniform(-1, 1) * settings["scale"])
    mirror = [-1 if rng.random() < settings[key] else 1 for key in ("fliplr", "flipud")]
    shift = rng.uniform(-1, 1, 2) * settings["translate"] * frame.imgsz[::-1]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = gain * turn @ np.diag(mirror)
    middle = np.array([frame.width, frame.height]) / 2
    target = np.array(frame.imgsz[::-1]) / 2 + shift
    offset = target - linear @ (middle - 0.5) - 0.5
    return np.column_stack([linear, offset])


def place_classes(classes: ClassMap, frame: Frame) -> ClassMap:
    """Each pixel of the input takes the class at its centre."""
    high, wide = frame.resized_height, frame.resized_width
    rows = (2 * np.arange(high) + 1) * frame.height // (2 * high)
    columns = (2 * np.arange(wide) + 1) * frame.width // (2 * wide)
    placed = np.full(frame.imgsz, IGNORE, np.int16)
    placed[frame.top : frame.top + high, frame.left : frame.left + wide] = classes[np.ix_(rows, columns)]
    return placed


def resize(image: Pixels, width: int, height: int) -> Pixels:
    """As prediction does it."""
    resized: Pixels = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return resized
