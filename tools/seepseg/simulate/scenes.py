"""Whole scenes: GeoTIFFs in dB with their truth as a class raster and as polygons, written strip by strip."""

import json
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg.dataset.staging import staged
from seepseg.progress import track
from seepseg.rasterfile import check_written
from seepseg.simulate.canvas import CLOSED, Canvas, blank, echo_db, populate
from seepseg.simulate.plan import instances_wanted
from seepseg.simulate.sea import Sea, draw_sea
from seepseg.simulate.seeps import NAMES
from seepseg.simulate.write import RECORD, write_record
from seepseg.values import Window
from seepseg.workers import in_order

CRS = "EPSG:32631"
STRIP = 256
"""Rows made at once; also the side of the blocks of the GeoTIFF."""
DENSITY = 0.25
"""Seeps by area, beside those of tiles: tiles are cut where seeps are."""
SHIPS_PER_TILE = 0.04
STEP_DB = 1 / 128
"""What values are rounded to, far below the noise: it makes the files smaller."""


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """What decides every byte of a run, beside the versions."""

    count: int = 1
    size: int = 4096
    seed: int = 0
    looks: int = 4
    gsd: float = 20
    """Metres per pixel."""
    border: bool = False
    """Whether the swath lies slanted in its raster, with no data on either side."""


@dataclass(frozen=True, slots=True)
class Swath:
    """The part of a raster that was measured: it starts at a column that moves along with the rows."""

    size: int
    slope: float

    def outside(self, window: Window) -> NDArray[np.bool_]:
        """Pixels without data; the swath is a parallelogram that touches the top and the bottom."""
        rows = np.arange(window.y, window.y + window.height)[:, None]
        columns = np.arange(window.x, window.x + window.width)
        lead = self.slope * (rows if self.slope > 0 else rows - self.size)
        width = self.size * (1 - abs(self.slope))
        missing: NDArray[np.bool_] = (columns < lead) | (columns >= lead + width)
        return missing


def write_scenes(out: Path, settings: SceneSettings, *, workers: int = 1, overwrite: bool = False) -> dict[str, Any]:
    """A folder of scenes; gives the record that is written with them."""
    rng = np.random.default_rng([settings.seed, 2])
    numbers = sorted(rng.choice(np.arange(20_000, 60_000), settings.count, replace=False).tolist())
    with staged(out, overwrite=overwrite, proof=RECORD) as folder:
        for kind in ("scenes", "truth", "polygons"):
            (folder / kind).mkdir()
        one = partial(write_scene, folder=folder, settings=settings, show=min(workers, settings.count) <= 1)
        with closing(in_order(one, list(enumerate(numbers)), workers)) as made:
            scenes = list(made)
        record = {
            "settings": asdict(settings),
            "values": f"dB, rounded to {STEP_DB:g}; no data is NaN",
            "truth": "0 none, 1-7 seep class",
            "names": list(NAMES),
            "instances": dict(
                zip(NAMES, np.sum([scene["instances"] for scene in scenes], axis=0).tolist(), strict=True)
            ),
            "scenes": {f"{number:06d}": scene for number, scene in zip(numbers, scenes, strict=True)},
        }
        write_record(folder, record)
    return record


