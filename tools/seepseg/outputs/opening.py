"""An image from its file, or the word that it is a scene: which way a file goes is decided by a rule."""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from seepseg import filetype, raster
from seepseg.errors import SeepsegError, SourceError
from seepseg.outputs.journal import PICTURE, SCENE, Stamp
from seepseg.outputs.listing import Entry
from seepseg.rasterfile import is_plain, open_raster
from seepseg.scaling import Rule
from seepseg.scenes.suitability import fitting_rule
from seepseg.values import FLAT, SEVERAL, Item

Tile = Literal["auto", "always", "never", "size"]
"""`size` is for a classifier, which would find no place in a scene, however small."""
AHEAD_BYTES = 16 << 20
"""Of files: what waits for the model takes ten times as much memory, or so, once it is open."""
_EXIF_BYTES = 1 << 17
LONG = 4
"""Times the model's image size: a longer image would lose more than a quarter of its detail when it is fitted in."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One file, as far as reading ahead takes it."""

    entry: Entry
    stamp: Stamp
    kind: str
    picture: raster.Picture | None = None
    reason: str | None = None
    """Why it can't be read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the picture; a scene has notes of its own."""
        if self.picture is None:
            return ()
        flat = raster.is_flat(self.picture.pixels, self.picture.nodata)
        told = [*([SEVERAL] if self.picture.several else []), *([FLAT] if flat else [])]
        return tuple(f"{self.entry.name}: {one}" for one in told)


def open_ahead(
    entries: Sequence[Entry], rule: Rule | None, imgsz: int, tile: Tile, ahead: int
) -> Generator[Opened, None, None]:
    """The files in order, read by a second thread while the first one predicts; a scene is left for its own reader."""
    waiting: deque[tuple[int, Future[Opened]]] = deque()
    left = iter(entries)
    with ThreadPoolExecutor(1) as pool:
        try:
            while True:
                while len(waiting) < ahead and sum(size for size, _ in waiting) < AHEAD_BYTES:
                    if (entry := next(left, None)) is None:
                        break
                    waiting.append((stamp_of(entry)[0], pool.submit(open_entry, entry, rule, imgsz, tile)))
                if not waiting:
                    return
                yield waiting.popleft()[1].result()
        finally:
            pool.shutdown(cancel_futures=True)


def open_entry(entry: Entry, rule: Rule | None, imgsz: int, tile: Tile) -> Opened:
    """One file; what a model was not trained on is refused as a scene of that kind would be."""
    stamp = stamp_of(entry)
    if stamp[1] and not stamp[0]:
        return Opened(entry, stamp, PICTURE, None, "is empty (0 bytes); get the file again or remove it")
    item = Item(entry.path, entry.stem)
    try:
        if is_scene(entry, imgsz, tile):
            str(entry.path).encode()  # GDAL and GeoJSON take names that are text alone.
            return Opened(entry, stamp, SCENE)
        if _is_plain(entry):
            # 8 bits are taken as they are: a dataset's own images were brought to 8 bits by the rule.
            return Opened(entry, stamp, PICTURE, _open_plain(item, rule))
        with open_raster(entry.path) as dataset:
            fitting = fitting_rule(entry.path, dataset, rule)
        return Opened(entry, stamp, PICTURE, raster.open_picture(item, fitting))
    except SeepsegError as error:
        return Opened(entry, stamp, PICTURE, None, str(error))
    except UnicodeEncodeError:
        return Opened(entry, stamp, PICTURE, None, "its name holds bytes that are no text in UTF-8; rename it")


def _open_plain(item: Item, rule: Rule | None) -> raster.Picture:
    try:
        return raster.open_picture(item, rule)
    except SourceError:
        if rule is not None and rule.kind == "none":
            with suppress(OSError), open_raster(item.image) as dataset:
                fitting_rule(item.image, dataset, rule)
        raise


def _is_plain(entry: Entry) -> bool:
    """Whether it needs no rule; so does what can't be read, as reading tells better what is wrong."""
    head = _head(entry, filetype.HEAD)
    if len(head) < filetype.HEAD or filetype.is_eight_bit(head, filetype.sniff(head)):
        return True
    try:
        with open_raster(entry.path) as dataset:
            return is_plain(dataset)
    except SourceError:
        return True


def stamp_of(entry: Entry) -> Stamp:
    """Zeros for a file that is not there: reading tells."""
    try:
        found = entry.path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def is_scene(entry: Entry, imgsz: int, tile: Tile) -> bool:
    """Georeferenced (`size` does not ask for that), or longer than four times the model's image size. What can't be
    read is none, nor is a photo that is stored turned: only whole can it be turned back."""
    if tile in ("always", "never"):
        return tile == "always"
    head = _head(entry, _EXIF_BYTES)
    kind = filetype.sniff(head)
    if kind != ".tif" and filetype.orientation(head, kind) != 1:
        return False
    if kind == ".png" and len(head) >= filetype.HEAD:
        # GDAL takes its time for each file, and most images are PNGs.
        return max(int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) > LONG * imgsz
    try:
        with open_raster(entry.path) as dataset:
            placed = tile == "auto" and bool(dataset.crs or dataset.gcps[0])
            return placed or max(dataset.shape) > LONG * imgsz
    except SourceError:
        return False


def _head(entry: Entry, most: int) -> bytes:
    try:
        with entry.path.open("rb") as file:
            return file.read(most)
    except OSError:
        return b""
