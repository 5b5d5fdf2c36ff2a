"""The quick look of a scene: what was found, where, how much of it, and at which scale, in one picture for anyone."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seepseg.lettering import PAPER
from seepseg.painting import Colours, fit_photo
from seepseg.palette import colour_of
from seepseg.scenes import map_panel
from seepseg.scenes.ground import Ground, metres_around
from seepseg.scenes.map_labels import draw_labels
from seepseg.scenes.map_paint import paint_objects, veil
from seepseg.scenes.objects import SceneObject, area_together
from seepseg.values import Bitmap
from seepseg.wording import count

if TYPE_CHECKING:
    from seepseg.scenes.scene import Scene

LONGEST, LEAST = 2000, 1200
"""Pixels of the map's long side."""
MOST_NUMBERED = 10
_MOST_CLASSES = 8
_SQUARE = 1.05
Properties = Mapping[str, Any]


def draw_quicklook(
    scene: "Scene",
    objects: Sequence[SceneObject],
    about: Sequence[Properties],
    names: Sequence[str],
    ground: Ground | None,
) -> Image.Image:
    """`about` has the properties of each object's feature, in the same order."""
    pixels, nodata = scene.overview(LONGEST)
    frame = metres_around(ground, *ground.middle) if ground else None
    frame = frame if frame is not None and np.isfinite(frame).all() and abs(np.linalg.det(frame)) > 0 else None
    width, height = _size(pixels.shape[1], pixels.shape[0], scene, frame)
    photo = _photo(pixels, nodata, width, height)
    classes = paint_objects(objects, (scene.grid.width, scene.grid.height), (width, height))
    picture = Image.fromarray(veil(photo, classes))
    letters = map_panel.type_of(round(min(28, max(15, max(width, height) / 70))))
    numbered = sorted(range(len(objects)), key=lambda index: -about[index]["area_px"])[:MOST_NUMBERED]
    draw_labels(picture, [(objects[index], about[index]["id"]) for index in numbered], classes, scene.grid, letters)
    blocks = [map_panel.draw_legend(_legend(scene, objects, about, names, nodata is not None), letters)]
    if numbered:
        table = [map_panel.draw_table(_table([about[index] for index in numbered]), letters)]
        if left := len(objects) - len(numbered):
            table.append(map_panel.draw_lines([f"and {left:,} smaller"], letters))
        blocks.append(map_panel.column(table, 0))
    if frame is None:
        why = "not georeferenced: sizes are in pixels" if ground is None else "no scale: it differs from place to place"
        blocks.append(map_panel.draw_lines([why], letters))
    else:
        blocks.append(_compass(scene, frame, width, height, letters))
    return _compose(picture, _title(scene, objects, about), blocks, letters)


