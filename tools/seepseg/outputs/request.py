"""What the user asks for, made ready: the model open, the images listed, the folder told what makes it."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seepseg import __version__
from seepseg.cleaning.filters import Filters, filter_image
from seepseg.cleaning.pipeline import Cleaning, check_cleaning, clean_prediction
from seepseg.dataset.staging import keep_apart
from seepseg.errors import UsageError
from seepseg.evaluate.folder import show_path
from seepseg.outputs.listing import list_entries
from seepseg.outputs.place import open_place
from seepseg.outputs.rescaling import with_rule
from seepseg.outputs.run import Outcome, Plan, Wishes, predict_images
from seepseg.predict.confidence import Asked, Confidence, choose_confidence
from seepseg.predict.decode import IOU, MAX_DET
from seepseg.predict.engine import Model, open_model
from seepseg.scenes.hysteresis import Hysteresis
from seepseg.scenes.scene import check_gsd
from seepseg.scenes.tiling import overlap_px
from seepseg.wording import enumerate_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seepseg.raster import Pixels
    from seepseg.values import Prediction

_ENGINE_PACKAGES = {"torch": "torch", "torchscript": "torch", "onnx": "onnxruntime", "openvino": "openvino"}


@dataclass(frozen=True, slots=True)
class Request(Wishes):
    """A prediction as asked for."""

    model: Path
    source: Path
    out: Path
    conf: Asked | None = None
    scale: str | None = None
    engine: str = "auto"
    device: str | None = None
    imgsz: int | None = None
    threads: int | None = None
    fast: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A model to predict with."""

    model: Model
    confidence: Confidence
    notes: tuple[str, ...]


def predict(request: Request) -> tuple[Ready, Outcome]:
    """Images and scenes, into the folder."""
    entries, notes = list_entries(request.source)
    ready = make_ready(request)
    if request.scale is not None:
        model, told = with_rule(ready.model, entries, request.scale)
        ready, notes = replace(ready, model=model), [*notes, *told]
    plan = Plan(ready.confidence, **{wish.name: getattr(request, wish.name) for wish in fields(Wishes)})
    made = describe(request, ready)
    if request.mask_vector:
        keep_apart(request.out, [request.mask_vector], overwrite=request.overwrite)
    place, _ = open_place(request.out, request.source, request.model, made, overwrite=request.overwrite)
    if ready.model.frames > 1:
        notes.append(
            f"the model looks at {ready.model.frames} frames of a sequence, and each image was taken to stand for all "
            "of them; with --frames, those before it are looked at"
        )
    outcome = predict_images(prepared(ready.model, request.filters), entries, place, plan, made)
    if outcome.totals.worked and not outcome.totals.scenes:
        notes += _without_effect(request)
    if outcome.totals.scenes and request.hysteresis:
        levels = ", ".join(f"{level:g}" for level in _levels(request.hysteresis))
        notes.append(f"in scenes {levels} as given with --hysteresis (seed, outline, group) stand for the thresholds")
    return Ready(ready.model, ready.confidence, (*ready.notes, *notes)), outcome


def make_ready(request: Request) -> Ready:
    """The model opened and its thresholds chosen, all that can be wrong with the settings being told now."""
    model = open_model(
        request.model,
        engine=request.engine,
        device=request.device,
        imgsz=request.imgsz,
        threads=request.threads,
        fast=request.fast,
    )
    confidence = choose_confidence(model, request.conf)
    notes = list(model.notes)
    if request.imgsz is not None and confidence.stored:
        notes.append(
            "the stored thresholds were chosen at the model's own image size; see whether they fit "
            f"--imgsz {request.imgsz}"
        )
    check_cleaning(request.cleaning, model.names, 1.0)
    overlap_px(model.imgsz, request.overlap)
    check_gsd(request.gsd)
    if request.hysteresis:
        request.hysteresis.per_class(len(model.names))
    if request.mask_vector and not request.mask_vector.is_file():
        raise UsageError(f"--mask-vector {request.mask_vector}: no such file")
    return Ready(model, confidence, tuple(notes))


