"""For Python programs: a model that predicts as the command line does, at the thresholds that are stored with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError, UsageError
from seepseg.outputs.cutting import cut_to_data
from seepseg.predict.confidence import choose_confidence
from seepseg.predict.decode import IOU, MARGIN, MAX_DET
from seepseg.predict.engine import BATCH, Model, open_model
from seepseg.predict.network import CLASSIFY, SCENE_OF_CLASSIFIER
from seepseg.raster import Picture, Pixels
from seepseg.scaling import Rule, show
from seepseg.values import Bitmap, Prediction

if TYPE_CHECKING:
    from seepseg.measures.thresholds import Thresholds
    from seepseg.scenes.find import Found

Image = NDArray[Any] | Path | str
"""Pixels, or the file that they are in."""
Conf = float | Sequence[float] | Mapping[str, float] | None
"""One threshold for all classes, one for each in order or by name, or None for those that are stored with the model."""


def load_model(
    path: Path | str,
    *,
    engine: str = "auto",
    device: str | None = None,
    imgsz: int | None = None,
    threads: int | None = None,
    fast: bool = False,
) -> "LoadedModel":
    """A run folder, a .pt, a bundle, or a file that Ultralytics exported; what was chosen by rule is in its `notes`.

    A .pt runs the code that is pickled in it: load only those that you trust.
    """
    return LoadedModel(open_model(Path(path), engine=engine, device=device, imgsz=imgsz, threads=threads, fast=fast))


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to predict."""

    opened: Model
    """The engine itself, which knows imgsz, device and speed, and has no thresholds of its own."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes, by id."""
        return self.opened.names

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided by rule, in sentences; and where the thresholds are from that hold unless you give some."""
        return (*self.opened.notes, choose_confidence(self.opened, None).source)

    @property
    def thresholds(self) -> "Thresholds | None":
        """As chosen on validation data, with precision and recall."""
        return self.opened.thresholds

    @overload
    def predict(  # type: ignore[overload-overlap]  # a str is a sequence of str
        self, images: Image, *, conf: Conf = ..., iou: float = ..., max_det: int = ..., margin: float = ...
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        images: Sequence[Image],
        *,
        conf: Conf = ...,
        iou: float = ...,
        max_det: int = ...,
        margin: float = ...,
        batch: int = ...,
    ) -> list[Prediction]: ...

    def predict(
        self,
        images: Image | Sequence[Image],
        *,
        conf: Conf = None,
        iou: float = IOU,
        max_det: int = MAX_DET,
        margin: float = MARGIN,
        batch: int = BATCH,
    ) -> Prediction | list[Prediction]:
        """One image gives its prediction, a list gives a list; a batch of a list is read and predicted at a time. Each
        is fitted whole to the model's size, however large: `find` goes through a scene tile by tile.

        Arrays are (height, width), or (height, width, 3) in OpenCV's order of channels. 8-bit pixels are taken as they
        are; other values become 8 bits by the rule that the model was trained with, as those of files do.
        """
        if isinstance(images, (np.ndarray, Path, str)):
            return self.predict([images], conf=conf, iou=iou, max_det=max_det, margin=margin)[0]
        limits = self._limits(conf)
        found: list[Prediction] = []
        for start in range(0, len(images), batch):
            some = [self._show(image) for image in images[start : start + batch]]
            shown = [pixels for pixels, _ in some]
            told = self.opened.predict(shown, conf=limits, iou=iou, max_det=max_det, margin=margin, batch=batch)
            found += [cut_to_data(one, nodata, self.opened.task) for one, (_, nodata) in zip(told, some, strict=True)]
        return found

    def find(
        self,
        scene: Path | str,
        *,
        conf: Conf = None,
        gsd: float | None = None,
        mask_vector: Path | str | None = None,
        overlap: float | None = None,
        margin: float = MARGIN,
        hysteresis: tuple[float, float, float] | None = None,
        classes_apart: bool = False,
        out: Path | str | None = None,
        save: Collection[str] = ("geojson",),
    ) -> "Found":
        """What is in a scene of any size, tile by tile, in pixels of its grid at the model's metres per pixel.

        `gsd` is another spacing; `mask_vector` a file of polygons, such as land, in which nothing is looked for.
        `overlap` of tiles is a share below 1, pixels from 1 on; masks reach `margin` of a box beyond it; `hysteresis`
        holds the confidences of seed, outline and group, which stand in place of `conf`. What the model tells as two
        classes in one place is one object, of the surer class, unless `classes_apart`. With `out`, a folder, it is
        written there too: `save` names some of geojson, geopackage, masks and quicklook.
        """
        from seepseg.scenes.find import find_objects
        from seepseg.scenes.hysteresis import Hysteresis
        from seepseg.scenes.scene import open_scene
        from seepseg.scenes.write_scene import write_scene

        if self.opened.task == CLASSIFY:
            raise UsageError(f"{scene}: {SCENE_OF_CLASSIFIER}")
        path, vector = Path(scene), None if mask_vector is None else Path(mask_vector)
        with open_scene(path, self.opened.input, gsd=gsd, mask_vector=vector) as opened:
            found = find_objects(
                self.opened,
                opened,
                self._limits(conf),
                hysteresis=Hysteresis(*hysteresis) if hysteresis else None,
                overlap=overlap,
                classes_apart=classes_apart,
                margin=margin,
            )
            if out is not None:
                about = {"model_sha256": self.opened.sha256, **found.settings}
                write_scene(Path(out), path.stem, opened, found.objects, names=self.names, provenance=about, save=save)
        return found

    def see(self, image: Image) -> Pixels:
        """The 8-bit pixels that the network is shown, such as to paint on."""
        return self._show(image)[0]

    def _show(self, image: Image) -> tuple[Pixels, Bitmap | None]:
        """And which of them hold no data, where a file says so."""
        rule = self.opened.input.rule
        if isinstance(image, (str, Path)):
            picture = _read(Path(image), rule, self.opened.imgsz)
            return picture.pixels, picture.nodata
        return show(image, rule), None

    def _limits(self, conf: Conf) -> Sequence[float]:
        return conf if isinstance(conf, (Sequence, np.ndarray)) else choose_confidence(self.opened, conf).limits


def _read(path: Path, rule: Rule | None, imgsz: int) -> Picture:
    """As the command line reads a file."""
    from seepseg.outputs.listing import Entry
    from seepseg.outputs.opening import open_entry

    opened = open_entry(Entry(path, path.name, path.stem), rule, imgsz, "never")
    if opened.picture is None:
        reason = opened.reason or "not readable as an image"
        raise SourceError(reason if str(path) in reason else f"{path}: {reason}")
    return opened.picture
