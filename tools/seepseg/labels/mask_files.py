"""One mask file of any kind as an array of numbers: indices of a palette rather than its colours, bits as 0 and 1,
16-bit, signed and float values as they stand. Libraries that change values on the way are not asked."""

import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from seepseg.errors import SourceError
from seepseg.rasterfile import has_pages
from seepseg.wording import count

NAN = int(np.iinfo(np.int64).min)
"""What stands for "not a number" once a float mask has become whole numbers."""

JPEG_SPREAD = 16
"""How far apart JPEG leaves the channels of a grey."""

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG_PALETTE = 3
_SPREAD = 50
_SEVERAL = "{}: holds several pictures; a mask is one"
_MODES = ("1", "L", "P", "RGB", "RGBA", "LA")
# ImportError: once ultralytics is loaded, its Image.open asks for pi-heif where Pillow recognises nothing.
_UNREADABLE = (OSError, ValueError, SyntaxError, ImportError, Image.DecompressionBombError, cv2.error)


def read_values(path: Path, *, tolerance: int = 0) -> NDArray[Any]:
    """The numbers of a mask, (height, width), as stored; colours whose channels are equal count as that number.

    `tolerance` lets channels differ by what JPEG adds to greys: then their middle counts.
    """
    pixels = _decode(path)
    if pixels.dtype == bool:
        # Pillow's true is a byte of 255.
        pixels = (pixels.view(np.uint8) != 0).astype(np.uint8)
    if pixels.ndim == 2:
        return pixels
    pixels = _without_alpha(pixels, path)
    low: NDArray[Any] = pixels.min(axis=2)
    high: NDArray[Any] = pixels.max(axis=2)
    spread = int((high - low).max())
    if spread == 0:
        return low
    if spread > tolerance:
        hint = "say what its colours mean with --colours FILE"
        grey = ", or, if these are greys changed by JPEG, give --threshold 127" if spread <= 16 else ""
        raise SourceError(f"{path}: is a mask in colour, not in numbers; {hint}{grey}")
    middle: NDArray[Any] = np.median(pixels, axis=2).astype(pixels.dtype)
    return middle


def read_whole(path: Path) -> NDArray[Any]:
    """The numbers of a mask as integers; floats must be whole, and "not a number" becomes NAN."""
    values = read_values(path)
    if values.dtype.kind != "f":
        return values
    missing = np.isnan(values)
    whole = np.where(missing, 0, values)
    if (np.rint(whole) != whole).any() or np.abs(whole).max() > 2**53:
        odd = int(np.count_nonzero(np.rint(whole) != whole))
        raise SourceError(
            f"{path}: {count(odd, 'pixel')} with numbers that are not whole; a mask of shares needs --threshold, as 0.5"
        )
    return np.where(missing, NAN, whole.astype(np.int64))


def read_colours(path: Path) -> NDArray[np.uint8]:
    """Red, green and blue of each pixel, (height, width, 3), a palette looked up."""
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            deep = image.mode not in (*_MODES, "PA") or (data.startswith(_PNG) and data[24] == 16)
            if deep:
                raise SourceError(f"{path}: holds more than 8 bits a colour ({image.mode}); no colour table fits")
            _refuse_frames(image, path)
            if image.mode in ("RGBA", "LA", "PA"):
                _without_alpha(np.asarray(image.convert("RGBA")), path)
            return np.asarray(image.convert("RGB"))
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def check_size(values: NDArray[Any], path: Path, width: int, height: int) -> None:
    """Refuse a mask that is not as large as its image."""
    rows, columns = values.shape[:2]
    if (columns, rows) == (width, height):
        return
    turned = (columns, rows) == (height, width)
    hint = (
        "it lies turned by a quarter, perhaps by an EXIF orientation that the image has and the mask lacks"
        if turned
        else "give masks at the images' own size"
    )
    raise SourceError(f"{path}: the mask is {columns}×{rows}, its image {width}×{height}; {hint}")