def _without_effect(request: Request) -> list[str]:
    """What was asked for scenes, where no image was one."""
    asked = {
        "--gsd": request.gsd,
        "--mask-vector": request.mask_vector,
        "--overlap": request.overlap,
        "--hysteresis": request.hysteresis,
        "--classes-apart": request.classes_apart or None,
    }
    flags = [flag for flag, value in asked.items() if value is not None]
    if not flags:
        return []
    return [f"{enumerate_words(flags)} changed nothing: no image was a scene; --tile always makes each one a scene"]


def describe(request: Request, ready: Ready) -> dict[str, Any]:
    """What all of a prediction is made with; a folder made with another model or other settings is another one."""
    model = ready.model
    settings = {
        "source": show_path(request.source),
        "confidence": dict(zip(model.names, ready.confidence.limits, strict=True)),
        "presence": "stored thresholds" if ready.confidence.stored else "as confidence",
        "engine": model.engine,
        "fast": request.fast,
        "scale": request.scale,
        "filter": str(request.filters),
        "clean": str(request.cleaning),
        "hysteresis": _levels(request.hysteresis),
        "gsd": request.gsd,
        "mask_vector": request.mask_vector and show_path(request.mask_vector),
        "mask_vector_sha256": request.mask_vector and _digest(request.mask_vector),
        "tile": request.tile,
        "overlap": request.overlap,
        "classes_apart": request.classes_apart,
        "margin": request.margin,
        "iou": IOU,
        "max_det": MAX_DET,
        "save": list(request.save),
    }
    return {
        "model": {
            "file": show_path(model.path),
            "sha256": model.sha256,
            "task": model.task,
            "imgsz": model.imgsz,
            "names": list(model.names),
            "input_sha256": _digest_of(model.input),
            "thresholds_sha256": _digest_of(ready.confidence.thresholds),
        },
        "settings": settings,
        "thresholds_from": ready.confidence.source,
        "device": model.device,
        "versions": _versions(model.engine),
    }


def _digest_of(account: object) -> str | None:
    """Of what lies beside the weights, and may change without them: another scaling, or other probabilities."""
    return None if account is None else hashlib.sha256(repr(account).encode()).hexdigest()


def _digest(areas: Path) -> str:
    """Other areas in a file of the same name make another prediction."""
    with areas.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def prepared(model: Model, filters: Filters, cleaning: Cleaning | None = None) -> Model:
    """The model, with every image filtered before it sees it, be it a picture, a tile or a frame; and with its masks
    cleaned, where nothing else is to know of them as they were."""
    steps = (*filters.steps, *(cleaning.steps if cleaning else ()))
    return cast(Model, _Prepared(model, filters, cleaning or Cleaning())) if steps else model


class _Prepared:
    """Passes everything on to a model."""

    def __init__(self, model: Model, filters: Filters, cleaning: Cleaning) -> None:
        self._model = model
        self._filters = filters
        self._cleaning = cleaning

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, images: "Sequence[Pixels]", **asked: Any) -> "list[Prediction]":
        if asked.get("before"):
            asked["before"] = [[filter_image(one, self._filters) for one in some] for some in asked["before"]]
        found = self._model.predict([filter_image(image, self._filters) for image in images], **asked)
        metres = self._model.input.metres_per_pixel
        return [clean_prediction(one, self._cleaning, metres_per_pixel=metres) for one in found]


def _levels(hysteresis: Hysteresis | None) -> Any:
    return hysteresis and [hysteresis.seed, hysteresis.outline, hysteresis.group]


def _versions(engine: str) -> Mapping[str, str]:
    found = {"seepseg": __version__, "python": platform.python_version()}
    for package in dict.fromkeys((_ENGINE_PACKAGES.get(engine, engine), "numpy", "opencv-python")):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
