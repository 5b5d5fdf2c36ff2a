import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seepseg.cleaning.overlaps import settle
from seepseg.predict.masks import Crop
from seepseg.values import Bitmap

SIZE = 24


def random_crops(rng: np.random.Generator, count: int) -> list[Crop]:
    crops = []
    for _ in range(count):
        y, x = rng.integers(0, SIZE - 1, 2).tolist()
        high, wide = int(rng.integers(0, SIZE - y)), int(rng.integers(0, SIZE - x))
        crops.append(((rng.random((high, wide)) < 0.7).astype(np.uint8), x, y))
    return crops


def spread(crop: Crop) -> Bitmap:
    mask, x, y = crop
    full = np.zeros((SIZE, SIZE), np.uint8)
    full[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return full


@given(seed=st.integers(0, 10_000), count=st.integers(0, 8))
@settings(max_examples=40)
def test_a_pixel_stays_with_the_masks_of_the_class_that_would_be_painted_last(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    crops, class_ids = random_crops(rng, count), rng.integers(0, 3, count).tolist()
    keys = [(float(rng.integers(0, 3)),) for _ in range(count)]
    winner = np.full((SIZE, SIZE), -1)
    for at in sorted(range(count), key=lambda one: (keys[one], one), reverse=True):
        winner[spread(crops[at]) > 0] = class_ids[at]
    for before, after, class_id in zip(crops, settle(crops, class_ids, keys), class_ids, strict=True):
        assert np.array_equal(spread(after), spread(before) * (winner == class_id))
        assert after[1:] == before[1:]
