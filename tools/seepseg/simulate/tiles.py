"""Tiles in SEEP's layout: train_images_256/SCENE.TILE.tif and the masks of the same names beside it."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seepseg.dataset.staging import staged
from seepseg.progress import track
from seepseg.simulate.canvas import CLOSED, Canvas, blank, echo_db, populate
from seepseg.simulate.plan import SKEW_TILES, ScenePlan, plan_tiles
from seepseg.simulate.sea import draw_sea
from seepseg.simulate.seeps import NAMES
from seepseg.simulate.write import RECORD, SCALING, digitize, write_record, write_tile
from seepseg.values import Window
from seepseg.workers import in_order

SHIPS_PER_TILE = 0.25


@dataclass(frozen=True, slots=True)
class TileSettings:
    """What decides every byte of a run, beside the versions."""

    count: int = SKEW_TILES
    size: int = 256
    seed: int = 0
    looks: int = 4
    dtype: str = "uint8"


def write_tiles(out: Path, settings: TileSettings, *, workers: int = 1, overwrite: bool = False) -> dict[str, Any]:
    """A folder of tiles; gives the record that is written with them."""
    plans = plan_tiles(settings.count, settings.seed)
    with staged(out, overwrite=overwrite, proof=RECORD) as folder:
        for kind in ("images", "masks"):
            (folder / f"train_{kind}_{settings.size}").mkdir()
        one = partial(write_scene_tiles, folder=folder, settings=settings)
        with closing(in_order(one, plans, workers)) as scenes:
            records = list(track(scenes, len(plans), "simulating", unit="scene"))
        record = _record(settings, plans, records)
        write_record(folder, record)
    return record


def write_scene_tiles(plan: ScenePlan, folder: Path, settings: TileSettings) -> dict[str, Any]:
    """The tiles of one scene; gives what the record says of it."""
    size = settings.size
    rng = np.random.default_rng(plan.seed)
    sea = draw_sea(rng, settings.looks, plan.columns * size)
    canvas = _lay_out(plan, size)
    populate(canvas, rng, sea, plan.quota, int(rng.poisson(SHIPS_PER_TILE * len(plan.tiles))))
    canvas.truth[canvas.truth == CLOSED] = 0
    whole = Window(0, 0, plan.columns * size, plan.rows * size)
    pixels = digitize(echo_db(canvas, plan.seed, sea, whole), settings.dtype)
    for row, column, number in plan.tiles:
        part = slice(row * size, (row + 1) * size), slice(column * size, (column + 1) * size)
        name = f"{plan.name}.{number:06d}.tif"
        write_tile(folder / f"train_images_{size}" / name, np.ascontiguousarray(pixels[part]))
        write_tile(folder / f"train_masks_{size}" / name, np.ascontiguousarray(canvas.truth[part]))
    return {"tiles": len(plan.tiles), "instances": list(plan.quota), **sea.describe()}


def _lay_out(plan: ScenePlan, size: int) -> Canvas:
    """The cells of tiles that may hold seeps are open, all others closed."""
    open_cells = [plan.window(row, column, size) for row, column, _ in plan.tiles if (row, column) not in plan.empty]
    canvas = blank(plan.rows * size, plan.columns * size, open_cells)
    canvas.truth[:] = CLOSED
    for cell in open_cells:
        canvas.truth[cell.y : cell.y + size, cell.x : cell.x + size] = 0
    return canvas


def _record(settings: TileSettings, plans: Sequence[ScenePlan], scenes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    totals = np.sum([plan.quota for plan in plans], axis=0).tolist()
    return {
        "settings": asdict(settings),
        "scaling": SCALING[settings.dtype],
        "mask": "0 none, 1-7 seep class",
        "names": list(NAMES),
        "instances": dict(zip(NAMES, totals, strict=True)),
        "scenes": {plan.name: scene for plan, scene in zip(plans, scenes, strict=True)},
    }
