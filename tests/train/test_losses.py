from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from seepseg import ultralytics_home
from seepseg.errors import UsageError
from seepseg.train.balance import class_weights, positive_weights
from seepseg.train.losses import Loss, change_criterion, check_task, class_term, column_weights, mask_term

WEIGHTS = (1.0, 3.0, 0.5)


def build(architecture: str) -> Any:
    ultralytics_home.prepare()
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import SegmentationModel

    torch.manual_seed(0)
    model = SegmentationModel(architecture, nc=3, verbose=False)
    model.args = get_cfg()
    return model


@pytest.fixture(scope="module")
def model() -> Any:
    """With what it once predicted for the hand-made batch."""
    model = build("yolov8n-seg.yaml").train()
    with torch.no_grad():
        model.predicted = model(batch()["img"])
    return model


def batch() -> dict[str, torch.Tensor]:
    """Two images of 64 px, an object each, of class 0 and of class 1."""
    masks = torch.zeros(2, 16, 16)
    masks[:, 4:12, 4:12] = 1
    return {
        "img": torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)),
        "batch_idx": torch.tensor([0.0, 1.0]),
        "cls": torch.tensor([[0.0], [1.0]]),
        "bboxes": torch.tensor([[0.5, 0.5, 0.5, 0.5]] * 2),
        "masks": masks,
        "sem_masks": torch.stack([masks[0] * 0, masks[1]]),
    }


def class_gradient(model: Any, loss: Loss) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradient of the class loss at the class logits, those logits, and the assigner's soft targets, by anchor."""
    criterion = model.init_criterion()
    change_criterion(criterion, loss)
    assign, seen = criterion.assigner, []
    criterion.assigner = lambda *given, **more: seen.append(assign(*given, **more)) or seen[0]
    preds = dict(model.predicted)
    preds["scores"] = torch.linspace(-4, 2, preds["scores"].numel()).reshape(preds["scores"].shape).requires_grad_()
    _, losses, _ = criterion.get_assigned_targets_and_loss(preds, batch())
    losses[1].backward()
    targets = seen[0][2]
    scale = model.args.cls / targets.sum().clamp(min=1)
    return preds["scores"].grad.permute(0, 2, 1) / scale, preds["scores"].detach().permute(0, 2, 1), targets


def test_the_hand_made_batch_has_positives_of_the_weighted_class(model: Any) -> None:
    _, _, targets = class_gradient(model, Loss())
    assert (targets[..., 1] > 0).sum() >= 4


def test_without_weights_the_gradient_is_plain_cross_entropy(model: Any) -> None:
    gradient, logits, targets = class_gradient(model, Loss())
    torch.testing.assert_close(gradient, logits.sigmoid() - targets)


def test_whole_column_weights_scale_positives_and_negatives_alike(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "class_weights", torch.tensor(WEIGHTS), raising=False)
    gradient, logits, targets = class_gradient(model, Loss(class_weights=WEIGHTS))
    torch.testing.assert_close(gradient, (logits.sigmoid() - targets) * torch.tensor(WEIGHTS))


def test_weights_on_positives_leave_every_negative_as_it_was(model: Any) -> None:
    gradient, logits, targets = class_gradient(model, Loss(class_weights=WEIGHTS, positives=True))
    plain = logits.sigmoid() - targets
    negative = targets == 0
    torch.testing.assert_close(gradient[negative], plain[negative])
    found = logits.sigmoid()
    torch.testing.assert_close(gradient, (1 - targets) * found - torch.tensor(WEIGHTS) * targets * (1 - found))


@pytest.mark.parametrize("how", ["inverse", "sqrt", "effective:0.9", "cls_pw:0.3", {"b": 4.0}], ids=str)
def test_the_gradient_holds_the_weights_of_every_rule(model: Any, monkeypatch: pytest.MonkeyPatch, how: Any) -> None:
    counts, names = (9, 3, 1), ("a", "b", "c")
    raised = positive_weights(counts, how, names)
    gradient, logits, targets = class_gradient(model, Loss(class_weights=raised, positives=True))
    found = logits.sigmoid()
    torch.testing.assert_close(gradient, (1 - targets) * found - torch.tensor(raised) * targets * (1 - found))
    weights = class_weights(counts, how, names)
    vector = column_weights(Loss(class_weights=weights), {"nc": 3}, "segment")
    monkeypatch.setattr(model, "class_weights", torch.tensor(vector), raising=False)
    gradient, logits, targets = class_gradient(model, Loss(class_weights=weights))
    torch.testing.assert_close(gradient, (logits.sigmoid() - targets) * torch.tensor(weights))
    assert len(set(weights)) > 1


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_positive_logit_pulls_as_hard_as_its_weight_says_and_a_negative_one_as_before(target: float) -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    term = class_term(Loss(class_weights=WEIGHTS, positives=True))
    term(logits, torch.full((1, 3), target)).sum().backward()
    assert logits.grad is not None
    assert logits.grad[0].tolist() == ([-0.5, -1.5, -0.25] if target else [0.5, 0.5, 0.5])


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_focal_factor_is_the_power_of_the_miss(weights: tuple[float, ...] | None) -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(0, 3, (5, 3)), rng.random((5, 3)) * rng.integers(0, 2, (5, 3))
    found = 1 / (1 + np.exp(-logits))
    entropy = -(np.array(weights or 1) * targets * np.log(found) + (1 - targets) * np.log(1 - found))
    term = class_term(Loss(class_weights=weights, positives=weights is not None, focal=1.5))
    got = term(torch.tensor(logits), torch.tensor(targets)).numpy()
    np.testing.assert_allclose(got, np.abs(targets - found) ** 1.5 * entropy, rtol=1e-6)


