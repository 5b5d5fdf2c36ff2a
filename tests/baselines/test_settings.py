import pytest

from seepseg.baselines.settings import complete, keep_known, round_up
from seepseg.errors import UsageError
from seepseg.train.overrides import defaults


def test_settings_are_called_as_ultralytics_calls_them():
    assert set(complete({})) <= set(defaults())


def test_what_is_given_counts():
    assert complete({"epochs": 3, "cos_lr": True})["epochs"] == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mosaic": 1.0}, "mosaic=1.0: a baseline has no such setting; there are epochs"),
        ({"lr": 1.0}, "did you mean lrf or lr0"),
        ({"optimizer": "SGD"}, "a baseline is trained with optimizer=AdamW"),
        ({"batch": -1}, "whole number of images"),
        ({"batch": 0.5}, "whole number of images"),
        ({"epochs": 0}, "1 epoch or more"),
        ({"device": "0,1"}, "one device"),
    ],
)
def test_what_means_nothing_is_a_sentence(given, said):
    with pytest.raises(UsageError, match=said):
        complete(given)


def test_every_fault_is_told_at_once():
    with pytest.raises(UsageError, match="mosaic=1") as error:
        complete({"mosaic": 1, "epochs": 0})
    assert len(str(error.value).splitlines()) == 2


def test_a_preset_for_yolo_gives_what_it_can():
    known, others = keep_known({"epochs": 60, "mosaic": 1.0, "optimizer": "AdamW", "flipud": 0.5})
    assert (known, others) == ({"epochs": 60, "flipud": 0.5}, ("mosaic",))


@pytest.mark.parametrize(("asked", "given"), [(32, 32), (33, 64), (256, 256), (100, 128)])
def test_a_size_is_rounded_up_to_what_networks_can_halve(asked, given):
    assert round_up(asked) == given
