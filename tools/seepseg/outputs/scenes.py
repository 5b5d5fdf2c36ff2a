"""A scene in a prediction folder: found tile by tile, written by `scenes`, and told to the tables like any image."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seepseg import rle
from seepseg.cleaning.pipeline import clean_objects
from seepseg.georeference import Grid, mean_metres
from seepseg.outputs.journal import SCENE, Found, Record, Share
from seepseg.outputs.opening import Opened
from seepseg.outputs.place import Place
from seepseg.outputs.saving import FOR_SCENES
from seepseg.outputs.verdict import Verdict
from seepseg.predict.engine import Model
from seepseg.progress import counting
from seepseg.scenes.find import find_objects
from seepseg.scenes.ground import Ground, ground_of, lay_down, measure_rings
from seepseg.scenes.objects import MOST_PIXELS, SceneObject, area_together
from seepseg.scenes.polygons import outline
from seepseg.scenes.scene import open_scene
from seepseg.scenes.write_scene import PLACES, write_scene
from seepseg.values import FLAT

if TYPE_CHECKING:
    from seepseg.outputs.run import Plan


def predict_scene(model: Model, opened: Opened, place: Place, plan: "Plan") -> Record:
    """All files of one scene; a SourceError says why it can't be read, or does not fit the model."""
    stem, limits = opened.entry.stem, plan.confidence.limits
    with open_scene(opened.entry.path, model.input, gsd=plan.gsd, mask_vector=plan.mask_vector) as scene:
        with counting(opened.entry.name, "tile") as on_progress:
            found = find_objects(
                model,
                scene,
                limits,
                hysteresis=plan.hysteresis,
                overlap=plan.overlap,
                classes_apart=plan.classes_apart,
                margin=plan.margin,
                batch=plan.batch,
                on_progress=on_progress,
            )
        objects = clean_objects(
            found.objects,
            plan.cleaning,
            metres_per_pixel=mean_metres(scene.grid) or model.input.metres_per_pixel,
            names=model.names,
            size=(scene.grid.width, scene.grid.height),
        )
        save = [one for one in plan.save if one in FOR_SCENES]
        for kind in save:
            place.ready(PLACES[kind].format(stem))
        asked = {"filter": str(plan.filters), "clean": str(plan.cleaning)}
        provenance = {"model_sha256": model.sha256, **found.settings, **asked}
        write_scene(place.path, stem, scene, objects, names=model.names, provenance=provenance, save=save)
        ground = ground_of(scene.grid, scene.control)
        told = [_tell(one, scene.grid, ground) for one in objects]
        flat = (f"{opened.entry.name}: {FLAT}",) if found.flat else ()
        notes = (*scene.notes, *found.notes, *flat)
        return Record(
            name=opened.entry.name,
            stem=stem,
            stamp=opened.stamp,
            kind=SCENE,
            width=scene.grid.width,
            height=scene.grid.height,
            verdict=_judge(objects, len(model.names)),
            objects=tuple(told),
            shares=tuple(_share(objects, told, class_id, scene.grid) for class_id in range(len(model.names))),
            notes=notes,
        )


def _judge(objects: Sequence[SceneObject], class_count: int) -> Verdict:
    """A scene holds what was found in it: thresholds of presence, and probabilities, are those of single tiles."""

    def of(some: Sequence[SceneObject], classes: tuple[Verdict, ...] = ()) -> Verdict:
        return Verdict(bool(some), max((one.maximum for one in some), default=0.0), None, None, classes)

    return of(objects, tuple(of([one for one in objects if one.class_id == each]) for each in range(class_count)))


def _tell(one: SceneObject, grid: Grid, ground: Ground | None) -> Found:
    high, wide = one.mask.shape
    area = int(one.mask.sum())
    small = grid.width * grid.height <= MOST_PIXELS
    return Found(
        class_id=one.class_id,
        confidence=one.maximum,
        box=(float(one.x), float(one.y), float(one.x + wide), float(one.y + high)),
        bbox=(one.x, one.y, wide, high),
        area_px=area,
        area_km2=_area_km2(one, ground),
        rle=rle.encode_crop(one.mask, one.x, one.y, grid.width, grid.height).decode() if small else None,
        mean=one.mean,
        median=one.median,
        cut=one.cut,
    )


def _area_km2(shape: SceneObject, ground: Ground | None) -> float | None:
    """On the ellipsoid, as the GeoJSON has it; None where the place, and so the size, is not known."""
    rings = lay_down(outline(shape.mask, shape.x, shape.y), ground) if ground else None
    return None if rings is None else measure_rings(rings)[0] / 1e6


def _share(objects: Sequence[SceneObject], told: Sequence[Found], class_id: int, grid: Grid) -> Share:
    """`told` has what is known of each object, in the same order."""
    mine = [one for one in objects if one.class_id == class_id]
    area, share = area_together(mine, grid)
    ground = share * sum(one.area_km2 or 0.0 for one in told if one.class_id == class_id)
    return Share(len(mine), area, ground if grid.metres else None)
