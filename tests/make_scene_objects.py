"""Objects as they are found in scenes, and grids that they lie on, without a file."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from seepseg.georeference import Grid
from seepseg.scenes.objects import SceneObject

Bitmap = NDArray[np.uint8]
UTM_31 = ("EPSG:32631", Affine(10, 0, 500_000, 0, -10, 6_650_000))
DEGREES_60_N = ("EPSG:4326", Affine(0.001, 0, 3.0, 0, -0.001, 60.5))
MERCATOR_60_N = ("EPSG:3857", Affine(40, 0, 300_000, 0, -40, 8_400_000))
PLACES = [UTM_31, DEGREES_60_N, MERCATOR_60_N]

bitmaps = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 1)).filter(np.any)


def grid_at(crs: str, transform: Affine, size: tuple[int, int] = (1000, 800)) -> Grid:
    return Grid(*size, transform, CRS.from_user_input(crs), (1.0, 1.0), None)


def found(
    mask: Bitmap, x: int = 0, y: int = 0, *, class_id: int = 0, score: float = 0.9, cut: bool = False
) -> SceneObject:
    return SceneObject(class_id, mask, x, y, score - 0.2, score - 0.1, score, cut)


def block(width: int, height: int) -> Bitmap:
    return np.ones((height, width), np.uint8)


def ring(side: int = 9, hole: int = 3) -> Bitmap:
    mask = block(side, side)
    start = (side - hole) // 2
    mask[start : start + hole, start : start + hole] = 0
    return mask
