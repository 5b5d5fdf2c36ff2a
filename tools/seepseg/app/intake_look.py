"""What a file is and how large, from its first bytes and its header alone: nothing of it is decoded."""

import os
from dataclasses import dataclass
from pathlib import Path

from seepseg import filetype
from seepseg.app.intake_limits import Kind, Limits
from seepseg.errors import SourceError
from seepseg.outputs.opening import LONG
from seepseg.rasterfile import open_raster
from seepseg.video.frames import SUFFIXES as VIDEO_SUFFIXES
from seepseg.video.frames import is_video

_BY_WINDOWS = (".tif", ".jp2")
_WHOLE = (".png", ".jpg", ".bmp", ".gif", ".webp")
VIDEO = ".video"
"""Stands for whichever suffix the visitor's file has."""
_USUAL_IMGSZ = 640
_HEAD = 1024
_OTHERS = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xfe\xed\xfa", "a macOS program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"#!", "a script"),
    (b"%PDF", "a PDF"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x80\x02", "a pickle, which is a program"),
    (b"\x89HDF", "an HDF5 or NetCDF file"),
    (b"CDF", "a NetCDF file"),
)
_TAKEN = "hand in PNG, JPEG, TIFF, GeoTIFF, a zip of them, or a short video"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the file is, and the suffix that says so."""

    kind: Kind
    suffix: str


def inspect(path: Path, limits: Limits) -> Seen:
    """What it is, or a SourceError that says why it is not taken."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    suffix = filetype.sniff(head)
    if suffix in _WHOLE or suffix in _BY_WINDOWS:
        return _inspect_raster(path, head, suffix, limits)
    if suffix:
        raise SourceError(f"is a {suffix[1:].upper()} image, which not every computer reads; save it as PNG or JPEG")
    if is_video(path):
        return _inspect_video(path, limits)
    raise SourceError(f"{_what_it_is(head)}; {_TAKEN}")


def name_of_kind(name: str, suffix: str) -> str:
    """The name with a suffix that fits the content: 'a.exe' that is a PNG becomes 'a.png'."""
    stem, own = os.path.splitext(name)
    if suffix == VIDEO:
        return name if own.lower() in VIDEO_SUFFIXES else f"{stem}.mp4"
    return stem + filetype.right_suffix(own, suffix)


def _inspect_raster(path: Path, head: bytes, suffix: str, limits: Limits) -> Seen:
    size = _size_in_head(head, suffix)
    placed = False
    if size is None:
        try:
            with open_raster(path) as dataset:
                size, placed = (dataset.width, dataset.height), bool(dataset.crs or dataset.gcps[0])
                _refuse_blocks(dataset, limits)
        except SourceError as error:
            raise SourceError(_without(str(error), path)) from None
    by_windows = suffix in _BY_WINDOWS
    _refuse_pixels(size, limits.scene_pixels if by_windows else limits.image_pixels)
    return Seen("scene" if placed or max(size) > LONG * _USUAL_IMGSZ else "image", suffix)


def _size_in_head(head: bytes, suffix: str) -> tuple[int, int] | None:
    """Without a library, where the format has width and height at a fixed place."""
    if suffix == ".png" and head[12:16] == b"IHDR":
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if suffix == ".gif" and len(head) > 10:
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    if suffix == ".bmp" and len(head) > 26:
        width, height = (int.from_bytes(head[at : at + 4], "little", signed=True) for at in (18, 22))
        return abs(width), abs(height)
    return None


def _refuse_pixels(size: tuple[int, int], most: int) -> None:
    width, height = size
    if not width or not height:
        raise SourceError("says that it has no pixels; it is damaged: get it again")
    if width * height > most:
        raise SourceError(
            f"is {width:,} × {height:,} pixels large, and {most / 1e6:,.0f} million are allowed here; cut it into "
            "parts, or run 'seepseg predict', which takes scenes of any size"
        )


def _refuse_blocks(dataset: object, limits: Limits) -> None:
    """A TIFF is read block by block: one with a single huge block would fill the memory."""
    bands, shapes = dataset.count, dataset.block_shapes  # type: ignore[attr-defined]
    if bands > limits.bands:
        raise SourceError(f"has {bands:,} bands, and {limits.bands} are allowed; keep those that the model needs")
    depth = max(_bytes_of(kind) for kind in dataset.dtypes)  # type: ignore[attr-defined]
    together = bands if str(dataset.interleaving).endswith("pixel") else 1  # type: ignore[attr-defined]
    largest = max(height * width for height, width in shapes) * depth * together
    if largest > limits.block_bytes:
        raise SourceError(
            f"is stored in blocks of {largest / 1e6:,.0f} MB, too large to open in parts; write it anew with tiles: "
            "gdal_translate -co TILED=YES -co COMPRESS=DEFLATE"
        )


def _bytes_of(kind: str) -> int:
    import numpy as np

    try:
        return np.dtype(kind).itemsize
    except TypeError:
        return 8


def _inspect_video(path: Path, limits: Limits) -> Seen:
    from seepseg.video.decoding import open_video

    try:
        clip = open_video(path, 1)
    except SourceError as error:
        raise SourceError(_without(str(error), path)) from None
    width, height = _frame_size(path)
    if width * height > limits.video_pixels:
        raise SourceError(f"its frames are {width:,} × {height:,} pixels large; make them 4096 × 2304 at most")
    if clip.total is None or clip.total > limits.video_frames:
        length = "does not say how long it is" if clip.total is None else f"has {clip.total:,} frames"
        raise SourceError(f"{length}, and {limits.video_frames:,} frames are allowed here; cut out a part")
    return Seen("video", VIDEO)


def _frame_size(path: Path) -> tuple[int, int]:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return int(stream.codec_context.width), int(stream.codec_context.height)


def _what_it_is(head: bytes) -> str:
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return f"is {what}"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or b"<svg" in start:
        return "is an SVG, a drawing without pixels"
    if start.startswith((b"<", b"{", b"[")) or _is_text(head):
        return "is a text file"
    return "is none of the image formats known here"


def _is_text(head: bytes) -> bool:
    return bool(head) and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head)


def _without(text: str, path: Path) -> str:
    """The place on the server says nothing to a visitor."""
    return text.replace(f"{path}: ", "").replace(str(path), "the file").replace(path.name, "the file")
