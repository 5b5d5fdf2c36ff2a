"""A scene of any size as a model sees it: read by windows, at the model's spacing and by its scaling rule."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seepseg import filetype
from seepseg.errors import SourceError, UsageError
from seepseg.georeference import TOLERANCE, Grid, grid_of, locate, mean_metres
from seepseg.raster import Pixels
from seepseg.rasterfile import has_pages, open_raster, palette, read_values
from seepseg.scaling import Rule
from seepseg.scenes.acquisition import acquired_at
from seepseg.scenes.land import Land, read_land
from seepseg.scenes.suitability import fitting_rule
from seepseg.values import SEVERAL, Bitmap, Window

if TYPE_CHECKING:
    from seepseg.predict.model_input import ModelInput

_SQUARE = 1.2
"""Pixels longer than wide, or wider than long, by more than this are spoken of."""
_HALF_WORLD = 180
"""Degrees: no scene is wider."""
_EXIF_BYTES = 1 << 18
"""EXIF stands at the beginning of a file, in one segment of at most 64 KiB."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An open scene; `open_scene` makes it. One thread at a time may read it."""

    path: Path
    grid: Grid
    """At the model's spacing: what every window counts in."""
    acquired: str | None
    notes: tuple[str, ...]
    """What was decided by rule and the user should see."""
    rule: Rule
    control: tuple[list[Any], Any] | None
    """Ground control points and their CRS, where the place is told by these alone."""
    _dataset: Any
    _land: Land | None

    def read(self, window: Window) -> tuple[Pixels, Bitmap | None]:
        """Pixels, grey or BGR, and where there is no data: none in the file, or areas that the user leaves out."""
        pixels, missing = self._render(window, self.grid.step)
        return pixels, _either(missing, self._land.draw(window) if self._land else None)

    def overview(self, longest: int) -> tuple[Pixels, Bitmap | None]:
        """The whole scene with no side longer than that."""
        whole = Window(0, 0, self.grid.width, self.grid.height)
        shrink = max(1.0, max(whole.width, whole.height) / longest)
        wide, high = max(1, int(whole.width / shrink)), max(1, int(whole.height / shrink))
        step = self.grid.step[0] * whole.width / wide, self.grid.step[1] * whole.height / high
        pixels, missing = self._render(Window(0, 0, wide, high), step)
        return pixels, _either(missing, self._land.draw(whole, (high, wide)) if self._land else None)

    def _render(self, window: Window, step: tuple[float, float]) -> tuple[Pixels, Bitmap | None]:
        from rasterio.errors import RasterioError

        colours = palette(self._dataset)
        shape = (window.height, window.width) if colours is not None else None
        try:
            values, valid = read_values(
                self._dataset, window, self.rule.bands, self.rule.nodata, step=step, shape=shape
            )
        except RasterioError as error:
            # Told here, as whoever writes a file meanwhile would take it for a disk that is full.
            raise SourceError(f"{self.path}: not readable to its end: {error}; get the file again") from None
        pixels = self.rule.apply(values, valid)
        missing = np.asarray(~valid.any(axis=0), np.uint8)
        return pixels if colours is None else colours[pixels], missing if missing.any() else None


@contextmanager
def open_scene(
    path: Path, model_input: "ModelInput", *, gsd: float | None = None, mask_vector: Path | None = None
) -> Iterator[Scene]:
    """A scene for a model; a SourceError says why it does not fit the model, and what to do.

    It is resampled to `gsd` metres, or to the spacing of the model's training, where the scene says how large its
    pixels are and they differ. The polygons of `mask_vector` (GeoJSON, GeoPackage or shapefile, such as land) count
    as no data.
    """
    check_gsd(gsd)
    several = _check_file(path)
    with open_raster(path) as dataset:
        _refuse_split(path, dataset)
        rule = fitting_rule(path, dataset, model_input.rule)
        grid, notes = _choose_grid(path, dataset, gsd, model_input.metres_per_pixel)
        land = read_land(mask_vector, dataset, grid) if mask_vector else None
        if several or has_pages(dataset):
            notes.append(f"{path.name}: {SEVERAL}")
        if mask_vector and land is None:
            notes.append(f"{mask_vector.name} covers nothing of {path.name}")
        acquired = acquired_at(path, dataset.tags())
        control = dataset.gcps if grid.approximate else None
        yield Scene(path, grid, acquired, tuple(notes), rule, control, dataset, land)


