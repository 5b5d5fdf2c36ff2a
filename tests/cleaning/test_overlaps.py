import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seepseg.cleaning.overlaps import settle, tell_once
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


@given(seed=st.integers(0, 10_000), count=st.integers(0, 8), shared=st.sampled_from([0, 0.2, 0.5]))
@settings(max_examples=60)
def test_of_masks_of_one_class_that_share_much_the_surest_stays(seed: int, count: int, shared: float) -> None:
    rng = np.random.default_rng(seed)
    crops, class_ids, scores = random_crops(rng, count), rng.integers(0, 2, count), rng.permutation(count) / 10
    full = np.array([spread(crop) for crop in crops], bool).reshape(count, SIZE, SIZE)
    both, either = (full[:, None] & full[None]).sum((2, 3)), (full[:, None] | full[None]).sum((2, 3))
    stays: list[int] = []
    for at in np.argsort(-scores).tolist():
        if not any(class_ids[at] == class_ids[one] and both[at, one] > shared * either[at, one] for one in stays):
            stays.append(at)
    told = tell_once(crops, class_ids.tolist(), scores.tolist(), shared)
    for at in range(count):
        assert np.array_equal(spread(told[at]), full[at] * (at in stays))
