"""How a scene is cut for a model: tiles of its input size that overlap, read ahead while the network works."""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import lcm

from seepseg.errors import UsageError
from seepseg.labels.scene_tiles import windows
from seepseg.raster import Pixels
from seepseg.scenes.scene import Scene
from seepseg.values import Bitmap, Window

OVERLAP = 0.2
"""The share of a tile's side that it has in common with the next. Measured as `merge.SHARED` was: without any, half of
the slicks come out in pieces; from .1 on hardly one does for its tiles' sake, and the rest is room for a network that
sees less at an edge."""
_MOST = 0.9
GRID = 16
"""Pixels of the network's input by whose multiples tiles lie apart, since what a network tells depends on how a picture
lies on its grid: shifted by 4 pixels its answer has an IoU of .6 to .74 with the one before, shifted by 16 of .95."""
RIM = 0.25
"""The share of the overlap, along an edge beyond which another tile goes on, that is left to that tile: it sees more
of what lies there. Brings tiled nearer to untiled by an IoU of .01 to .03, for nothing on the truth."""
Tile = tuple[Window, Pixels, Bitmap | None]


def overlap_px(tile: int, overlap: float | None, imgsz: int | None = None) -> int:
    """In pixels: below 1 it is a share of the tile, from 1 on it is pixels. A share is made to fit the grid of a
    network that sees tiles at `imgsz`."""
    chosen = OVERLAP if overlap is None else overlap
    pixels = round(chosen * tile) if chosen < 1 else round(chosen)
    if not chosen >= 0 or pixels > _MOST * tile:
        raise UsageError(
            f"--overlap {chosen:g}: give a share of the tile from 0 to {_MOST:g}, or pixels up to {int(_MOST * tile)}"
        )
    return pixels if imgsz is None or chosen >= 1 else tile - _on_grid(tile - pixels, tile, imgsz)


def _on_grid(step: int, tile: int, imgsz: int) -> int:
    """The nearest step by which all tiles lie on the grid alike; the same where that is far from what was asked."""
    grid = lcm(GRID * tile, imgsz) // imgsz
    near = min(round(step / grid), tile // grid) * grid
    return near if near and abs(near - step) <= tile / 16 else step


def cut(scene: Scene, tile: int, overlap: int) -> list[Window]:
    """Tiles row by row; the last of a row or column moves inwards, and a smaller scene is one tile."""
    return windows(scene.grid.width, scene.grid.height, tile, overlap)


def trusted(tile: Window, size: tuple[int, int], overlap: int) -> Window:
    """What of a tile counts, in a scene of `size` (width, height): all but its rim where other tiles go on."""
    rim = int(RIM * overlap)
    left, top = tile.x + rim * (tile.x > 0), tile.y + rim * (tile.y > 0)
    right, bottom = tile.x + tile.width, tile.y + tile.height
    right, bottom = right - rim * (right < size[0]), bottom - rim * (bottom < size[1])
    return Window(left, top, right - left, bottom - top)


def read_ahead(scene: Scene, tiles: Sequence[Window], most: int) -> Generator[Tile]:
    """Each tile's pixels and missing data; up to `most` tiles wait, read by a thread of their own."""
    with ThreadPoolExecutor(1, thread_name_prefix="scene") as pool:
        waiting: deque[tuple[Window, Future[tuple[Pixels, Bitmap | None]]]] = deque()
        try:
            for tile in tiles:
                waiting.append((tile, pool.submit(scene.read, tile)))
                if len(waiting) > most:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        finally:
            pool.shutdown(cancel_futures=True)


def _next(waiting: deque[tuple[Window, Future[tuple[Pixels, Bitmap | None]]]]) -> Tile:
    tile, future = waiting.popleft()
    pixels, nodata = future.result()
    return tile, pixels, nodata