def check_gsd(gsd: float | None) -> None:
    """Refuse what is no spacing."""
    if gsd is not None and not (gsd > 0 and math.isfinite(gsd)):
        raise UsageError(f"--gsd {gsd:g}: give metres per pixel, more than 0")


def _refuse_split(path: Path, dataset: Any) -> None:
    """Longitudes that jump from 180 to -180: a grid fitted to such points would be as wide as the world."""
    points, crs = dataset.gcps
    if dataset.crs or not points or not (crs and crs.is_geographic):
        return
    west, east = min(point.x for point in points), max(point.x for point in points)
    if east - west > _HALF_WORLD:
        raise SourceError(
            f"{path}: its control points lie on both sides of the antimeridian ({west:.2f} to {east:.2f} degrees), so "
            "that it cannot be laid on the ground by them; correct the terrain first, to a CRS in metres such as UTM "
            "(SNAP's Terrain-Correction)"
        )


def _check_file(path: Path) -> bool:
    """Refuse what GDAL passes over: a picture that is stored turned, and a JPEG that ends too early. Whether frames
    follow the first one, it passes over too."""
    try:
        with path.open("rb") as file:
            head = file.read(_EXIF_BYTES)
            kind = filetype.sniff(head)
            whole = head + file.read() if kind in (".jpg", ".gif") else head
    except OSError as error:
        raise SourceError(f"{path}: not readable: {error.strerror}") from None
    if kind == ".jpg" and (problem := filetype.fault(whole, kind)):
        raise SourceError(f"{path}: {problem}; get the file again")
    if kind != ".tif" and filetype.orientation(head, kind) != 1:
        raise SourceError(
            f"{path}: is stored turned, with an EXIF note to turn it back, and too large to be read as a picture; "
            "save it upright first"
        )
    return filetype.is_animated(whole, kind)


def _choose_grid(path: Path, dataset: Any, gsd: float | None, trained: float | None) -> tuple[Grid, list[str]]:
    native = grid_of(dataset)
    notes = _notes_on_place(path, dataset, native)
    wanted = gsd or trained
    if native.metres is None or wanted is None:
        if gsd is not None:
            grid_of(dataset, gsd)
        if trained is not None:
            notes.append(f"{path.name}: metres per pixel are not known; taken as the model's {trained:g} m")
        return native, notes
    mean = mean_metres(native) or wanted
    if not _differ((native.metres if gsd is not None else (mean,)), wanted):
        if _differ((native.metres[0] / native.metres[1],), 1, _SQUARE):
            notes.append(
                f"{path.name}: its pixels are {native.metres[0]:.3g} × {native.metres[1]:.3g} m and are taken as they "
                f"are; --gsd {mean:.3g} makes them square"
            )
        return native, notes
    grid = grid_of(dataset, wanted)
    whose = "as asked" if gsd is not None else "as the model was trained on"
    notes.append(f"{path.name}: resampled from {mean:.3g} m to {wanted:g} m per pixel, {whose}")
    return grid, notes


def _differ(metres: tuple[float, ...], wanted: float, tolerance: float = TOLERANCE) -> bool:
    return any(max(one, wanted) > min(one, wanted) * tolerance for one in metres)


def _notes_on_place(path: Path, dataset: Any, grid: Grid) -> list[str]:
    if not grid.crs:
        return [f"{path.name}: not georeferenced, so that places and areas are in pixels"]
    if not grid.approximate:
        return []
    return [
        f"{path.name}: laid on the ground by its {len(dataset.gcps[0])} control points, which places it approximately, "
        f"off by up to {_misfit_m(dataset, grid):,.0f} m at these; correct the terrain first for exact places "
        "(SNAP's Terrain-Correction, or gdalwarp -tps)"
    ]


def _misfit_m(dataset: Any, grid: Grid) -> float:
    """The longest way between a control point and where the grid lays its pixel."""
    from pyproj import Geod
    from rasterio.warp import transform

    points = dataset.gcps[0]
    laid = [locate(grid.transform, point.col, point.row) for point in points]
    told = [(point.x, point.y) for point in points]
    ends = [transform(grid.crs, "EPSG:4326", *zip(*places, strict=True))[:2] for places in (laid, told)]
    return float(np.max(Geod(ellps="WGS84").inv(*ends[0], *ends[1])[2]))


def _either(one: Bitmap | None, other: Bitmap | None) -> Bitmap | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other
