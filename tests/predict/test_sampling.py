import numpy as np
import pytest

from seepseg.predict import sampling
from seepseg.predict.letterbox import frame_of
from seepseg.predict.sampling import axes_of, sample

SIZES = [(96, 96), (64, 64), (123, 80), (150, 200), (300, 20), (20, 300), (1, 1), (7, 1), (97, 333), (400, 390)]


def sampled(cells, frame, *, whole):
    rows, columns = axes_of(frame, *cells.shape, whole=whole)
    out = np.empty((frame.height, frame.width), np.float32)
    down, across = rows.cells(0, frame.height), columns.cells(0, frame.width)
    sample(cells[slice(*down), slice(*across)], rows, columns, 0, 0, out)
    return out


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_prototypes_are_brought_to_the_image_as_ultralytics_brings_them(torch, monkeypatch, width, height):
    from ultralytics.utils import ops

    cells = np.random.default_rng(0).standard_normal((24, 24)).astype(np.float32)
    maps = []
    scale_masks = ops.scale_masks

    def listen(masks, shape):
        maps.append(scale_masks(masks, shape))
        return maps[-1]

    monkeypatch.setattr(ops, "scale_masks", listen)
    everything = torch.tensor([[0.0, 0.0, width, height]])
    ops.process_mask_native(torch.from_numpy(cells)[None], torch.ones(1, 1), everything, (height, width))
    found = sampled(cells, frame_of(width, height, 96), whole=False)
    np.testing.assert_allclose(found, maps[0][0, 0].numpy(), atol=2e-4)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_logits_are_brought_to_the_image_as_ultralytics_brings_them(torch, width, height):
    from ultralytics.utils import ops

    cells = np.random.default_rng(0).standard_normal((12, 12)).astype(np.float32)
    large = torch.nn.functional.interpolate(torch.from_numpy(cells)[None, None], (96, 96), mode="bilinear")
    expected = ops.scale_masks(large, (height, width))[0, 0].numpy()
    np.testing.assert_allclose(sampled(cells, frame_of(width, height, 96), whole=True), expected, atol=2e-4)


def test_a_part_is_sampled_as_the_whole_is():
    cells = np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32)
    frame = frame_of(350, 301, 160)
    rows, columns = axes_of(frame, 40, 40, whole=False)
    low, high = rows.cells(30, 290)
    left, right = columns.cells(200, 349)
    out = np.empty((260, 149), np.float32)
    sample(cells[low:high, left:right], rows, columns, 30, 200, out)
    np.testing.assert_allclose(out, sampled(cells, frame, whole=False)[30:290, 200:349], atol=1e-5)


def test_pixels_of_cells_are_those_that_take_something_of_them():
    rows, _ = axes_of(frame_of(70, 50, 96), 24, 24, whole=False)
    for start, stop in ((0, 1), (5, 9), (23, 24)):
        uses = rows.weights[:, start:stop].any(axis=1).nonzero()[0]
        low, high = rows.pixels(start, stop)
        assert set(uses) <= set(range(low, high))


@pytest.fixture
def products(monkeypatch):
    """Rows of each product of matrices, and the products of numbers in it."""
    noted = []

    def note(one, other, *, out):
        noted.append((len(one), one.size * other.shape[1]))
        out[:] = one @ other

    monkeypatch.setattr(sampling.np, "matmul", note)
    return noted


def test_a_product_in_parts_is_the_product(products):
    rng = np.random.default_rng(0)
    left, right = rng.random((145, 40), np.float32), rng.random((40, 90), np.float32)
    assert np.allclose(sampling.multiply(left, right), left @ right)
    rows, sizes = zip(*products, strict=True)
    assert sum(rows) == 145
    assert min(rows) > 1
    assert max(sizes) <= sampling.ALONE


@pytest.mark.parametrize(("side", "cells", "whole"), [(100, 160, False), (600, 640, True)])
def test_no_product_of_a_map_is_more_than_one_thread_takes(products, side, cells, whole):
    sampled(np.ones((cells, cells), np.float32), frame_of(side, side, 640), whole=whole)
    assert max(size for _, size in products) <= sampling.ALONE
