"""Frames of a sequence, known by their names: SEQUENCE.FRAME, as splits keep together."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seepseg.dataset.layout import IMAGE_SUFFIXES
from seepseg.errors import DatasetError

if TYPE_CHECKING:
    from seepseg.predict.resize import Pixels

Frame = TypeVar("Frame")
_NAME = re.compile(r"(.+)\.(\d+)")


def name_frame(stem: str) -> tuple[str, int] | None:
    """Sequence and number of a frame; None where a name has no such form."""
    found = _NAME.fullmatch(stem)
    return (found[1], int(found[2])) if found else None


def sequence_of(stem: str) -> str | None:
    """The sequence of a frame; None where names tell of none, and all belong together."""
    name = name_frame(stem)
    return name and name[0]


def find_earlier(images: Iterable[Path], count: int) -> dict[Path, tuple[Path, ...]]:
    """For each image, at most `count` frames of its sequence that lie before it in its folder, the nearest last."""
    images = tuple(images)
    sequences: dict[tuple[Path, str], dict[int, Path]] = {}
    for folder in dict.fromkeys(image.parent for image in images):
        for file in folder.iterdir():
            # Labels, world files or Ultralytics' .npy may lie beside, under the same names.
            if file.suffix.lower() in IMAGE_SUFFIXES and (name := name_frame(file.stem)):
                sequences.setdefault((folder, name[0]), {})[name[1]] = file
    found = {}
    for image in images:
        name = name_frame(image.stem)
        frames = sequences[image.parent, name[0]] if name else {}
        before = sorted(number for number in frames if name and number < name[1])
        found[image] = tuple(frames[number] for number in before[-count:]) if count else ()
    return found


def fill_up(earlier: Sequence[Frame], last: Frame, count: int) -> list[Frame]:
    """`count` frames that end with the last; where too few lie before it, the first is repeated."""
    frames = [*earlier, last][-count:]
    return [frames[0]] * (count - len(frames)) + frames


def read_earlier(files: Sequence[Path], image: Path, last: "Pixels") -> "list[Pixels]":
    """The pixels of frames that lie before an image."""
    from seepseg.raster import read_pixels

    found = [read_pixels(file) for file in files]
    for file, pixels in zip(files, found, strict=True):
        if pixels.shape[:2] != last.shape[:2]:
            raise DatasetError(
                f"{file}: {pixels.shape[1]} × {pixels.shape[0]} pixels, but {image.name}, a later frame of its "
                f"sequence, has {last.shape[1]} × {last.shape[0]}; frames of a sequence must be of one size"
            )
    return found