def refuse_blank(paths: Sequence[Path], threshold: float, *, ignore: Sequence[int] = (), tolerance: int = 0) -> None:
    """Refuse a threshold that no mask reaches although some hold values: it would make every image a background.

    Looks at masks spread over all until one has a value above; only blank sets are read to the end.
    """
    greatest = 0.0
    for path in (path for start in range(_SPREAD) for path in paths[start::_SPREAD]):
        try:
            values = read_values(path, tolerance=tolerance)
        except SourceError:
            continue  # Told with all the others when they are converted.
        kept = values[~(np.isin(values, ignore) | np.isnan(values))]
        greatest = max(greatest, float(kept.max(initial=0)))
        if greatest > threshold:
            return
    if greatest > 0:
        raise SourceError(
            f"{paths[0].parent}: no mask value is above --threshold {threshold:g}; the greatest is {greatest:g}; "
            "give a lower threshold, or leave it out where values are classes"
        )


def _decode(path: Path) -> NDArray[Any]:
    try:
        data = path.read_bytes()
        if data.startswith(_PNG) and data[25:26] != bytes([_PNG_PALETTE]):
            return _decode_png(data)
        if data[:4] in _TIFF:
            return _decode_tiff(data, path)
        with Image.open(io.BytesIO(data)) as image:
            _refuse_frames(image, path)
            if image.mode not in (*_MODES, "I;16", "I;16B", "I", "F"):
                raise SourceError(f"{path}: is a picture of kind {image.mode}, which no mask should be")
            return np.asarray(image)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def _decode_png(data: bytes) -> NDArray[Any]:
    pixels: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("broken PNG")
    return pixels // (255 // (2 ** data[24] - 1)) if data[24] < 8 else pixels


def _decode_tiff(data: bytes, path: Path) -> NDArray[Any]:
    """Pillow for the plain kinds, which it reads as they are; rasterio for the others."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            samples, kind = image.tag_v2.get(277, 1), set(image.tag_v2.get(339, (1,)))  # type: ignore[attr-defined]
            plain = {"1": 1, "L": 1, "P": 1, "I;16": 1, "RGB": 3, "RGBA": 4}.get(image.mode) == samples
            if plain and kind == {1} and getattr(image, "n_frames", 1) == 1:
                return np.asarray(image)
    except _UNREADABLE:
        pass
    return _read_raster(path)


def _read_raster(path: Path) -> NDArray[Any]:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(path) as raster:
                if has_pages(raster):
                    raise SourceError(_SEVERAL.format(path))
                if raster.count not in (1, 3, 4):
                    raise SourceError(f"{path}: holds {raster.count} bands; a mask holds one, or three of colour")
                bands: NDArray[Any] = raster.read()
        except RasterioError as error:
            raise ValueError(error) from None
    return bands[0] if len(bands) == 1 else np.moveaxis(bands, 0, -1)


def _without_alpha(pixels: NDArray[Any], path: Path) -> NDArray[Any]:
    channels = pixels.shape[2]
    if channels in (1, 3):
        return pixels
    alpha = pixels[..., -1]
    if (alpha != np.iinfo(alpha.dtype).max).any():
        raise SourceError(f"{path}: parts of the mask are transparent; save it without transparency")
    return pixels[..., :-1]


def _refuse_frames(image: Image.Image, path: Path) -> None:
    if getattr(image, "is_animated", False):
        raise SourceError(_SEVERAL.format(path))


def _unreadable(path: Path, error: Exception) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{path}: no such file")
    told = error.strerror if isinstance(error, OSError) else None
    if isinstance(error, UnidentifiedImageError | ImportError):
        told = "its content is that of no known picture"
    reason = told or " ".join(re.sub(r"<_io\.BytesIO.*?>|b?'[^']*'", "", str(error)).split())
    return SourceError(f"{path}: cannot be read as a picture ({reason or type(error).__name__})")
