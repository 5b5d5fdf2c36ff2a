import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ultralytics.utils.ops import segments2boxes

from make import Bitmap, ragged, thin
from seepseg import instances, outline, tracing
from seepseg.dataset.fidelity import compare, load_rows


def label_rows(bitmap: Bitmap, imgsz: int) -> list[np.ndarray]:
    """The polygons of a bitmap as they come back from a label file."""
    height, width = bitmap.shape
    components = cv2.connectedComponents(bitmap, connectivity=8, ltype=cv2.CV_32S)[1]
    rings = [ring for _, ring in tracing.trace(components)]
    text = outline.format_rows([(0, placed) for placed in outline.place(rings, width, height, imgsz)])
    return [np.array(row.split()[1:], np.float32).reshape(-1, 2) for row in text.splitlines()]


def through_loader(bitmap: Bitmap, imgsz: int) -> float:
    """IoU of what training sees with the truth."""
    height, width = bitmap.shape
    rows = [(0, row) for row in label_rows(bitmap, imgsz)]
    return compare(load_rows(rows, width, height, imgsz), [(0, bitmap)], width, height).classes.get(0, 1.0)


bitmaps = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24), elements=st.integers(0, 1)
)


@given(bitmap=bitmaps, imgsz=st.integers(24, 1300))
@settings(max_examples=400)
def test_any_bitmap_comes_back_bit_for_bit_at_native_size(bitmap: Bitmap, imgsz: int) -> None:
    height, width = bitmap.shape
    assert np.array_equal(outline.rasterize(label_rows(bitmap, imgsz), width, height), bitmap)


@given(bitmap=bitmaps)
@settings(max_examples=150)
def test_whole_multiples_come_back_bit_for_bit_through_the_loader(bitmap: Bitmap) -> None:
    height, width = bitmap.shape
    assert through_loader(bitmap, 3 * max(height, width)) == 1


SHAPES = {
    "a dot": ["...", ".#.", "..."],
    "a row": ["....", ".###", "...."],
    "a diagonal": ["#...", ".#..", "..#.", "...#"],
    "a ring": ["###", "#.#", "###"],
    "a dot in a hole in a ring": ["#####", "#...#", "#.#.#", "#...#", "#####"],
    "a chessboard": ["#.#.", ".#.#", "#.#.", ".#.#"],
    "holes side by side": ["#######", "#.#.#.#", "#######", "#.#.#.#", "#######"],
    "everything": ["##", "##"],
    "nothing": ["..", ".."],
    "the border": ["####", "#..#", "####"],
    "hooks": ["######", "#....#", "#.####", "#.#..#", "######"],
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("imgsz", [32, 61, 640])
def test_every_awkward_shape_comes_back(name: str, imgsz: int) -> None:
    bitmap = np.array([[cell == "#" for cell in row] for row in SHAPES[name]], np.uint8)
    height, width = bitmap.shape
    assert np.array_equal(outline.rasterize(label_rows(bitmap, imgsz), width, height), bitmap)


def test_a_mask_of_400_components_keeps_every_one() -> None:
    bitmap = np.zeros((200, 200), np.uint8)
    bitmap[2::10, 3::10] = 1
    bitmap[3::10, 4::10] = 1
    rows = label_rows(bitmap, 640)
    assert len(rows) == 400
    assert np.array_equal(outline.rasterize(rows, 200, 200), bitmap)


def test_a_hundred_holes_in_a_row_hang_on_one_another() -> None:
    bitmap = np.ones((3, 201), np.uint8)
    bitmap[1, 1::2] = 0
    assert np.array_equal(outline.rasterize(label_rows(bitmap, 640), 201, 3), bitmap)


def test_a_dot_keeps_a_box_with_an_area_at_its_own_size() -> None:
    bitmap = np.zeros((64, 64), np.uint8)
    bitmap[5, 7] = 1
    (row,) = label_rows(bitmap, 64)
    assert (np.ptp(row, axis=0) > 0).all()


def _sizes(rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    odd = [(int(rng.integers(60, 256)), int(rng.integers(60, 256))) for _ in range(count // 2)]
    return odd + [(256, 256)] * (count - count // 2)


@pytest.mark.parametrize(("imgsz", "mean"), [(320, 0.99), (640, 0.997), (1024, 0.999)])
def test_masks_full_of_diagonals_and_dots_survive_the_loader(imgsz: int, mean: float) -> None:
    assert np.mean(_fidelities(thin, imgsz)) >= mean


@pytest.mark.parametrize("imgsz", [320, 640, 1024])
def test_ragged_masks_with_holes_survive_the_loader(imgsz: int) -> None:
    values = _fidelities(ragged, imgsz)
    assert np.mean(values) >= 0.999
    assert min(values) >= 0.995


def _fidelities(make: object, imgsz: int) -> list[float]:
    rng = np.random.default_rng(7)
    values = []
    for height, width in _sizes(rng, 40):
        values.append(through_loader(make(rng, height, width), imgsz))
    return values


def test_a_drawn_polygon_is_written_as_it_is() -> None:
    corners = np.array([[1.25, 2.5], [9.0, 2.5], [4.125, 7.75]])
    (one,) = instances.from_polygons([instances.Drawn([corners], 3)], 16, 8)
    assert one is not None
    (placed,) = outline.place(one.outlines, 16, 8, 640)
    assert np.array_equal(placed * (16, 8), corners)


def test_parts_are_joined_at_their_closest_vertices() -> None:
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    joined = outline.join_parts([square, square + (5, 0), square + (2, 0)])
    pixels = outline.rasterize([(joined * 10 + 0.5) / 100], 100, 100)
    apart = outline.rasterize([((square + (x, 0)) * 10 + 0.5) / 100 for x in (0, 2, 5)], 100, 100)
    assert len(joined) == 12 + 4
    assert (pixels[apart == 0]).sum() < 60
    assert (pixels[apart == 1] == 1).all()


@given(
    corner=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    size=st.floats(1e-6, 0.1),
    times=st.integers(1, 4),
)
@example(corner=(0.1349258878841157, 0.1349258878841157), size=1e-6, times=3)
def test_what_is_shrunk_by_a_hair_has_another_box_where_ultralytics_reads_it(
    corner: tuple[float, float], size: float, times: int
) -> None:
    polygons = [np.array(corner) + size * np.array([(0, 0), (1, 0), (0.4, 1)])]
    for _ in range(times):
        polygons.append(outline.shrink(polygons[-1]))
    text = outline.format_rows([(0, polygon) for polygon in polygons])
    read = [np.array(row.split()[1:], np.float32).reshape(-1, 2) for row in text.splitlines()]
    boxes = segments2boxes(read)
    assert [box.tobytes() for box in boxes] == outline.boxes_as_read(polygons)
    assert len(np.unique(boxes, axis=0)) == times + 1
    assert np.abs(polygons[-1] - polygons[0]).max() < 2e-6
