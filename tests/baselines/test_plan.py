import pytest

from baselines.conftest import bright_dataset, quick_request
from seepseg.baselines.plan import plan_baseline, weigh
from seepseg.errors import UsageError
from seepseg.train.losses import Loss


def test_a_plan_is_that_of_yolo_with_another_network(tmp_path):
    plan = plan_baseline(quick_request(tmp_path, balance={"weights": "ship=2"}), "unet-pets", "dice")
    assert (plan.task, plan.start.origin, plan.request.best) == ("semantic", "scratch", "miou")
    assert plan.loss.class_weights == (1.0, 2.0)
    assert plan.notes[0] == "unet-pets is the U-Net of the pet app"
    assert not plan.run.exists()


def test_the_size_that_the_dataset_declares_is_taken_rounded_up(tmp_path):
    data = bright_dataset(tmp_path / "data", size=40)
    plan = plan_baseline(quick_request(tmp_path, data=data, settings={"imgsz": None}), "unet-pets", "mix")
    assert plan.settings["imgsz"] == 64
    assert any("imgsz 40 is made 64" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"best": "mask_map"}, "unet-pets has no mask_map; choose the best epoch by miou or val_loss"),
        ({"best": "mask_map50"}, "unet-pets has no mask_map50; choose the best epoch by miou or val_loss"),
        ({"balance": {"mask_loss": "dice"}}, "a baseline takes --loss dice"),
        ({"balance": {"focal": 1.5}}, "--focal is of YOLO's class loss"),
        ({"settings": {"mosaic": 1.0}}, "mosaic=1.0: a baseline has no such setting"),
    ],
)
def test_what_is_yolos_alone_is_refused(tmp_path, changes, said):
    with pytest.raises(UsageError, match=said):
        plan_baseline(quick_request(tmp_path, **changes), "unet-pets", "mix")


def test_a_loss_that_is_none_is_answered_with_those_that_are(tmp_path):
    with pytest.raises(UsageError, match="--loss focal: the losses are ce, dice, iou, mix"):
        plan_baseline(quick_request(tmp_path), "unet-pets", "focal")


def test_a_class_called_background_is_refused(tmp_path):
    data = bright_dataset(tmp_path / "data", names=("oil", "background"))
    with pytest.raises(UsageError, match="has a class called background"):
        plan_baseline(quick_request(tmp_path, data=data), "unet-pets", "mix")


def test_the_background_keeps_its_weight():
    assert weigh("ce", Loss((3.0, 0.5)), 2).weights == (3.0, 0.5, 1.0)


def test_one_class_alone_can_only_have_its_positives_weighed():
    assert weigh("ce", Loss((3.0,), positives=True), 1).positive == 3.0
    with pytest.raises(UsageError, match="weigh its positives"):
        weigh("ce", Loss((3.0,)), 1)


@pytest.mark.parametrize(
    ("network", "loss", "positives", "said"),
    [
        ("unet-pets", "dice", True, "--loss dice of one class has no positives to weigh; take --loss mix or ce"),
        ("unet-pets", "iou", True, "--loss iou of one class has no positives to weigh"),
        ("unet-pets", "mix", False, "weigh its positives by name"),
        ("efficientnet-b0", "mix", False, "weigh its positives by name"),
    ],
)
def test_a_weight_of_the_only_class_that_would_do_nothing_is_refused(tmp_path, network, loss, positives, said):
    data = bright_dataset(tmp_path / "data", names=("oil",))
    balance = {"weights": "oil=3", "positives": positives}
    with pytest.raises(UsageError, match=said):
        plan_baseline(quick_request(tmp_path, data=data, balance=balance), network, loss)
