"""Raster files through GDAL: opened without noise, read by windows, no-data told from data."""

import errno
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError
from seepseg.values import Window

_CACHE_BYTES = 128 << 20
"""GDAL takes 5 % of memory for blocks unless told otherwise, in every process."""
_STRIP_PIXELS = 1 << 22
_TILE = ("OFFSET", "SIZE")


@contextmanager
def open_raster(path: Path) -> Iterator[Any]:
    """rasterio's dataset; what it can't open becomes a sentence."""
    import rasterio
    from rasterio.errors import RasterioError

    allow_placeless()
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES), rasterio.open(path) as dataset:
            yield dataset
    except RasterioError as error:
        raise SourceError(
            f"{path}: not readable as an image: {_reason(error, path)}; get it again or remove it"
        ) from None
    except UnicodeEncodeError:
        raise SourceError(f"{str(path)!a}: its name holds bytes that are no text in UTF-8; rename it") from None


def check_written(path: Path) -> None:
    """An OSError where a tiled GeoTIFF ends before its last tile: GDAL writes what it still holds when it closes a
    file, and rasterio does not tell that this failed."""
    import rasterio

    there = path.stat().st_size
    with rasterio.open(path) as dataset:
        levels = range(len(dataset.overviews(1)))
        ends = list(_tile_ends(dataset))
    for level in levels:
        with rasterio.open(path, overview_level=level) as dataset:
            ends += _tile_ends(dataset)
    if any(not 0 < end <= there for end in ends):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _tile_ends(dataset: Any) -> Iterator[int]:
    """The byte after each tile; 0 for one that was never written."""
    high, wide = dataset.block_shapes[0]
    for row in range(-(-dataset.height // high)):
        for column in range(-(-dataset.width // wide)):
            place, size = (dataset.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=1) for what in _TILE)
            yield int(place or 0) + int(size or 0)


def allow_placeless() -> None:
    """No warnings of rasters without a place on the ground, from here on: most images have none.

    The filter stays. Filters belong to the whole process: two threads that each set one for a while undo each other.
    """
    from rasterio.errors import NotGeoreferencedWarning

    if ("ignore", None, NotGeoreferencedWarning, None, 0) not in warnings.filters:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)


def is_plain(dataset: Any) -> bool:
    """Whether an open raster needs no rule: 8 bits and 1, 3 or 4 bands."""
    return set(dataset.dtypes) == {"uint8"} and dataset.count in (1, 3, 4)


def has_pages(dataset: Any) -> bool:
    """Whether pictures follow the one that an open raster shows, as in a TIFF of several pages; overviews and masks are
    none."""
    return len(dataset.subdatasets) > 1


def read_values(
    dataset: Any,
    box: Window,
    bands: tuple[int, ...],
    nodata: float | None = None,
    *,
    step: tuple[float, float] = (1.0, 1.0),
    shape: tuple[int, int] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values of a box, (bands, height, width), and where they are data; `nodata` is none besides what a file says.

    The box counts pixels of a grid whose pixels are `step` file pixels wide and high: coarser ones average, finer
    ones interpolate. With a shape, pixels are picked instead.
    """
    from rasterio.enums import MaskFlags, Resampling

    sx, sy = step
    how = Resampling.average if sx * sy > 1 else Resampling.bilinear
    how = Resampling.nearest if shape or step == (1.0, 1.0) else how
    out_shape = (len(bands), *(shape or (box.height, box.width)))
    place = in_file(dataset, box, step)
    values = dataset.read(list(bands), window=place, out_shape=out_shape, out_dtype="float32", resampling=how)
    valid = np.isfinite(values)
    if any(MaskFlags.all_valid not in dataset.mask_flag_enums[band - 1] for band in bands):
        valid &= dataset.read_masks(list(bands), window=place, out_shape=out_shape, resampling=Resampling.nearest) > 0
    if nodata is not None and any(dataset.nodatavals[band - 1] != nodata for band in bands):
        resampled = how != Resampling.nearest
        valid &= ~_mixed_in(dataset, place, bands, nodata, out_shape) if resampled else values != np.float32(nodata)
    return values, valid


def _mixed_in(
    dataset: Any, place: Any, bands: tuple[int, ...], nodata: float, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Where resampling may have mixed in a value that the file itself takes for data."""
    from rasterio.windows import Window as FileWindow

    rows, columns = _edges(place.row_off, place.height, shape[1]), _edges(place.col_off, place.width, shape[2])
    left, right = max(columns[0] - 1, 0), min(columns[-1] + 2, dataset.width)
    reached = np.empty(shape, np.bool_)
    # The whole of a scene may be asked for at a small size, and is read here at its own: so many rows at a time.
    strip = max(1, int(_STRIP_PIXELS * shape[1] / (place.height * place.width)))
    for first in range(0, shape[1], strip):
        some = rows[first : first + strip + 1]
        top, bottom = max(some[0] - 1, 0), min(some[-1] + 2, dataset.height)
        around = FileWindow(left, top, right - left, bottom - top)
        for plane, band in zip(reached, bands, strict=True):
            native = dataset.read(band, window=around, out_dtype="float32") == np.float32(nodata)
            near = np.pad(cv2.dilate(native.astype(np.uint8), np.ones((3, 3), np.uint8)), (0, 1))
            by_row = np.maximum.reduceat(near, some - top, axis=0)[:-1]
            plane[first : first + strip] = np.maximum.reduceat(by_row, columns - left, axis=1)[:, :-1]
    return reached


def _edges(start: float, length: float, count: int) -> NDArray[np.int64]:
    """The file pixels in which resampled ones begin, and the last one ends."""
    return np.floor(start + np.arange(count + 1) * length / count).astype(np.int64)


def palette(dataset: Any) -> NDArray[np.uint8] | None:
    """The colours (256, 3), as BGR, of a raster whose values are places in a table."""
    if dataset.count != 1 or dataset.colorinterp[0].name != "palette":
        return None
    table = np.zeros((256, 3), np.uint8)
    for value, colour in dataset.colormap(1).items():
        table[value % 256] = colour[2::-1]
    return table


def in_file(dataset: Any, box: Window, step: tuple[float, float]) -> Any:
    """The box in file pixels; a resampled grid may end a fraction of a pixel beyond the file."""
    from rasterio.windows import Window as FileWindow

    left, top = box.x * step[0], box.y * step[1]
    right, bottom = (box.x + box.width) * step[0], (box.y + box.height) * step[1]
    right, bottom = min(right, dataset.width), min(bottom, dataset.height)
    return FileWindow(left, top, right - left, bottom - top)


def _reason(error: BaseException, path: Path) -> str:
    """GDAL's first line, without the names of the file that it puts in front, in quotes or not."""
    line = (str(error.__cause__ or error).splitlines() or [type(error).__name__])[0]
    return re.sub(rf"^(?:'?(?:{re.escape(str(path))}|{re.escape(path.name)})'?[:,]? *)+", "", line).rstrip(".")
