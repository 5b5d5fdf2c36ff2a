import cv2
import numpy as np
import pytest

from seepseg.errors import UsageError
from seepseg.simulate.canvas import CLOSED, Canvas, blank, echo_db, populate
from seepseg.simulate.sea import Sea, draw_sea
from seepseg.simulate.ships import draw_platform
from seepseg.values import Window

CELLS = [Window(column * 160, row * 160, 160, 160) for row in range(2) for column in range(3)]
QUOTA = (9, 3, 2, 2, 8, 6, 3)


def filled(seed: int, closed: int = 0) -> tuple[Canvas, Sea]:
    rng = np.random.default_rng(seed)
    canvas = blank(320, 480, CELLS[closed:])
    for cell in CELLS[:closed]:
        canvas.truth[cell.y : cell.y + 160, cell.x : cell.x + 160] = CLOSED
    sea = draw_sea(rng, 4, 480)
    populate(canvas, rng, sea, QUOTA, 3)
    return canvas, sea


def counted(canvas: Canvas) -> tuple[int, ...]:
    """Components of each class as tiles cut along the cells show them."""
    totals = [0] * 7
    for cell in CELLS:
        tile = canvas.truth[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width]
        for value in range(1, 8):
            totals[value - 1] += cv2.connectedComponents((tile == value).astype(np.uint8), connectivity=8)[0] - 1
    return tuple(totals)


@pytest.mark.parametrize("seed", range(3))
def test_each_class_has_its_quota_of_components(seed: int) -> None:
    assert counted(filled(seed)[0]) == QUOTA


def test_closed_cells_stay_empty() -> None:
    canvas, _ = filled(5, closed=2)
    assert (canvas.truth[:160, :320] == CLOSED).all()
    assert counted(canvas) == QUOTA


def test_what_is_labelled_is_damped() -> None:
    canvas, _ = filled(1)
    labelled = (canvas.truth > 0) & (canvas.truth < CLOSED)
    assert np.median(canvas.damping[labelled]) > 3 * 16
    assert np.median(canvas.damping[~labelled]) == 0


def test_seeps_are_darker_than_the_sea_around_them() -> None:
    canvas, sea = filled(2)
    level = echo_db(canvas, (0,), sea, Window(0, 0, 480, 320))
    assert level[canvas.truth == 0].mean() - level[canvas.truth > 0].mean() > 2


def test_a_platform_shines_in_whichever_window_it_lies() -> None:
    canvas = blank(200, 200, [])
    canvas.echoes.append(draw_platform(np.random.default_rng(0), 100.5, 100.5))
    sea = draw_sea(np.random.default_rng(1), 16, 200)
    for window in (Window(0, 0, 200, 200), Window(0, 0, 104, 104), Window(97, 97, 50, 50)):
        level = echo_db(canvas, (2,), sea, window)
        y, x = np.unravel_index(np.argmax(level), level.shape)
        assert max(abs(x + window.x - 100), abs(y + window.y - 100)) <= 3


def test_too_little_room_is_said() -> None:
    canvas = blank(40, 40, [Window(0, 0, 40, 40)])
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="larger --size"):
        populate(canvas, rng, draw_sea(rng, 4, 40), (0, 0, 60, 0, 0, 0, 0), 0)
