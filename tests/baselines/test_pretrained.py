import re

import pytest

from seepseg import ultralytics_home
from seepseg.baselines import pretrained
from seepseg.baselines.architectures import build_network
from seepseg.baselines.catalogue import CATALOGUE, find_entry
from seepseg.baselines.pretrained import choose_start, find_published, load_start
from seepseg.baselines.weights import Facts, write_weights
from seepseg.errors import SourceError, UsageError

B3 = find_entry("unet-efficientnet-b3")


@pytest.fixture(autouse=True)
def own_cache(torch, tmp_path, monkeypatch):
    """And no network, whatever the machine has."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(pretrained, "fetch", _no_network)
    for name in pretrained.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ultralytics_home, "ASKED_OFFLINE", None)


def _no_network(*_, **__):
    raise SourceError("no connection")


def test_without_a_network_the_start_is_random_and_said_and_so_is_what_was_tried(capsys):
    start = choose_start(B3, None)
    assert (start.origin, start.weights) == ("scratch", None)
    assert "random weights: the ImageNet weights of efficientnet-b3 cannot be fetched: no connection" in start.sentence
    assert "from https://huggingface.co/smp-hub/efficientnet-b3.imagenet/" in capsys.readouterr().out


@pytest.mark.parametrize("name", pretrained.OFFLINE)
def test_nothing_is_fetched_where_the_user_asked_to_stay_offline(monkeypatch, capsys, name):
    monkeypatch.setenv(name, "1")
    monkeypatch.setattr(ultralytics_home, "ASKED_OFFLINE", "1" if name == "YOLO_OFFLINE" else None)
    assert f"{name} forbids to fetch them" in choose_start(B3, None).sentence
    assert "fetching" not in capsys.readouterr().out


def test_what_is_asked_for_and_cannot_be_had_is_an_error():
    with pytest.raises(SourceError, match="no connection; start from random weights with --weights scratch"):
        choose_start(B3, "imagenet")


def test_a_network_without_an_encoder_starts_at_random():
    assert "as nobody has trained unet-pets before" in choose_start(find_entry("unet-pets"), None).sentence
    with pytest.raises(UsageError, match="has no encoder that was trained"):
        choose_start(find_entry("unet-pets"), "imagenet")


@pytest.mark.parametrize("name", [name for name, entry in CATALOGUE.items() if entry.encoder])
def test_the_weights_of_every_encoder_are_tensors_at_a_fixed_revision(name):
    url = find_published(find_entry(name)).url
    hashed = re.fullmatch(r"https://download.pytorch.org/models/resnet\d+-[0-9a-f]{8}.pth", url)
    assert hashed or url.endswith("/model.safetensors")


@pytest.mark.parametrize("name", ["unet-efficientnet-b3", pytest.param("deeplabv3-resnet50", marks=pytest.mark.slow)])
def test_weights_that_are_here_go_into_the_encoder_and_nowhere_else(torch, name):
    from safetensors.torch import save_file

    entry = find_entry(name)
    published = find_published(entry)
    published.file.parent.mkdir(parents=True)
    first, second = build_network(entry, 3), build_network(entry, 2)
    part = "encoder" if entry.library == "smp" else "backbone"
    state = {key: value.contiguous() for key, value in getattr(first.network, part).state_dict().items()}
    (save_file if published.file.suffix == ".safetensors" else torch.save)(state, published.file)
    start = choose_start(entry, None)
    decoder = [value.clone() for key, value in second.state_dict().items() if f".{part}." not in key]
    load_start(second, entry, start)
    assert start.origin == "imagenet"
    assert start.sha256
    assert all(torch.equal(value, state[key]) for key, value in getattr(second.network, part).state_dict().items())
    kept = [value for key, value in second.state_dict().items() if f".{part}." not in key]
    assert all(torch.equal(one, other) for one, other in zip(decoder, kept, strict=True))


def test_the_body_of_mask_rcnn_takes_the_weights_of_a_classifier(torch):
    entry = find_entry("maskrcnn-resnet18")
    published = find_published(entry)
    published.file.parent.mkdir(parents=True)
    first, second = build_network(entry, 2), build_network(entry, 2)
    state = first.backbone.body.state_dict()
    torch.save({**state, "fc.bias": torch.zeros(1000)}, published.file)
    rest = {key: value.clone() for key, value in second.state_dict().items() if ".body." not in key}
    load_start(second, entry, choose_start(entry, None))
    assert all(value.equal(state[key]) for key, value in second.backbone.body.state_dict().items())
    assert all(second.state_dict()[key].equal(value) for key, value in rest.items())


def test_weights_of_a_run_are_taken_but_for_a_head_of_other_classes(torch, weights):
    entry = find_entry("unet-pets")
    model = build_network(entry, 1)
    told = load_start(model, entry, choose_start(entry, str(weights("unet-pets"))))
    assert told == "2 tensors start anew, as the classes are others: network.head.bias, network.head.weight"


def test_weights_of_another_network_are_refused(torch, weights, tmp_path):
    with pytest.raises(UsageError, match="weights of unet-pets, and this training is of unet-efficientnet-b3"):
        choose_start(B3, str(weights("unet-pets")))
    torch.save({}, tmp_path / "yolo.pt")
    with pytest.raises(UsageError, match="not weights of a baseline"):
        choose_start(B3, str(tmp_path / "yolo.pt"))
    with pytest.raises(UsageError, match="no such file"):
        choose_start(B3, str(tmp_path / "none.pt"))


def test_tensors_that_the_network_does_not_have_are_a_sentence(torch, tmp_path):
    entry = find_entry("unet-pets")
    write_weights(tmp_path / "a.pt", Facts("unet-pets", "semantic", ("oil",), 64), {"x": torch.zeros(1)})
    start = choose_start(entry, str(tmp_path / "a.pt"))
    with pytest.raises(SourceError, match=r"a\.pt: its tensors are not those of unet-pets"):
        load_start(build_network(entry, 1), entry, start)


def test_weights_with_another_sha256_are_refused(tmp_path):
    write_weights(tmp_path / "a.pt", Facts("unet-pets", "semantic", ("oil",), 64), {})
    with pytest.raises(UsageError, match=r"sha256 is .* not 0a as --weights-sha256 says"):
        choose_start(find_entry("unet-pets"), str(tmp_path / "a.pt"), "0a")
