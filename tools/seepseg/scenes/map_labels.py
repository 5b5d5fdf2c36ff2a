"""Numbers beside objects on a map, each where it hides least."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from seepseg.georeference import Grid
from seepseg.lettering import INK, PAPER, Box, overlaps
from seepseg.scenes.map_paint import show
from seepseg.scenes.map_panel import Type
from seepseg.scenes.objects import SceneObject

_AWAY = (1.5, 2.5, 4.0, 6.0)
"""In letter sizes, from the object's middle to that of its number."""
_WAYS = tuple((np.cos(angle), np.sin(angle)) for angle in np.arange(16) * np.pi / 8)


def draw_labels(
    picture: Image.Image,
    numbered: Sequence[tuple[SceneObject, int]],
    classes: NDArray[np.int32],
    grid: Grid,
    letters: Type,
) -> None:
    """A number each, tied to its object by a line; they never overlap, and leave objects free where they can."""
    draw, taken = ImageDraw.Draw(picture), list[Box]()
    painted = np.pad(np.cumsum(np.cumsum(classes > 0, 0, dtype=np.int64), 1), ((1, 0), (1, 0)))
    marks = []
    for one, number in numbered:
        middle = _middle(one, grid, picture.size)
        half = (round(letters.plain.getlength(str(number)) / 2 + letters.size * 0.35), round(letters.size * 0.7))
        box = _free_place(middle, half, picture.size, taken, painted, letters.size)
        if box is not None:
            taken.append(box)
            marks.append((middle, box, str(number)))
    for middle, box, _ in marks:
        end = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
        draw.line((*middle, *end), INK, max(3, letters.size // 6))
        draw.line((*middle, *end), PAPER, max(1, letters.size // 12))
    for _, box, text in marks:
        draw.rounded_rectangle(box, letters.size // 3, PAPER, INK, max(1, letters.size // 14))
        draw.text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), text, INK, letters.plain, anchor="mm")


def _middle(one: SceneObject, grid: Grid, size: tuple[int, int]) -> tuple[int, int]:
    """Of the object's largest part, the pixel that is nearest to the middle of that part."""
    shown, x, y = show(one, (grid.width, grid.height), size)
    _, parts, about, _ = cv2.connectedComponentsWithStats(shown)
    rows, columns = np.nonzero(parts == 1 + about[1:, cv2.CC_STAT_AREA].argmax())
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return x + int(columns[nearest]), y + int(rows[nearest])


def _free_place(
    middle: tuple[int, int],
    half: tuple[int, int],
    size: tuple[int, int],
    taken: Sequence[Box],
    painted: NDArray[np.int64],
    letter: int,
) -> Box | None:
    """Within the picture, off other numbers, over as few painted pixels as can be, and near; None where all is full."""
    best, least = None, np.inf
    for away in _AWAY:
        for across, down in _WAYS:
            x, y = middle[0] + across * away * letter, middle[1] + down * away * letter
            box = (round(x) - half[0], round(y) - half[1], round(x) + half[0], round(y) + half[1])
            if box[0] < 0 or box[1] < 0 or box[2] >= size[0] or box[3] >= size[1] or overlaps(box, taken):
                continue
            left, top, right, bottom = box
            hidden = painted[bottom, right] - painted[top, right] - painted[bottom, left] + painted[top, left]
            price = 4 * hidden / (4 * half[0] * half[1]) + away
            if price < least:
                best, least = box, price
    return best
