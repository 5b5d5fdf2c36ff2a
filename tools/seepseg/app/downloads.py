"""The files of an analysis, made by what makes those of `seepseg predict`, without a second look of the model."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from seepseg.app.analysis import CHOSEN, Analysis, as_objects, cut
from seepseg.app.shelf import Shelf
from seepseg.app.tape import answering
from seepseg.cleaning.pipeline import Cleaning
from seepseg.errors import SourceError
from seepseg.outputs.listing import Entry
from seepseg.outputs.place import JOURNAL, open_place
from seepseg.outputs.request import Ready, Request, describe
from seepseg.outputs.rescaling import with_input
from seepseg.outputs.run import Plan, predict_images
from seepseg.outputs.saving import USUAL
from seepseg.predict.confidence import Confidence
from seepseg.scenes.features import make_features
from seepseg.scenes.geojson import collect

if TYPE_CHECKING:
    from seepseg.app.models import Loaded
    from seepseg.predict.engine import Model
    from seepseg.values import Prediction

Files = dict[str, bytes]
"""By their names within a prediction folder."""
MIME = {
    ".png": "image/png",
    ".tif": "image/tiff",
    ".geojson": "application/geo+json",
    ".json": "application/json",
    ".csv": "text/csv",
    ".zip": "application/zip",
}
KEPT_BYTES = 64_000_000
_shelf: Shelf[Files] = Shelf(KEPT_BYTES, lambda files: sum(map(len, files.values())))


def files_of(
    loaded: "Loaded", analysis: Analysis, path: Path, limits: Sequence[float], cleaning: Cleaning | None = None
) -> Files:
    """All of them, at these confidences; `path` is the file that was analysed."""
    cleaning = cleaning or Cleaning()
    key = (loaded.model.sha256, path, analysis.name, analysis.scale, tuple(limits), str(cleaning))
    return _shelf.get(key, lambda: _make(loaded, analysis, path, limits, cleaning))


def pick(files: Files, kind: str) -> bytes:
    """The one file of a kind: overlay, mask, geojson, coco, instances or summary."""
    found = next((data for name, data in files.items() if _kind(name) == kind), None)
    if found is None:
        raise SourceError(f"there is no {kind} of this file; take the zip, which holds all that there is")
    return found


def name_of(kind: str, stem: str, *, scene: bool) -> str:
    """What it is called once it is on the visitor's disk, where others of its kind may lie."""
    tail = {
        "overlay": "-overlay.png",
        "mask": "-mask.tif" if scene else "-mask.png",
        "geojson": ".geojson",
        "coco": "-coco.json",
        "instances": "-instances.csv",
        "summary": "-summary.csv",
    }
    return stem + tail[kind]


def zipped(files: Files) -> bytes:
    """All of them as one archive, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _kind(name: str) -> str | None:
    folder, _, last = name.rpartition("/")
    if folder:
        return {"overlays": "overlay", "masks": "mask"}.get(folder)
    tables = {"coco.json": "coco", "instances.csv": "instances", "summary.csv": "summary"}
    return tables.get(last) or {".geojson": "geojson", ".png": "overlay"}.get(Path(last).suffix)


def _make(loaded: "Loaded", analysis: Analysis, path: Path, limits: Sequence[float], cleaning: Cleaning) -> Files:
    if not path.is_file():
        raise SourceError(f"{analysis.name} is no longer on the server; hand it in once more")
    asked = tuple(limits) != analysis.confidence.limits
    confidence = _as_chosen(analysis.confidence, limits) if asked else analysis.confidence
    model = _answer_again(with_input(loaded.model, analysis.input), analysis)
    stem = Path(analysis.name).stem
    with TemporaryDirectory(prefix="seepseg-files-") as temporary:
        out = Path(temporary) / "prediction"
        request = Request(loaded.model.path, Path(analysis.name), out, scale=analysis.scale, cleaning=cleaning)
        made = describe(request, Ready(model, confidence, ()))
        made["model"]["file"] = loaded.model.path.name
        place, _ = open_place(out, path, loaded.model.path, made, overwrite=False)
        plan = Plan(confidence, cleaning=cleaning, save=USUAL)
        outcome = predict_images(model, [Entry(path, analysis.name, stem)], place, plan, made)
        if outcome.totals.failed:
            raise SourceError(f"{analysis.name}: {outcome.totals.failed[0][1]}")
        files = _read(out)
    if not analysis.is_scene:
        about = {"scene": analysis.name, "model_sha256": model.sha256}
        objects = as_objects(cut(analysis, limits, cleaning))
        features = make_features(objects, None, analysis.names, about, thresholds=limits)
        shapes = collect(features, in_pixels=True)
        files[f"{stem}.geojson"] = json.dumps(shapes, ensure_ascii=False).encode()
    return files


def _read(out: Path) -> Files:
    found = sorted(path for path in out.rglob("*") if path.is_file() and path.name != JOURNAL)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}


def _as_chosen(stored: Confidence, limits: Sequence[float]) -> Confidence:
    return Confidence(tuple(limits), CHOSEN, thresholds=stored.thresholds)


def _answer_again(model: "Model", analysis: Analysis) -> "Model":
    if analysis.tape is not None:
        return answering(model, analysis.tape)
    return cast("Model", _Again(model, analysis.prediction))


class _Again:
    """The model, which says of one image what it said."""

    def __init__(self, model: "Model", said: "Prediction") -> None:
        self._model, self._said = model, said

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, images: Sequence[Any], **asked: Any) -> "list[Prediction]":
        return [self._said for _ in images]
