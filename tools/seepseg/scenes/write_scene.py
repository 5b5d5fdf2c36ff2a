"""The files of a scene in a prediction folder: GeoJSON, GeoPackage, class mask and quick look."""

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seepseg import __version__
from seepseg.errors import OutputError, UsageError
from seepseg.outputs.place import refusal
from seepseg.scenes import geojson, geopackage
from seepseg.scenes.class_mask import write_class_mask
from seepseg.scenes.features import Feature, make_features
from seepseg.scenes.ground import Ground, ground_of
from seepseg.scenes.objects import SceneObject
from seepseg.wording import enumerate_words

if TYPE_CHECKING:
    from seepseg.scenes.scene import Scene

PLACES = {"geojson": "{}.geojson", "geopackage": "{}.gpkg", "masks": "masks/{}.tif", "quicklook": "{}.png"}
"""What `save` may name, and the file that it stands for."""


def write_scene(
    folder: Path,
    stem: str,
    scene: "Scene",
    objects: Sequence[SceneObject],
    *,
    names: Sequence[str],
    provenance: Mapping[str, Any],
    save: Collection[str],
) -> tuple[Path, ...]:
    """What `save` names, each file whole or not at all; a scene without objects gets its files too.

    `provenance` is kept in the files as it is; of it every feature tells `model_sha256` and its class's threshold:
    `confidence`, a number for each class, or the `seed` of a `hysteresis`.
    """
    if unknown := set(save) - PLACES.keys():
        known = enumerate_words(list(PLACES))
        raise UsageError(f"of a scene, {known} can be saved, not {enumerate_words(sorted(unknown))}")
    paths = {kind: folder / place.format(stem) for kind, place in PLACES.items() if kind in save}
    if os.path.realpath(scene.path) in map(os.path.realpath, paths.values()):
        raise OutputError(f"{scene.path}: would be written over by what is found in it; give another folder")
    ground = ground_of(scene.grid, scene.control)
    shared = {"scene": scene.path.name, "acquired": scene.acquired, "model_sha256": provenance.get("model_sha256")}
    limits = _thresholds(provenance, len(names))
    features = make_features(objects, ground, names, shared, thresholds=limits)
    about = _write_vectors(paths, features, _describe(scene, ground, provenance)) if set(paths) - {"masks"} else []
    if "masks" in paths:
        with _whole(paths["masks"]) as part:
            write_class_mask(part, scene, objects, names)
    if "quicklook" in paths:
        from seepseg.scenes.quicklook import draw_quicklook

        with _whole(paths["quicklook"]) as part:
            draw_quicklook(scene, objects, about, names, ground).save(part, "PNG")
    return tuple(paths.values())


def _write_vectors(
    paths: Mapping[str, Path], features: Iterable[Feature], told: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Each feature is made once, for all files; what is kept of it are its properties."""
    about = []
    with ExitStack() as stack:
        adders = [
            stack.enter_context(writing(stack.enter_context(_whole(paths[kind])), told))
            for kind, writing in (("geojson", geojson.writing), ("geopackage", geopackage.writing))
            if kind in paths
        ]
        for feature in features:
            about.append(feature.properties)
            for add in adders:
                add(feature)
    return about


def _describe(scene: "Scene", ground: Ground | None, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of all features together."""
    where = geojson.IN_PIXELS if ground is None else {"approximate": ground.approximate}
    known = {"version": __version__, "scene": scene.path.name, "acquired": scene.acquired}
    crs = {"scene_crs": scene.grid.crs.to_string()} if scene.grid.crs else {}
    return {**known, **crs, **where, **provenance}


def _thresholds(provenance: Mapping[str, Any], classes: int) -> Sequence[float]:
    """What the surest piece of an object had to reach, by class."""
    level = (provenance.get("hysteresis") or {}).get("seed", provenance.get("confidence", ()))
    return [level] * classes if isinstance(level, (int, float)) else level


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Where to write it: the file takes its name when it is whole."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise refusal(path, error) from None
    except (sqlite3.Error, RasterioError, CPLE_BaseError) as error:
        raise OutputError(f"{path}: cannot be written: {error}; is the disk full?") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