def images(seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Masks, coefficients, prototypes, boxes (whole pixels) and areas of three objects at 20 × 24."""
    rng = np.random.default_rng(seed)
    boxes = np.array([[2, 3, 12, 17], [0, 0, 24, 20], [5, 6, 6, 7]], float)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (20 * 24)
    arrays = (rng.random((3, 20, 24)) < 0.3, rng.normal(size=(3, 32)) / 4, rng.normal(size=(32, 20, 24)), boxes, areas)
    return tuple(torch.tensor(array).float() for array in arrays)


def soft_ratio(kind: str, found: np.ndarray, true: np.ndarray) -> float:
    shared, total = (found * true).sum(), found.sum() + true.sum()
    return float((2 * shared + 1) / (total + 1) if kind == "dice" else (shared + 1) / (total - shared + 1))


@pytest.mark.parametrize("kind", ["dice", "iou"])
def test_the_mask_term_is_one_minus_the_soft_overlap_inside_each_box(kind: str) -> None:
    given = images()
    truth, coefficients, prototypes, boxes, _ = (tensor.double().numpy() for tensor in given)
    expected = 0.0
    for index, (x1, y1, x2, y2) in enumerate(boxes.astype(int)):
        logits = np.tensordot(coefficients[index], prototypes, 1)[y1:y2, x1:x2]
        expected += 1 - soft_ratio(kind, 1 / (1 + np.exp(-logits)), truth[index, y1:y2, x1:x2])
    assert float(mask_term(kind, *given)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["dice", "iou"])
def test_the_mask_term_falls_when_its_own_gradient_is_followed(kind: str) -> None:
    truth, coefficients, *rest = images()
    coefficients.requires_grad_()
    before = mask_term(kind, truth, coefficients, *rest)
    before.backward()
    assert coefficients.grad is not None
    step = coefficients.detach() - 0.05 * coefficients.grad / coefficients.grad.norm()
    assert mask_term(kind, truth, step, *rest) < before


@pytest.mark.parametrize("architecture", ["yolov8n-seg.yaml", "yolo26n-seg.yaml"])
def test_every_criterion_of_a_head_is_changed_and_takes_a_step(architecture: str) -> None:
    model = build(architecture)
    model.criterion = model.init_criterion()
    change_criterion(model.criterion, Loss(class_weights=WEIGHTS, positives=True, focal=2, mask="dice"))
    held = [getattr(model.criterion, name, None) for name in ("one2many", "one2one")]
    for one in filter(None, [*held, None if any(held) else model.criterion]):
        assert one.bce(torch.zeros(1, 3), torch.ones(1, 3))[0].tolist() == pytest.approx(
            [weight * np.log(2) / 4 for weight in WEIGHTS]
        )
        assert one.single_mask_loss.args == ("dice",)
    model.train()
    total, items = model.loss(batch())
    total.sum().backward()
    assert items["seg_loss"] > 0
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.fixture
def binary() -> Any:
    """Ultralytics' criterion for one class against the background, with weighted positives."""
    ultralytics_home.prepare()
    from ultralytics.utils.loss import SemanticSegmentationLoss

    parameter = torch.nn.Parameter(torch.zeros(1))
    head = SimpleNamespace(nc=1)
    model = SimpleNamespace(model=[head], args=SimpleNamespace(data=""), parameters=lambda: iter([parameter]))
    criterion = SemanticSegmentationLoss(model)
    change_criterion(criterion, Loss(class_weights=(4.0,), positives=True))
    return criterion


def test_a_binary_semantic_criterion_weighs_its_foreground(binary: Any) -> None:
    mask = torch.tensor([[[1, 0], [255, 0]]])
    _, items = binary(torch.zeros(1, 1, 2, 2), {"semantic_mask": mask})
    assert float(items["ce_loss"]) == pytest.approx((4 + 1 + 1) / 3 * np.log(2))


def test_weights_are_no_state_that_a_plain_checkpoint_would_lack(binary: Any) -> None:
    assert not binary.state_dict()


@pytest.mark.parametrize(
    ("data", "task", "positives", "expected"),
    [
        ({"nc": 3}, "segment", False, WEIGHTS),
        ({"nc": 3}, "segment", True, None),
        ({"nc": 4, "bg_class_idx": 3}, "semantic", False, (*WEIGHTS, 1.0)),
        ({"nc": 4, "bg_class_idx": 3}, "semantic", True, (*WEIGHTS, 1.0)),
        ({"nc": 3}, "semantic", False, WEIGHTS),
    ],
)
def test_the_vector_is_the_one_given(data: Any, task: str, positives: bool, expected: Any) -> None:
    assert column_weights(Loss(class_weights=WEIGHTS, positives=positives), data, task) == expected


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(UsageError, match="3 class weights were given, but the dataset has 2 classes"):
        column_weights(Loss(class_weights=WEIGHTS), {"nc": 2}, "segment")


def test_whole_column_weights_mean_nothing_for_one_semantic_class() -> None:
    with pytest.raises(UsageError, match="weigh its positives"):
        column_weights(Loss(class_weights=(2.0,)), {"nc": 1, "bg_class_idx": 0}, "semantic")


@pytest.mark.parametrize("loss", [Loss(mask="dice"), Loss(focal=2)])
def test_what_only_instances_have_is_refused_for_task_semantic(loss: Loss) -> None:
    check_task(loss, "segment")
    with pytest.raises(UsageError, match="is for task segment"):
        check_task(loss, "semantic")


@pytest.mark.parametrize(
    "wrong",
    [
        {"class_weights": (1.0, 0.0)},
        {"class_weights": (1.0, float("nan"))},
        {"positives": True},
        {"focal": 0.5},
        {"focal": -1.0},
        {"mask": "tversky"},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Loss(**wrong)
