"""The class of every pixel of a scene as a GeoTIFF, window by window: never a scene in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seepseg.crops import overlap
from seepseg.errors import UsageError
from seepseg.palette import colour_of
from seepseg.rasterfile import allow_placeless, check_written
from seepseg.scenes.objects import SceneObject
from seepseg.values import Window

if TYPE_CHECKING:
    from seepseg.scenes.scene import Scene

BLOCK = 512
NO_DATA = 255
_WIDEST = 16 * BLOCK
_SMALLEST_OVERVIEW = 256


def write_class_mask(
    path: Path,
    scene: "Scene",
    objects: Sequence[SceneObject],
    names: Sequence[str],
) -> None:
    """0 is none, else class id + 1, the surest object on top; 255 where there is no data, but for 255 classes.

    It lies where the scene's grid lies: by its transform, or by its ground control points.
    """
    import rasterio
    from rasterio.enums import Resampling

    if len(names) > NO_DATA:
        raise UsageError(
            f"a class mask holds {NO_DATA} classes at most, and the model has {len(names)}; leave masks out of --save"
        )
    allow_placeless()
    with rasterio.Env(GDAL_CACHEMAX=64 << 20):
        with rasterio.open(path, "w", **_profile(scene, names)) as file:
            _place(file, scene)
            file.write_colormap(1, _colours(names))
            file.update_tags(1, **{f"CLASS_{number}": name for number, name in enumerate(names, 1)})
            for window, classes in _windows(scene, objects, names):
                rows, columns = (window.y, window.y + window.height), (window.x, window.x + window.width)
                file.write(classes, 1, window=rasterio.windows.Window.from_slices(rows, columns))
        with rasterio.open(path, "r+") as file:
            file.build_overviews(_factors(scene.grid.width, scene.grid.height), Resampling.nearest)
        check_written(path)


def paint(objects: Sequence[SceneObject], window: Window) -> NDArray[np.uint8]:
    """Class id + 1 of the last of the objects that covers a pixel."""
    classes = np.zeros((window.height, window.width), np.uint8)
    for one in objects:
        there, here = overlap((classes, window.x, window.y), (one.mask, one.x, one.y))
        there[here > 0] = one.class_id + 1
    return classes


def _windows(
    scene: "Scene", objects: Sequence[SceneObject], names: Sequence[str]
) -> Iterator[tuple[Window, NDArray[np.uint8]]]:
    ordered = sorted(objects, key=lambda one: one.maximum)
    for top in range(0, scene.grid.height, BLOCK):
        bottom = min(top + BLOCK, scene.grid.height)
        row = [one for one in ordered if one.y < bottom and one.y + one.mask.shape[0] > top]
        for left in range(0, scene.grid.width, _WIDEST):
            window = Window(left, top, min(_WIDEST, scene.grid.width - left), bottom - top)
            classes = paint(row, window)
            missing = scene.read(window)[1] if len(names) < NO_DATA else None
            if missing is not None:
                classes[(missing > 0) & (classes == 0)] = NO_DATA
            yield window, classes


def _profile(scene: "Scene", names: Sequence[str]) -> dict[str, Any]:
    grid = scene.grid
    place = {"crs": grid.crs, "transform": grid.transform} if grid.crs and not grid.approximate else {}
    layout = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "BIGTIFF": "IF_SAFER"}
    packing = {"compress": "deflate", "predictor": 2}
    nodata = {"nodata": NO_DATA} if len(names) < NO_DATA else {}
    size = {"width": grid.width, "height": grid.height, "count": 1, "dtype": "uint8"}
    return {"driver": "GTiff", **size, **place, **layout, **packing, **nodata}


def _place(file: Any, scene: "Scene") -> None:
    from rasterio.control import GroundControlPoint

    if scene.control is None:
        return
    points, crs = scene.control
    across, down = scene.grid.step
    moved = [GroundControlPoint(p.row / down, p.col / across, p.x, p.y, p.z or 0.0, p.id) for p in points]
    file.gcps = (moved, crs)


def _colours(names: Sequence[str]) -> dict[int, tuple[int, int, int, int]]:
    table = dict.fromkeys(range(256), (0, 0, 0, 0))
    return table | {number: (*colour_of(number - 1), 255) for number in range(1, len(names) + 1)}


def _factors(width: int, height: int) -> list[int]:
    factors, factor = [], 2
    while max(width, height) / factor > _SMALLEST_OVERVIEW:
        factors.append(factor)
        factor *= 2
    return factors
