"""What Ultralytics would reject, drop or misread in one image and its label file."""

import hashlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from seepseg import filetype, raster
from seepseg.check.findings import Found

_READABLE = frozenset(
    ["avif", "bmp", "dng", "heic", "heif", "jp2", "jpeg", "jpeg2000", "jpg", "mpo", "png", "tif", "tiff", "webp"]
)
_DEEP_MODES = frozenset(("I", "F", "I;16", "I;16B", "I;16L"))


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as training would read it."""

    found: list[Found]
    sha256: str | None = None
    width: int = 0
    height: int = 0
    pixels: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What PIL reads of a file without decoding it."""

    format: str
    mode: str
    samples: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One polygon, and its line in the file."""

    line: int
    class_id: int
    polygon: NDArray[np.float64]


def inspect_image(file: Path) -> Picture:
    """Decode an image and say what is wrong with it; never raises for what a file holds."""
    try:
        data = file.read_bytes()
    except OSError:
        return Picture([("image-missing", str(file))])
    sha256 = hashlib.sha256(data).hexdigest()
    kind = filetype.sniff(data)
    if problem := filetype.fault(data, kind):
        return Picture([("image-truncated", f"{file}: {problem}")], sha256)
    try:
        head = _open(data)
    except Exception:  # PIL lets through whatever its plugins raise
        return Picture([_why_unreadable(file)], sha256)
    found: list[Found] = []
    if head.format not in _READABLE:
        found.append(("image-format", f"{file}: {head.format.upper()}"))
    elif kind and filetype.right_suffix(file.suffix, kind) != file.suffix:
        found.append(("image-suffix", f"{file}: {head.format.upper()}"))
    if min(head.width, head.height) < 10:
        found.append(("image-small", f"{file}: {head.width}×{head.height}"))
    if kind == ".jpg" and not data.endswith(b"\xff\xd9"):
        found.append(("image-trailing", str(file)))
    fault, pixels = _decode(file, data, kind, head)
    height, width = (head.height, head.width) if pixels is None else pixels.shape[:2]
    return Picture(found + fault, sha256, width, height, pixels)


def _open(data: bytes) -> Header:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data))
        form, mode, (width, height) = (image.format or "?").lower(), image.mode, image.size
        samples = image.tag_v2.get(277, 1) if isinstance(image, TiffImageFile) else len(image.getbands())
        image.verify()
    return Header(form, mode, int(samples), width, height)


def _decode(file: Path, data: bytes, kind: str, head: Header) -> tuple[list[Found], NDArray[np.uint8] | None]:
    """The pixels as Ultralytics gets them, or why it gets others or none."""
    if head.mode in _DEEP_MODES or (kind == ".png" and not filetype.is_eight_bit(data, kind)):
        return [("image-depth", f"{file}: {'32' if head.mode == 'F' else '16'} bits")], None
    pixels = raster.decode(data)
    if kind == ".tif":
        whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if whole is not None and whole.dtype != np.uint8:
            return [("image-depth", f"{file}: {whole.dtype}")], None
        if head.samples not in (1, 3) and head.mode != "RGBA":
            return [("image-bands", f"{file}: {head.samples} bands")], pixels
    if pixels is None and kind in (".avif", ".heic", ".gif"):
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.asarray(image.convert("RGB"))[..., ::-1]
    return ([] if pixels is not None else [_why_unreadable(file)]), pixels


def _why_unreadable(file: Path) -> Found:
    """A TIFF that neither PIL nor OpenCV takes is often a sound one of several bands or other numbers."""
    if file.suffix.lower() in (".tif", ".tiff"):
        import rasterio

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with rasterio.open(file) as grid:
                    code = "image-bands" if grid.dtypes[0] == "uint8" else "image-depth"
                    return code, f"{file}: {grid.count} × {grid.dtypes[0]}"
        except rasterio.errors.RasterioError:
            pass
    return "image-unreadable", str(file)


def inspect_labels(file: Path, class_count: int) -> tuple[list[Found], list[LabelRow]]:
    """What is wrong with a label file, and the polygons in it that can be used."""
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [("label-encoding", str(file))], []
    found: list[Found] = [("label-bom", str(file))] if data.startswith(b"\xef\xbb\xbf") else []
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    boxes = [number for number, words in lines if len(words) == 5]
    if boxes:
        only = all(len(words) <= 6 for _, words in lines)
        found.append(("label-boxes", str(file)) if only else ("label-mixed", f"{file}:{boxes[0]}"))
    rows = []
    for number, words in lines:
        if len(words) == 5:
            continue
        fault, row = _read_row(words, number, class_count)
        if fault:
            found.append((fault, f"{file}:{number}"))
        if row:
            rows.append(row)
    return found + _duplicates(file, rows), rows


def _read_row(words: Sequence[str], number: int, class_count: int) -> tuple[str | None, LabelRow | None]:
    try:
        values = np.array(words, np.float64)
    except ValueError:
        return "label-numbers", None
    if not np.isfinite(values).all() or values[0] % 1:
        return "label-numbers", None
    if len(values) < 7 or len(values) % 2 == 0:
        return "label-points", None
    if not 0 <= values[0] < class_count:
        return "label-class", None
    row = LabelRow(number, int(values[0]), values[1:].reshape(-1, 2))
    low, high = float(row.polygon.min()), float(row.polygon.max())
    if low < -0.01 or high > 1.01:
        return "label-outside", None
    return ("label-edge" if low < 0 or high > 1 else None), row


def _duplicates(file: Path, rows: Sequence[LabelRow]) -> list[Found]:
    seen: dict[bytes, int] = {}
    found = []
    for row in rows:
        key = bytes([row.class_id % 256]) + row.polygon.astype(np.float32).tobytes()
        first = seen.setdefault(key, row.line)
        if first != row.line:
            found.append(("label-duplicate", f"{file}:{row.line}: as line {first}"))
    return found