def write_scene(
    numbered: tuple[int, int], folder: Path, settings: SceneSettings, *, show: bool = False
) -> dict[str, Any]:
    """The files of one scene, given as (index, number); gives what the record says of it."""
    index, number = numbered
    rng = np.random.default_rng([settings.seed, 3, index])
    size, name = settings.size, f"{number:06d}"
    sea = draw_sea(rng, settings.looks, size)
    slope = float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.22))
    swath = Swath(size, slope if settings.border else 0.0)
    quota = instances_wanted((size / 256) ** 2 * DENSITY)
    canvas = blank(size, size, [Window(0, 0, size, size)])
    _close(canvas, swath)
    populate(canvas, rng, sea, quota, int(rng.poisson(SHIPS_PER_TILE * (size / 256) ** 2)))
    canvas.truth[canvas.truth == CLOSED] = 0
    acquired = datetime(2024, 1, 1, 5, tzinfo=UTC) + timedelta(seconds=int(rng.integers(365 * 86_400)))
    origin = 350_000 + 10 * int(rng.integers(20_000)), 6_000_000 + 10 * int(rng.integers(40_000))
    profile = _profile(size, settings.gsd, origin)
    _write_echo(
        folder / "scenes" / f"{name}.tif", canvas, sea, swath, profile, (settings.seed, 4, index), acquired, show
    )
    _write_truth(folder / "truth" / f"{name}.tif", canvas.truth, profile)
    _write_polygons(folder / "polygons" / f"{name}.geojson", canvas.truth, profile)
    return {"instances": list(quota), "acquired": acquired.isoformat(), **sea.describe()}


def _close(canvas: Canvas, swath: Swath) -> None:
    for window in _strips(swath.size):
        rows = canvas.truth[window.y : window.y + window.height]
        rows[swath.outside(window)] = CLOSED


def _strips(size: int) -> list[Window]:
    return [Window(0, top, size, min(STRIP, size - top)) for top in range(0, size, STRIP)]


def _profile(size: int, gsd: float, origin: tuple[int, int]) -> dict[str, Any]:
    from rasterio import Affine

    return {
        "driver": "GTiff",
        "width": size,
        "height": size,
        "count": 1,
        "crs": CRS,
        "transform": Affine(gsd, 0, origin[0], 0, -gsd, origin[1]),
        "tiled": True,
        "blockxsize": STRIP,
        "blockysize": STRIP,
        "compress": "deflate",
    }


def _write_echo(
    path: Path,
    canvas: Canvas,
    sea: Sea,
    swath: Swath,
    profile: dict[str, Any],
    seed: tuple[int, ...],
    acquired: datetime,
    show: bool,
) -> None:
    import rasterio

    strips = _strips(swath.size)
    with rasterio.open(path, "w", dtype="float32", nodata=float("nan"), predictor=3, **profile) as file:
        file.update_tags(
            TIFFTAG_DATETIME=acquired.strftime("%Y:%m:%d %H:%M:%S"),
            TIFFTAG_IMAGEDESCRIPTION="Simulated SAR scene; no real sea, no real oil",
            ACQUISITION_TIME=acquired.isoformat(),
            POLARISATION="VV",
            UNITS="dB",
            LOOKS=str(sea.looks),
        )
        for window in track(strips, len(strips), path.stem, unit="strip") if show else strips:
            measured = echo_db(canvas, seed, sea, window)
            measured = np.rint(measured / np.float32(STEP_DB)) * np.float32(STEP_DB)
            measured[swath.outside(window)] = np.nan
            file.write(measured, 1, window=((window.y, window.y + window.height), (0, window.width)))
    check_written(path)


def _write_truth(path: Path, truth: NDArray[np.uint8], profile: dict[str, Any]) -> None:
    import rasterio

    with rasterio.open(path, "w", dtype="uint8", **profile) as file:
        file.write(truth, 1)
    check_written(path)


def _write_polygons(path: Path, truth: NDArray[np.uint8], profile: dict[str, Any]) -> None:
    """The components along their pixels' edges, in longitude and latitude as GeoJSON wants them."""
    from rasterio.features import shapes
    from rasterio.warp import transform_geom
    from shapely.geometry import shape

    found = list(shapes(truth, mask=truth > 0, connectivity=8, transform=profile["transform"]))
    outlines = transform_geom(CRS, "EPSG:4326", [outline for outline, _ in found], precision=8)
    features = [
        {
            "type": "Feature",
            "properties": {"class": NAMES[int(value) - 1], "mask_value": int(value), "area_m2": shape(outline).area},
            "geometry": placed,
        }
        for (outline, value), placed in zip(found, outlines, strict=True)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, indent=None)
    path.write_text(text + "\n", encoding="utf-8")
