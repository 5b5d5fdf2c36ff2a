import pickle
import zipfile
from importlib import util

import pytest

from baselines.conftest import noise
from seepseg.baselines import catalogue
from seepseg.baselines.weights import Facts, is_baseline, read_weights, write_weights
from seepseg.errors import MissingExtra, SourceError, UsageError
from seepseg.predict.baseline_network import load_model
from seepseg.predict.engine import open_model

FACTS = Facts("unet-pets", "semantic", ("oil", "ship"), 64)


class Tripped(Exception):
    pass


class Trap:
    def __reduce__(self):
        return _trip, ("seepseg-baseline",)


def _trip(_):
    raise Tripped


def test_what_is_written_is_read_back(torch, tmp_path):
    file = tmp_path / "weights" / "a.pt"
    write_weights(file, FACTS, {"x": torch.arange(3)}, {"epoch": 4})
    facts, content = read_weights(file)
    assert (facts, content["training"]) == (FACTS, {"epoch": 4})
    assert content["state"]["x"].tolist() == [0, 1, 2]
    assert [path.name for path in file.parent.iterdir()] == ["a.pt"]


def test_ours_are_known_by_their_content(torch, tmp_path):
    write_weights(tmp_path / "a.pt", FACTS, {})
    torch.save({"model": None, "train_args": {}}, tmp_path / "b.pt")
    (tmp_path / "c.pt").write_bytes(b"seepseg-baseline")
    assert [is_baseline(tmp_path / name) for name in ("a.pt", "b.pt", "c.pt", "none.pt")] == [True, False, False, False]


def test_a_program_in_the_guise_of_weights_is_not_run(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps(Trap()))
        archive.writestr("a/version", "3\n")
    assert is_baseline(tmp_path / "a.pt")
    with pytest.raises(SourceError, match="not readable as weights of a baseline"):
        open_model(tmp_path / "a.pt")


def test_half_a_file_is_a_sentence(weights, tmp_path):
    whole = weights("unet-pets").read_bytes()
    (tmp_path / "a.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="copy the file again"):
        read_weights(tmp_path / "a.pt")


def test_a_network_of_a_later_version_is_a_sentence(tmp_path):
    write_weights(tmp_path / "a.pt", Facts("unet-later", "semantic", ("oil",), 64), {})
    with pytest.raises(UsageError, match=r"holds unet-later in format 1.*update seepseg"):
        read_weights(tmp_path / "a.pt")


def test_weights_whose_library_is_missing_name_the_extra_and_no_flag_of_training(tmp_path, monkeypatch):
    missing = ("segmentation_models_pytorch",)
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None if name in missing else util.find_spec(name))
    write_weights(tmp_path / "a.pt", Facts("unet-mit_b2", "semantic", ("oil",), 64), {})
    said = r"a\.pt: its network unet-mit_b2 needs the package .* run: pip install 'seepseg\[baselines\]'$"
    with pytest.raises(MissingExtra, match=said):
        open_model(tmp_path / "a.pt", device="cpu")


def test_tensors_of_another_network_are_a_sentence(tmp_path, torch):
    write_weights(tmp_path / "a.pt", FACTS, {"x": torch.zeros(1)})
    with pytest.raises(SourceError, match="its tensors are not those of unet-pets"):
        load_model(tmp_path / "a.pt")


def test_prediction_gives_the_classes_of_the_logits(torch, weights):
    image = noise(64, 64)
    facts, module = load_model(weights("unet-pets"))
    with torch.inference_mode():
        logits = module(torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None] / 255)[0]
    expected = (logits.argmax(0) + 1) % (facts.channels)
    model = open_model(weights("unet-pets"), device="cpu")
    found = model.predict([image], conf=0.0)[0].class_map
    assert (model.names, model.background, model.imgsz) == (("oil", "ship"), 2, 64)
    assert set(expected.unique().tolist()) == {0, 1, 2}
    assert (found != expected.numpy()).mean() < 1e-3


@pytest.mark.parametrize(("names", "channels", "background"), [(("oil",), 1, None), (("oil", "ship"), 3, 2)])
def test_one_class_needs_no_channel_for_background(names, channels, background):
    facts = Facts("unet-pets", "semantic", names, 64)
    assert (facts.channels, facts.background) == (channels, background)