def _size(wide: int, high: int, scene: "Scene", frame: NDArray[np.float64] | None) -> tuple[int, int]:
    """As large as it is shown: as wide for a kilometre as it is high, and not too small to look at."""
    if frame is not None:
        across, down = np.hypot(*frame) * (scene.grid.width / wide, scene.grid.height / high)
        if max(across, down) > _SQUARE * min(across, down):
            wide, high = round(wide * min(1, across / down)), round(high * min(1, down / across))
    larger = max(1, LEAST // max(wide, high, 1))
    return max(1, wide) * larger, max(1, high) * larger


def _photo(pixels: NDArray[np.uint8], nodata: Bitmap | None, width: int, height: int) -> Colours:
    photo = np.ascontiguousarray(fit_photo(pixels, width, height))
    if nodata is not None:
        missing = cv2.resize(nodata, (width, height), interpolation=cv2.INTER_NEAREST) > 0
        rows, columns = np.indices((height, width), np.int32, sparse=True)
        stripes = np.where(((rows + columns) // 6 % 2 == 0)[..., None], *np.array(map_panel.HATCH, np.uint8))
        photo[missing] = stripes[missing]
    return photo


def _title(scene: "Scene", objects: Sequence[SceneObject], about: Sequence[Properties]) -> list[str]:
    kinds = Counter(row["potential"] for row in about)
    found = [f"{number:,} × {kind}" if len(kinds) > 1 else count(number, kind) for kind, number in kinds.most_common(4)]
    words = ["nothing found"] if not found else [", ".join(found)]
    words += [_area(about, *area_together(objects, scene.grid))] if len(kinds) == 1 else []
    words += [f"acquired {scene.acquired}"] if scene.acquired else []
    return [scene.path.name, "  ·  ".join(words)]


def _legend(
    scene: "Scene",
    objects: Sequence[SceneObject],
    about: Sequence[Properties],
    names: Sequence[str],
    missing: bool,
) -> list[tuple[Any, str, str]]:
    rows: list[tuple[Any, str, str]] = []
    for class_id, name in enumerate(names):
        mine = [(one, row) for one, row in zip(objects, about, strict=True) if one.class_id == class_id]
        if mine:
            area = _area([row for _, row in mine], *area_together([one for one, _ in mine], scene.grid))
            rows.append((colour_of(class_id), name, f"{len(mine):,}  ({area})"))
        elif len(names) <= _MOST_CLASSES:
            rows.append((colour_of(class_id), name, "0"))
    return rows + ([(None, "no data", "")] if missing else []) or [(None, "nothing found", "")]


def _table(rows: Sequence[Properties]) -> list[list[str]]:
    on_ground = any(row["area_km2"] is not None for row in rows)
    table = [["no.", "class", "area", *(["length"] if on_ground else []), "confidence"]]
    for row in rows:
        length = [_distance(row["length_km"] * 1e3) if row["length_km"] is not None else "–"] if on_ground else []
        table.append(
            [str(row["id"]), row["class"], _area([row], row["area_px"]), *length, f"{row['confidence_max']:.2f}"]
        )
    return table


def _area(rows: Sequence[Properties], pixels: int, share: float = 1.0) -> str:
    """Of objects that cover so many pixels together, which are this share of their areas added up."""
    if any(row["area_km2"] is None for row in rows):
        return f"{pixels:,} px"
    area = share * sum(row["area_km2"] for row in rows)
    return f"{_figure(area)} km²" if area >= 0.01 else f"{_figure(area * 1e6)} m²"


def _distance(metres: float) -> str:
    return f"{_figure(metres / 1e3)} km" if metres >= 1000 else f"{_figure(metres)} m"


def _figure(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".removesuffix(".")


def _compass(
    scene: "Scene", frame: NDArray[np.float64], width: int, height: int, letters: map_panel.Type
) -> Image.Image:
    """Scale and north."""
    shown = frame * (scene.grid.width / width, scene.grid.height / height)
    metres = _round_down(float(np.hypot(*shown[:, 0])) * max(width, height) * 0.2)
    label = f"{metres / 1e3:g} km" if metres >= 1000 else f"{metres:g} m"
    bar = map_panel.draw_scale(round(metres / float(np.hypot(*shown[:, 0]))), label, letters)
    across, down = np.linalg.solve(shown, [0.0, 1.0])
    length = math.hypot(across, down)
    arrow = map_panel.draw_north((across / length, down / length), letters)
    note = (
        [map_panel.draw_lines(["placed approximately, by control points"], letters)] if scene.grid.approximate else []
    )
    pair = map_panel.row([arrow, bar], letters.size * 2)
    return map_panel.column([pair, *note], letters.size // 2)


def _round_down(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value or step == 1)


def _compose(
    picture: Image.Image, title: Sequence[str], blocks: Sequence[Image.Image], letters: map_panel.Type
) -> Image.Image:
    """The panel below a wide map, and beside a tall one."""
    gap = letters.size * 2
    if picture.height > 1.25 * picture.width:
        aside = map_panel.column(blocks, gap)
        inner = map_panel.row([picture, aside], gap, middle=False)
    else:
        widest = max(picture.width, *(block.width for block in blocks))
        inner = map_panel.column([picture, map_panel.flow(blocks, widest, gap)], gap)
    head = map_panel.draw_lines(title, letters, title=True, room=inner.width)
    whole = map_panel.column([head, inner], letters.size)
    sheet = Image.new("RGB", (whole.width + 2 * gap, whole.height + 2 * gap), PAPER)
    sheet.paste(whole, (gap, gap))
    return sheet
