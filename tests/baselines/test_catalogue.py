from importlib import util

import pytest

from seepseg.baselines import catalogue
from seepseg.baselines.architectures import build_network
from seepseg.baselines.catalogue import CATALOGUE, find_entry
from seepseg.errors import MissingExtra, UsageError
from seepseg.train.record import count_parameters


@pytest.mark.parametrize("name", ["unet-dissertation", "unet-pets"])
def test_a_network_that_was_published_with_its_size_has_that_size(name):
    entry = find_entry(name)
    assert entry.parameters in ((31_043_521, 31_055_297), (2_158_739, 2_158_739))
    network = build_network(entry, entry.channels)
    with_averages = [one for one in network.state_dict().values() if one.is_floating_point()]  # as Keras counts
    assert (count_parameters(network), sum(one.numel() for one in with_averages)) == entry.parameters


def test_a_name_that_is_none_is_answered_with_those_that_are():
    with pytest.raises(UsageError, match=r"unet-mitb2: no such network \(did you mean unet-mit_b2") as error:
        find_entry("unet-mitb2")
    assert all(name in str(error.value) for name in CATALOGUE)
    assert "task=semantic" in str(error.value)


def test_a_network_whose_library_is_missing_names_the_extra_and_those_that_are_there(monkeypatch):
    missing = ("segmentation_models_pytorch",)
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None if name in missing else util.find_spec(name))
    with pytest.raises(MissingExtra, match=r"deeplabv3-resnet50, unet-dissertation, unet-pets.*seepseg\[baselines\]"):
        find_entry("unet-mit_b2")
    assert find_entry("unet-pets").library == "own"
