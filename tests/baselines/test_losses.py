import pytest
import torch
from segmentation_models_pytorch.losses import DiceLoss, JaccardLoss
from torch.nn import functional

from seepseg.baselines.losses import IGNORE, SemanticLoss

WEIGHTS = (2.0, 0.5, 1.0)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(2, 3, 9, 7), torch.randint(0, 3, (2, 9, 7))


def test_cross_entropy_is_torchs(batch):
    logits, classes = batch
    expected = functional.cross_entropy(logits, classes, torch.tensor(WEIGHTS))
    assert SemanticLoss("ce", WEIGHTS)(logits, classes).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["dice", "iou"])
def test_overlap_is_that_of_segmentation_models(batch, kind):
    logits, classes = batch
    # Its Dice is (shared + smooth) / (half of both + smooth).
    oracle = DiceLoss("multiclass", smooth=0.5) if kind == "dice" else JaccardLoss("multiclass", smooth=1.0)
    expected = oracle(logits, classes)
    assert SemanticLoss(kind)(logits, classes).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_mix_is_cross_entropy_and_dice(batch):
    parts = [SemanticLoss(kind, WEIGHTS)(*batch) for kind in ("ce", "dice")]
    assert SemanticLoss("mix", WEIGHTS)(*batch).item() == pytest.approx(sum(parts).item())


def test_a_class_with_more_weight_counts_more(batch):
    logits, classes = batch
    only = torch.zeros_like(logits)
    only[:, 1] = 9.0 * (classes == 1)
    heavy, light = (SemanticLoss("dice", (1.0, weight, 1.0))(only, classes) for weight in (9.0, 1.0))
    assert heavy < light


@pytest.mark.parametrize("kind", ["ce", "dice", "iou", "mix"])
@pytest.mark.parametrize("channels", [1, 3])
def test_ignored_pixels_change_nothing(kind, channels):
    torch.manual_seed(0)
    logits, classes = torch.randn(1, channels, 6, 6), torch.randint(0, 2 if channels == 1 else 3, (1, 6, 6))
    classes[:, :, 3:] = IGNORE
    other = logits.clone()
    other[..., 3:] += 5
    loss = SemanticLoss(kind, WEIGHTS) if channels == 3 else SemanticLoss(kind, positive=3.0)
    assert loss(logits, classes).item() == pytest.approx(loss(other, classes).item())
    assert loss(logits, classes).item() == pytest.approx(loss(logits[..., :3], classes[..., :3]).item())


def test_one_class_is_binary_cross_entropy_with_its_positives_weighed():
    torch.manual_seed(0)
    logits, classes = torch.randn(2, 1, 5, 5), torch.randint(0, 2, (2, 5, 5))
    there = (classes == 0).float()[:, None]
    expected = functional.binary_cross_entropy_with_logits(logits, there, pos_weight=torch.tensor(3.0))
    assert SemanticLoss("ce", positive=3.0)(logits, classes).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_that_nobody_knows_anything_of_costs_nothing(channels):
    logits = torch.randn(1, channels, 4, 4, requires_grad=True)
    loss = SemanticLoss("ce")(logits, torch.full((1, 4, 4), IGNORE))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_overlap_of_a_batch_without_objects_asks_for_none(channels):
    background = torch.full((1, 8, 8), 1 if channels == 1 else 2)
    quiet = torch.full((1, channels, 8, 8), -9.0)
    if channels == 3:
        quiet[:, 2] = 9.0
    loss = SemanticLoss("dice")
    assert loss(quiet, background) < 0.1 < loss(-quiet, background)
