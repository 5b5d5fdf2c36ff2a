"""Drifting slicks with their truth, what a model might say of them, and films of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.values import Bitmap, Detection, Prediction

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Slick:
    """A ragged streak that drifts, turns and changes; between two frames it may be in two pieces."""

    x: float
    y: float
    length: float
    width: float
    angle: float = 0.0
    drift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    seed: int = 0
    split: tuple[int, int] = (0, 0)


def draw(slick: Slick, frame: int, size: int, rough: float = 0.35) -> Bitmap:
    """The slick's true mask at a frame."""
    down, across = np.mgrid[:size, :size].astype(np.float32)
    dx, dy = across - slick.x - slick.drift[0] * frame, down - slick.y - slick.drift[1] * frame
    angle = slick.angle + slick.turn * frame
    along, aside = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    level = 1 - np.hypot(along / slick.length, aside / slick.width)
    step, part = divmod(frame / 20, 1)
    textures = (texture(slick.seed * 1000 + int(step) + more, 2 * size) for more in (0, 1))
    mixed = sum(weight * one for weight, one in zip((1 - part, part), textures, strict=True))
    places = np.mod(np.stack([along, aside]) + size, 2 * size).astype(int)
    mask = level + rough * mixed[places[1], places[0]] > 0.35
    if slick.split[0] <= frame < slick.split[1]:
        mask &= np.abs(along - slick.length / 6) > 3
    return mask.astype(np.uint8)


_TEXTURES: dict[tuple[int, int], NDArray[np.float32]] = {}


def texture(seed: int, size: int, scale: float = 5.0) -> NDArray[np.float32]:
    """Smooth noise of spread 1."""
    if (seed, size) not in _TEXTURES:
        field = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((size, size)), (0, 0), scale)
        _TEXTURES[seed, size] = (field / field.std()).astype(np.float32)
    return _TEXTURES[seed, size]


def fray(mask: Bitmap, rng: np.random.Generator, pixels: float) -> Bitmap:
    """The mask with an edge that is off by about this many pixels, another way each time."""
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
    noise = cv2.GaussianBlur(rng.standard_normal(mask.shape), (0, 0), 2.0)
    frayed: Bitmap = (inside + pixels * noise / noise.std() > 0).astype(np.uint8)
    return frayed


def pieces(mask: Bitmap, score: float, class_id: int = 0, least: int = 4) -> list[Detection]:
    """One detection a connected part."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for number in range(1, count):
        x, y, wide, high, area = boxes[number].tolist()
        if area >= least:
            crop = (labels[y : y + high, x : x + wide] == number).astype(np.uint8)
            found.append(Detection(class_id, score, (x, y, x + wide, y + high), crop, x, y))
    return found


def block(x: int, y: int, width: int, height: int, *, score: float = 0.9, class_id: int = 0) -> Detection:
    """A rectangle, box and mask alike."""
    return Detection(class_id, score, (x, y, x + width, y + height), np.ones((height, width), np.uint8), x, y)


def prediction(*detections: Detection, size: int = 100) -> Prediction:
    return Prediction(size, size, tuple(sorted(detections, key=lambda one: -one.score)), ("oil", "ship"))


def paint(masks: Iterable[Bitmap], rng: np.random.Generator, size: int) -> Pixels:
    """A frame as a radar would show it: speckled sea, dark where a mask is."""
    level = np.full((size, size), 120.0)
    for mask in masks:
        level[cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8) > 0.5] = 45.0
    grey = np.clip(level * rng.gamma(6, 1 / 6, (size, size)), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def write_film(path: Path, frames: Sequence[Pixels], *, fps: float = 10.0, code: str = "mp4v") -> Path:
    """By OpenCV, which the code under test does not use."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), fps, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path
