"""What a model says of one file, kept so that sliders, tables and downloads need it to look no second time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from seepseg.app.shelf import Shelf
from seepseg.app.tape import Tape, record_scene, replay_scene, thin_out
from seepseg.cleaning.pipeline import Cleaning, clean_objects, clean_prediction
from seepseg.errors import SeepsegError, SourceError
from seepseg.measures.calibration import LEAST
from seepseg.outputs.cutting import cut_to_data, cut_to_limits
from seepseg.outputs.journal import SCENE
from seepseg.outputs.listing import Entry
from seepseg.outputs.opening import Tile, open_entry
from seepseg.outputs.rescaling import with_rule
from seepseg.outputs.verdict import Verdict, judge
from seepseg.predict.confidence import Confidence, choose_confidence
from seepseg.predict.decode import IOU, MAX_DET
from seepseg.predict.network import CLASSIFY, SCENE_OF_CLASSIFIER
from seepseg.scaling import Rule
from seepseg.scenes.objects import SceneObject
from seepseg.values import FLAT, Detection, Prediction

if TYPE_CHECKING:
    from seepseg.app.models import Loaded
    from seepseg.georeference import Grid
    from seepseg.predict.engine import Model
    from seepseg.predict.model_input import ModelInput
    from seepseg.raster import Picture, Pixels
    from seepseg.scenes.ground import Ground
    from seepseg.scenes.scene import Scene

FLOOR, SCENE_FLOOR = 0.01, 0.05
"""The lowest confidence that a slider may ask for: below it masks are not kept. A scene has many tiles to keep."""
MOST_SAID = 5000
"""Detections in all tiles of a scene that a slider puts together anew, weaker ones being left out; those above the
model's own thresholds are kept however many they are."""
SHOWN = 1024
"""Pixels of the long side of a scene as it is shown."""
KEPT_BYTES = 256_000_000
CHOSEN = "confidence as chosen on the page"
"""Where a confidence comes from that a visitor set."""


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Who wants to see how an analysis goes."""

    see: "Callable[[Pixels], None]" = lambda _: None
    """The image as the model will see it, before the model looks."""
    count: Callable[[int, int], None] = lambda *_: None
    """How many tiles of a scene are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was seen in one image or scene."""

    name: str
    width: int
    height: int
    """Of the image as the model has it; a scene's at the model's spacing."""
    pixels: "Pixels"
    """As the model sees them; of a scene no more than can be shown."""
    prediction: Prediction
    """Of an image: every detection that presence is told by, those above the floor with their masks."""
    tape: Tape | None
    """Of a scene: what was seen in each tile."""
    names: tuple[str, ...]
    confidence: Confidence
    """As stored with the model."""
    floor: float
    grid: "Grid | None"
    ground: "Ground | None"
    metres_per_pixel: float | None
    """Of the file, or else of the training."""
    input: "ModelInput"
    """By which the file was read."""
    rule: Rule | None
    """By which values became grey; None where they were 8-bit already."""
    notes: tuple[str, ...]
    seconds: float
    scale: str | None = None
    """The rule that was asked for, as the command line has it, where the model has none of its own."""

    @property
    def is_scene(self) -> bool:
        """Looked at tile by tile."""
        return self.tape is not None

    @property
    def places(self) -> bool:
        """Whether the model says where things are; a classifier does not."""
        return self.prediction.presence is None

    @property
    def scaling(self) -> str | None:
        """What was done to values that are not 8-bit, as a sentence; None where nothing was."""
        said = describe_rule(self.rule)
        whose = "by the scaling rule of its training" if self.scale is None else "as chosen here"
        return said and f"Shown as the model sees it: {said}, {whose}."

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        masks = sum(one.mask.nbytes + 200 for one in self.prediction.detections)
        return self.pixels.nbytes + masks + (self.tape.size_bytes if self.tape else 0)


_shelf: Shelf[Analysis] = Shelf(KEPT_BYTES, lambda one: one.size_bytes)


def analyse(
    loaded: "Loaded",
    path: Path,
    sha: str,
    *,
    name: str = "",
    scale: str | None = None,
    onlooker: Onlooker | None = None,
) -> Analysis:
    """What the model says of a file; `sha`, that of its content, tells one that was analysed before. `scale` is the
    rule by which values become 8 bits, for a model without one."""
    name = name or path.name
    key = (loaded.model.sha256, sha, name, scale)
    try:
        return _shelf.get(key, lambda: _analyse(loaded, path, name, scale, onlooker or Onlooker()))
    except SeepsegError as error:
        # The file has another name on the server.
        raise SourceError(str(error).replace(str(path), name)) from error


def cut(analysis: Analysis, limits: Sequence[float], cleaning: Cleaning | None = None) -> Prediction:
    """What `seepseg predict` would find at these confidences, one for each class, none below the floor."""
    cleaning, metres = cleaning or Cleaning(), analysis.metres_per_pixel
    if analysis.tape is None:
        cut = clean_prediction(cut_to_limits(analysis.prediction, limits), cleaning, metres_per_pixel=metres)
        found = [one for one in cut.detections if one.mask.any()]
        return Prediction(cut.width, cut.height, tuple(found), analysis.names)
    size = (analysis.width, analysis.height)
    objects = clean_objects(
        replay_scene(analysis.tape, limits).objects, cleaning, metres_per_pixel=metres, names=analysis.names, size=size
    )
    return Prediction(*size, tuple(map(_as_detection, objects)), analysis.names)


def judged(analysis: Analysis, prediction: Prediction, limits: Sequence[float]) -> Verdict:
    """Whether anything is there. An image has thresholds of its own for that, unless others than the stored are asked
    for; a scene holds what was found in it, which is `prediction`."""
    if analysis.is_scene:
        classes = [_holds(prediction, each, limits[each]) for each in range(len(analysis.names))]
        surest = max((one.score for one in classes), default=0.0)
        return Verdict(any(one.present for one in classes), surest, None, min(limits), tuple(classes))
    asked = None if tuple(limits) == analysis.confidence.limits and analysis.confidence.stored else limits
    return judge(analysis.prediction, analysis.confidence.thresholds, analysis.names, limits=asked)


def in_turn(loaded: "Loaded") -> "Model":
    """The model of a server: whoever predicts with it waits for the others, batch by batch."""
    return cast("Model", _InTurn(loaded))


class _InTurn:
    """Passes everything on to a model that others use too."""

    def __init__(self, loaded: "Loaded") -> None:
        self._loaded = loaded

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded.model, name)

    def predict(self, images: "Sequence[Pixels]", **asked: Any) -> list[Prediction]:
        with self._loaded.lock:
            return self._loaded.model.predict(images, **asked)


def _analyse(loaded: "Loaded", path: Path, name: str, scale: str | None, onlooker: Onlooker) -> Analysis:
    began, model = perf_counter(), in_turn(loaded)
    entry, told = Entry(path, name, path.stem), tuple[str, ...]()
    if scale is not None:
        model, told = with_rule(model, [entry], scale)
    confidence = choose_confidence(model, None)
    tile: Tile = "size" if model.task == CLASSIFY else "auto"
    opened = open_entry(entry, model.input.rule, model.imgsz, tile)
    if opened.kind == SCENE and model.task == CLASSIFY:
        raise SourceError(f"{name}: {SCENE_OF_CLASSIFIER}")
    if opened.kind == SCENE:
        seen = _look_at_scene(model, path, name, confidence, began, onlooker)
    elif opened.picture is None:
        raise SourceError(f"{name}: {(opened.reason or 'not readable').removeprefix(f'{path}: ')}")
    else:
        onlooker.see(opened.picture.pixels)
        seen = _look_at_picture(model, opened.picture, name, confidence, began, opened.notes)
    return replace(seen, scale=scale, notes=(*told, *seen.notes))


def _look_at_picture(
    model: "Model", picture: "Picture", name: str, confidence: Confidence, began: float, notes: tuple[str, ...]
) -> Analysis:
    floor = min(FLOOR, *confidence.limits)
    masks_above = floor if picture.nodata is None else 0.0
    told = model.predict([picture.pixels], conf=min(floor, LEAST), iou=IOU, max_det=MAX_DET, masks_above=masks_above)
    found = cut_to_data(told[0], picture.nodata, model.task)
    return Analysis(
        name=name,
        width=found.width,
        height=found.height,
        pixels=picture.pixels,
        prediction=found,
        tape=None,
        names=model.names,
        confidence=confidence,
        floor=floor,
        grid=None,
        ground=None,
        metres_per_pixel=picture.metres_per_pixel or model.input.metres_per_pixel,
        input=model.input,
        rule=model.input.rule if picture.rendered else None,
        notes=notes,
        seconds=perf_counter() - began,
    )


def _look_at_scene(
    model: "Model", path: Path, name: str, confidence: Confidence, began: float, onlooker: Onlooker
) -> Analysis:
    from seepseg.georeference import mean_metres
    from seepseg.scenes.ground import ground_of
    from seepseg.scenes.scene import open_scene

    floor = min(SCENE_FLOOR, *confidence.limits)
    with open_scene(path, model.input) as scene:
        pixels, _ = scene.overview(SHOWN)
        onlooker.see(pixels)
        tape = record_scene(model, scene, floor, onlooker.count)
        floor = thin_out(tape, floor, MOST_SAID, min(confidence.limits))
        notes = replay_scene(tape, confidence.limits).notes + ((f"{name}: {FLAT}",) if tape.flat else ())
        grid, ground = scene.grid, ground_of(scene.grid, scene.control)
        return Analysis(
            name=name,
            width=grid.width,
            height=grid.height,
            pixels=pixels,
            prediction=Prediction(grid.width, grid.height, (), model.names),
            tape=tape,
            names=model.names,
            confidence=confidence,
            floor=floor,
            grid=grid,
            ground=ground,
            metres_per_pixel=mean_metres(grid) or model.input.metres_per_pixel,
            input=model.input,
            rule=scene.rule,
            notes=(*_named(scene, name), *notes),
            seconds=perf_counter() - began,
        )


def _named(scene: "Scene", name: str) -> list[str]:
    """The file has another name on the server."""
    return [note.replace(scene.path.name, name) for note in scene.notes]


def describe_rule(rule: Rule | None) -> str | None:
    """What it does to values, in words; None where it does nothing."""
    if rule is None or rule.kind == "none":
        return None
    what = "dB" if rule.kind == "db" else rule.units
    spans = dict.fromkeys(f"{low:g} to {high:g}" for low, high in zip(rule.low, rule.high, strict=True))
    taken = f" ({rule.units} turned into dB first)" if rule.kind == "db" and rule.units != "dB" else ""
    return f"values from {' and '.join(spans)} {what} became black to white{taken}"


def as_objects(prediction: Prediction) -> list[SceneObject]:
    """For what draws and measures objects of scenes."""
    from seepseg.crops import at_edge, crop_of, trim

    return [
        SceneObject(one.class_id, one.mask, one.x, one.y, one.score, one.score, one.score, cut)
        for one in prediction.detections
        for cut in [at_edge(trim(crop_of(one)), prediction.width, prediction.height)]
    ]


def _as_detection(one: SceneObject) -> Detection:
    high, wide = one.mask.shape
    box = (float(one.x), float(one.y), float(one.x + wide), float(one.y + high))
    return Detection(one.class_id, one.maximum, box, one.mask, one.x, one.y)


def _holds(prediction: Prediction, class_id: int, limit: float) -> Verdict:
    score = max((one.score for one in prediction.detections if one.class_id == class_id), default=0.0)
    return Verdict(score > limit, score, None, limit)
