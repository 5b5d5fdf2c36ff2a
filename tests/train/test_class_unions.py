import numpy as np
import pytest
import torch

from seepseg.train.class_unions import THRESHOLDS, count_pixels, mean_iou


def scene(seed: int, objects: int, classes: int = 3) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return {
        "masks": torch.tensor(rng.random((objects, 9, 7)) < 0.3),
        "cls": torch.tensor(rng.integers(0, classes - 1, objects)).float(),
        "conf": torch.tensor(rng.random(objects)).float(),
    }


def expected_miou(predicted: dict[str, torch.Tensor], truth: dict[str, torch.Tensor], confidence: float) -> float:
    """Over pixel sets, background as what no class covers."""
    unions = []
    for given, least in ((predicted, confidence), (truth, 0.0)):
        sets: list[set[tuple[int, ...]]] = [set() for _ in range(3)]
        for mask, index, conf in zip(given["masks"], given["cls"], given["conf"], strict=True):
            if float(conf) >= least:
                sets[int(index)] |= set(map(tuple, mask.nonzero().tolist()))
        everywhere = {(row, column) for row in range(9) for column in range(7)}
        unions.append([*sets, everywhere - set().union(*sets)])
    pairs = [(found, true) for found, true in zip(*unions, strict=True) if true]
    return float(np.mean([len(found & true) / len(found | true) for found, true in pairs]))


@pytest.mark.parametrize("seed", range(5))
def test_mean_iou_is_that_of_the_pixel_sets_at_the_best_threshold(seed: int) -> None:
    predicted, truth = scene(seed, 6), scene(seed + 100, 4)
    best = max(expected_miou(predicted, truth, confidence) for confidence in THRESHOLDS)
    assert mean_iou(count_pixels(predicted, truth, 3)) == pytest.approx(best)


def test_the_truth_against_itself_is_one() -> None:
    truth = scene(0, 4) | {"conf": torch.ones(4)}
    assert mean_iou(count_pixels(truth, truth, 3)) == 1


@pytest.mark.parametrize(("found", "true"), [(0, 3), (3, 0), (0, 0)])
def test_an_image_without_objects_counts_as_background(found: int, true: int) -> None:
    counts = count_pixels(scene(0, found), scene(1, true), 3)
    assert counts.shape == (3, len(THRESHOLDS), 4)
    assert counts[1].sum(-1).min() >= 63
