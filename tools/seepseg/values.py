"""What passes between modules: frozen, in pixels, (0, 0) the outer corner of the first pixel."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from seepseg.georeference import Grid

Bitmap = NDArray[np.uint8]
"""A mask of zeros and ones, (height, width)."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One closed ring: (n, 2) points, x and y."""

    points: NDArray[np.float64]
    inward: NDArray[np.int8] | None = None
    """Of a ring traced from a bitmap along pixel edges, (n, 3): which way is in along x and y, and whether the vertex
    is one of two on either side of a corner where pixels touch. None for a polygon that the source drew: it is
    written as it is."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One object. `rle` is the exact truth at native size (COCO's compressed counts); each outline is a part of it."""

    class_id: int
    rle: bytes
    bbox: tuple[int, int, int, int]
    """x, y, width, height of the bitmap."""
    area: int
    outlines: tuple[Outline, ...]
    crowd: bool = False
    source_id: int | str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Something left out or changed, and why: counted by reason, never silent."""

    reason: str
    where: str


UNFIT = "image that can't be converted, left out"
"""The reason of what `--unfit skip` leaves out."""
FURTHER = "pages or frames after the first, left out"
"""The reason of a file of several pictures, however many they are."""
SEVERAL = "holds several pictures, and the first alone was looked at; save the other pages or frames as files"
"""The note on such a file that a model is asked about."""
FLAT = (
    "as the model sees it, all its pixels have one value or hold no data, so that its answer says nothing; check that "
    "it is the right file, or leave it out"
)
"""The note on an image that nothing can be found in."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """The truth of one image."""

    width: int
    height: int
    instances: tuple[Instance, ...] = ()
    ignore: bytes | None = None
    """RLE of pixels that are neither object nor background (void, no data)."""
    skipped: tuple[Skip, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of an image, in its pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Item:
    """One image to convert: cheap to list, cheap to send to a worker."""

    image: Path
    stem: str
    """Name of the written image without its suffix; may hold subfolders ('a/b') where two are equal."""
    payload: Any = None
    """What the reader needs to find this image's labels."""
    split: str | None = None
    """The source's own split: train, val or test."""
    group: str | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset as found: what there is to read, and the function that reads one image of it.

    `read(item, width, height)` runs in worker processes, so it must be picklable (a module's function or a `partial`
    of one); width and height are the image's own, EXIF orientation applied.
    """

    kind: str
    root: Path
    names: tuple[str, ...]
    items: tuple[Item, ...]
    read: Callable[[Item, int, int], LabelledImage]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The reader's settings, for the record; JSON values alone, no absolute paths."""
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    """What the reader decided by rule and the user should see before anything is written."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One object that a model found. Its mask is a crop of the image, never a bitmap of its full size."""

    class_id: int
    score: float
    box: tuple[float, float, float, float]
    """Left, top, right and bottom, as the model has them, in pixels of the image."""
    mask: Bitmap = field(repr=False)
    """What lies at (x, y); it may reach beyond the box, and may be empty (0 × 0) where no pixel was found."""
    x: int
    y: int

    @property
    def inside(self) -> tuple[slice, slice]:
        """Where the mask lies in the image: rows and columns."""
        height, width = self.mask.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model found in one image, highest score first."""

    width: int
    height: int
    detections: tuple[Detection, ...] = ()
    names: tuple[str, ...] = ()
    """Of the model's classes, by id; empty where whoever made the prediction keeps them."""
    presence: tuple[float, ...] | None = None
    """How sure a classifier is that the image holds each class, of which it has no detections; None where these say
    it."""

    def __len__(self) -> int:
        """Detections: where nothing was found, a prediction counts as false."""
        return len(self.detections)

    def scores_by_class(self, class_count: int) -> list[float]:
        """How sure it is that the image holds each class: as a classifier says, else by the surest detection, 0 where
        there is none."""
        if self.presence is not None:
            return list(self.presence)
        scores = [0.0] * class_count
        for one in self.detections:
            scores[one.class_id] = max(scores[one.class_id], one.score)
        return scores

    @property
    def boxes(self) -> NDArray[np.float32]:
        """(n, 4): left, top, right, bottom in pixels, fractions and all."""
        return np.array([one.box for one in self.detections], np.float32).reshape(-1, 4)

    @property
    def scores(self) -> NDArray[np.float32]:
        """(n,): from 0 to 1, as the model has them; they are no probabilities."""
        return np.array([one.score for one in self.detections], np.float32)

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """(n,): places in `names`."""
        return np.array([one.class_id for one in self.detections], np.int64)

    @property
    def masks(self) -> Bitmap:
        """(n, height, width), made anew at each call: of large images, take the crops of `detections` instead."""
        masks = np.zeros((len(self), self.height, self.width), np.uint8)
        for whole, one in zip(masks, self.detections, strict=True):
            whole[one.inside] = one.mask
        return masks

    @property
    def class_map(self) -> NDArray[np.int32]:
        """(height, width): 0 where nothing is, else class id + 1, the surest detection on top."""
        classes = np.zeros((self.height, self.width), np.int32)
        for one in reversed(self.detections):
            classes[one.inside][one.mask > 0] = one.class_id + 1
        return classes

    def overlay(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(height, width, 3), red, green and blue: the image that was predicted, 8-bit, grey or in OpenCV's order of
        channels, with each class in its colour."""
        from seepseg.errors import UsageError
        from seepseg.painting import fit_photo, overlay

        if image.dtype != np.uint8 or image.shape[:2] != (self.height, self.width):
            raise UsageError(
                f"an image of {image.dtype} {image.shape} can't be painted on: give the 8-bit image that was "
                f"predicted, of shape ({self.height}, {self.width})"
            )
        return overlay(fit_photo(image, self.width, self.height), self.class_map)

    def to_geojson(self, where: "Grid | Path | str | None" = None) -> dict[str, Any]:
        """A FeatureCollection in longitude and latitude, `where` being the georeferenced file that the image was
        read from, or its grid; without it in pixels, and it says so."""
        from seepseg.scenes.features import prediction_as_geojson

        if isinstance(where, (str, Path)):
            from seepseg.georeference import grid_of
            from seepseg.rasterfile import open_raster

            with open_raster(Path(where)) as dataset:
                where = grid_of(dataset)
        if where is not None and (where.width, where.height) != (self.width, self.height):
            from seepseg.errors import UsageError

            raise UsageError(
                f"{self.width} × {self.height} pixels were predicted, and what says where they lie has {where.width} × "
                f"{where.height}; give the file that the image was read from"
            )
        return prediction_as_geojson(self, where)


class Tally:
    """Skips by reason, with the first few places of each."""

    def __init__(self, *, examples: int = 5) -> None:
        self.counts: Counter[str] = Counter()
        self.places: dict[str, list[str]] = {}
        self._examples = examples

    def add(self, skips: Iterable[Skip]) -> None:
        """Count some more."""
        for skip in skips:
            self.counts[skip.reason] += 1
            places = self.places.setdefault(skip.reason, [])
            if len(places) < self._examples:
                places.append(skip.where)

    def as_json(self) -> list[dict[str, Any]]:
        """By reason, in alphabetical order."""
        return [
            {"reason": reason, "count": count, "examples": self.places[reason]}
            for reason, count in sorted(self.counts.items())
        ]
