"""Any image or GeoTIFF as the 8-bit picture that a model sees, by a recorded rule."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seepseg import filetype, georeference
from seepseg.dataset.layout import IMAGE_SUFFIXES
from seepseg.errors import DatasetError, SourceError
from seepseg.georeference import Grid
from seepseg.rasterfile import has_pages, is_plain, open_raster, palette, read_values
from seepseg.scaling import Rule, untouched
from seepseg.values import Bitmap, Item, Window

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # a broken file is told in our own sentence

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """One image, ready to be written."""

    pixels: Pixels
    """(height, width), or (height, width, 3) in BGR, as Ultralytics will see it: EXIF orientation applied."""
    stored: bytes
    """What to write: the source file's own bytes, or a PNG."""
    suffix: str
    """The right one for `stored`, whatever the source file is called."""
    rendered: bool
    """False: `stored` is the source file byte for byte."""
    nodata: Bitmap | None
    """1 where there is no data; None where there is data everywhere."""
    georeference: dict[str, Any] | None
    """CRS and transform of this picture, window and spacing included."""
    metres_per_pixel: float | None
    unoriented: bool
    """The file carries an EXIF orientation other than 1: labels drawn by a program that ignores it don't fit."""
    source_sha256: str
    several: bool = False
    """The file holds more pictures, pages or frames, and this is the first."""


def open_picture(item: Item, rule: Rule | None, *, gsd: float | None = None) -> Picture:
    """The picture of one item; a SourceError names the file that is cut off, damaged or of no known kind.

    8-bit files that Ultralytics reads are passed on byte for byte. With a gsd, an item's window counts pixels of the
    resampled scene.
    """
    if item.window is not None or gsd is not None:
        return _open_window(item, rule, gsd)
    try:
        data = item.image.read_bytes()
    except OSError as error:
        raise SourceError(f"{item.image}: not readable: {error.strerror}") from None
    kind = filetype.sniff(data)
    if problem := filetype.fault(data, kind):
        raise SourceError(f"{item.image}: {problem}; get the file again or remove it")
    if filetype.is_eight_bit(data[: filetype.HEAD], kind):
        return _open_simple(item.image, data, kind, rule)
    return _open_raster(item, data, kind, rule)


def decode(data: bytes) -> Pixels | None:
    """8-bit pixels as Ultralytics sees them, grey ones without the third axis; None where OpenCV reads nothing."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR)  # type: ignore[return-value]
    except cv2.error:
        return None


def is_flat(pixels: Pixels, nodata: Bitmap | None) -> bool:
    """Whether all pixels that hold data have one value, or none does."""
    seen = pixels.reshape(-1, *pixels.shape[2:])
    if nodata is not None:
        seen = seen[nodata.ravel() == 0]
    # Of most images, the first few pixels tell.
    return not len(seen) or bool((seen[:64] == seen[0]).all() and (seen == seen[0]).all())


def read_pixels(image: Path) -> Pixels:
    """An image of a dataset, as training sees it: (height, width), or (height, width, 3) in BGR."""
    try:
        pixels = decode(image.read_bytes())
    except OSError as error:
        raise DatasetError(f"{image}: not readable: {error.strerror}; run 'seepseg check'") from None
    if pixels is None:
        raise DatasetError(f"{image}: not readable as an image; run 'seepseg check' for the full list")
    return pixels


def read_nodata(image: Path) -> Bitmap | None:
    """Which pixels of a dataset's image hold no data, as `open_picture` has it; None where all do."""
    data = image.read_bytes()
    kind = filetype.sniff(data)
    if filetype.is_eight_bit(data, kind) and not filetype.has_alpha(data, kind):
        return None
    return open_picture(Item(image, image.stem), None).nodata


def _open_simple(path: Path, data: bytes, kind: str, rule: Rule | None) -> Picture:
    """A kind whose channels have 8 bits: decoded once, and nothing else on the way."""
    pixels = decode(data)
    if pixels is None:
        raise SourceError(f"{path}: not readable as an image ({kind[1:]}); save it as PNG or remove it")
    orientation = filetype.orientation(data, kind)
    suffix = filetype.right_suffix(path.suffix, kind)
    kept = suffix.lower() in IMAGE_SUFFIXES and _keeps_eight_bits(pixels, rule)
    # Ultralytics rewrites a JPEG in place that does not end with the end marker.
    kept = kept and not (kind == ".jpg" and not data.endswith(b"\xff\xd9"))
    if rule is not None and not _keeps_eight_bits(pixels, rule):
        pixels = _pick_bands(path, pixels, rule)
    nodata = _transparent(data, orientation) if filetype.has_alpha(data, kind) else None
    digest = hashlib.sha256(data).hexdigest()
    stored, suffix = (data, suffix) if kept else (_png(pixels), ".png")
    several = filetype.is_animated(data, kind)
    return Picture(pixels, stored, suffix, not kept, nodata, None, None, orientation != 1, digest, several)


def _keeps_eight_bits(pixels: Pixels, rule: Rule | None) -> bool:
    natural = (1,) if pixels.ndim == 2 else (1, 2, 3)
    return rule is None or rule.kind != "none" or rule.bands == natural


def _pick_bands(path: Path, pixels: Pixels, rule: Rule) -> Pixels:
    planes = pixels[None] if pixels.ndim == 2 else pixels[..., ::-1].transpose(2, 0, 1)
    if max(rule.bands) > len(planes):
        raise SourceError(f"{path}: has {len(planes)} bands, and --bands asks for {max(rule.bands)}")
    chosen = planes[[band - 1 for band in rule.bands]]
    return rule.apply(chosen, np.ones(chosen.shape, bool))


def _transparent(data: bytes, orientation: int) -> Bitmap | None:
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if whole is None or (whole.ndim == 3 and whole.shape[2] != 4):
        return None
    nodata = np.asarray(whole == filetype.transparent_grey(data) if whole.ndim == 2 else whole[..., 3] == 0, np.uint8)
    return _upright(nodata, orientation) if nodata.any() else None


def _open_raster(item: Item, data: bytes, kind: str, rule: Rule | None) -> Picture:
    """TIFF, JPEG 2000, 16-bit PNG and whatever else GDAL reads."""
    orientation = filetype.orientation(data, kind)
    digest = hashlib.sha256(data).hexdigest()
    with open_raster(item.image) as dataset:
        grid = georeference.grid_of(dataset)
        pixels, nodata = _render(dataset, item.image, grid, None, rule)
        eight_bits = set(dataset.dtypes) == {"uint8"}
        several = has_pages(dataset) or filetype.is_animated(data, kind)
    metres, place = georeference.mean_metres(grid), georeference.describe(grid, None)
    suffix = filetype.right_suffix(item.image.suffix, kind)
    if orientation == 1 and eight_bits and suffix.lower() in IMAGE_SUFFIXES and _ultralytics_sees(data, pixels):
        return Picture(pixels, data, suffix, False, nodata, place, metres, False, digest, several)
    pixels = _upright(pixels, orientation)
    nodata = None if nodata is None else _upright(nodata, orientation)
    return Picture(pixels, _png(pixels), ".png", True, nodata, place, metres, orientation != 1, digest, several)


def _open_window(item: Item, rule: Rule | None, gsd: float | None) -> Picture:
    with open_raster(item.image) as dataset:
        grid = georeference.grid_of(dataset, gsd)
        pixels, nodata = _render(dataset, item.image, grid, item.window, rule)
        # A window is one of many, and whoever cut the scene tells it once.
        several = item.window is None and has_pages(dataset)
    place, metres = georeference.describe(grid, item.window), georeference.mean_metres(grid)
    return Picture(pixels, _png(pixels), ".png", True, nodata, place, metres, False, _digest(item.image), several)


def _render(
    dataset: Any, path: Path, grid: Grid, window: Window | None, rule: Rule | None
) -> tuple[Pixels, Bitmap | None]:
    if rule is None or (rule.kind != "none" and is_plain(dataset)):
        rule = untouched((1, 2, 3) if dataset.count >= 3 else (1,))
    if max(rule.bands) > dataset.count:
        raise SourceError(f"{path}: has {dataset.count} bands, and the rule asks for {max(rule.bands)}; see --bands")
    box = window or Window(0, 0, grid.width, grid.height)
    values, valid = read_values(dataset, box, rule.bands, rule.nodata, step=grid.step)
    if rule.kind == "none":
        inside = values[valid]
        if inside.size and (inside.min() < 0 or inside.max() > 255):
            raise SourceError(
                f"{path}: holds values from {inside.min():g} to {inside.max():g}, not 0 to 255; see --scale"
            )
    nodata = np.asarray(~valid.any(axis=0), np.uint8)
    pixels, colours = rule.apply(values, valid), palette(dataset)
    return pixels if colours is None else colours[pixels], nodata if nodata.any() else None


def _ultralytics_sees(data: bytes, pixels: Pixels) -> bool:
    """Whether OpenCV, called as Ultralytics calls it on a TIFF, gives these pixels."""
    buffer = np.frombuffer(data, np.uint8)
    try:
        whole, frames = cv2.imdecodemulti(buffer, cv2.IMREAD_UNCHANGED)
        if whole and frames[0].ndim == 3:
            return bool(pixels.ndim == 3 and np.array_equal(frames[0][..., :3], pixels))
        seen = decode(data)
    except cv2.error:
        return False
    return seen is not None and np.array_equal(seen, pixels)


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _png(pixels: Pixels) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


@lru_cache(maxsize=16)
def _digest(path: Path) -> str:
    """Of a scene that many windows share."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
