import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from edge.conftest import chosen_thresholds
from predict.conftest import picture
from seepseg.api import LoadedModel
from seepseg.edge import runtime
from seepseg.edge.export import export
from seepseg.edge.packing import pack
from seepseg.edge.runtime import load_bundle
from seepseg.errors import UsageError
from seepseg.outputs.verdict import judge
from seepseg.predict.decode import MARGIN
from seepseg.predict.engine import open_model

SIZES = [(64, 64), (48, 80), (1, 1), (3, 200), (128, 128), (700, 130), (900, 1300)]
"""Heights and widths."""


@pytest.fixture(scope="module")
def reference(edge_run):
    return open_model(edge_run, engine="torch", device="cpu")


@pytest.fixture(scope="module")
def edge(edge_bundle):
    return load_bundle(edge_bundle, device="cpu")


@pytest.fixture
def bundle(edge_bundle, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(edge_bundle, tmp_path / "bundle")


def edit(bundle, **facts):
    said = json.loads((bundle / "bundle.json").read_text()) | facts
    said = {key: value for key, value in said.items() if value is not None}
    (bundle / "bundle.json").write_text(json.dumps(said))


def assert_same(found, expected):
    assert (found.width, found.height, found.names) == (expected.width, expected.height, expected.names)
    assert found.class_ids.tolist() == expected.class_ids.tolist()
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.02)
    for one, other in zip(found.masks, expected.masks, strict=True):
        assert np.count_nonzero(one & other) >= 0.99 * np.count_nonzero(one | other)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_instances_are_those_of_the_pt(edge, reference, height, width):
    image = picture(height, width, seed=height)
    (expected,) = reference.predict([image], conf=[one.value for one in chosen_thresholds().confidence])
    assert_same(edge.predict(image), expected)


def test_there_are_instances_to_compare(edge):
    assert len(edge.predict(picture(64, 64, seed=64))) > 3


@pytest.mark.parametrize("shape", [(40, 56), (40, 56, 1)])
def test_a_grey_image_is_as_good_as_a_coloured_one(edge, shape):
    grey = picture(40, 56)[..., 0]
    assert_same(edge.predict(grey.reshape(shape)), edge.predict(np.repeat(grey[..., None], 3, axis=2)))


@pytest.mark.parametrize("seed", range(3))
def test_the_verdict_is_that_of_the_command_line(edge, reference, seed):
    image = picture(64, 64, seed)
    found = judge(*reference.predict([image], conf=0.001), reference.thresholds, reference.names)
    verdict = edge.answer(image).verdict
    assert (verdict.present, verdict.threshold) == (found.present, 0.15)
    assert (verdict.score, verdict.probability) == pytest.approx((found.score, found.probability), abs=1e-5)
    assert [one.present for one in verdict.classes] == [one.present for one in found.classes]
    assert [one.threshold for one in verdict.classes] == [0.2, 0.6, 0.1]


def test_what_is_too_unsure_for_an_object_still_counts_for_presence(edge, monkeypatch):
    monkeypatch.setattr(runtime, "decode_segment", lambda *_, **settings: found(settings))
    answer = edge.answer(picture(64, 64))
    assert (len(answer.prediction), answer.verdict.present, answer.verdict.score) == (0, True, 0.2)


def found(settings):
    from seepseg.values import Detection, Prediction

    assert settings["conf"] <= 0.001
    return Prediction(64, 64, (Detection(0, 0.2, (1, 1, 2, 2), np.zeros((0, 0), np.uint8), 1, 1),))


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_every_engine_gives_the_same_instances(edge, edge_bundle, engine):
    image = picture(48, 80)
    other = load_bundle(edge_bundle, engine=engine, threads=1)
    assert other.engine == engine
    assert_same(other.predict(image), edge.predict(image))


def test_a_zip_gives_the_same_instances(edge, edge_bundle, tmp_path):
    pack(edge_bundle, tmp_path / "b.zip")
    assert_same(load_bundle(tmp_path / "b.zip", device="cpu").predict(picture(48, 80)), edge.predict(picture(48, 80)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_values_become_pixels_by_the_rule_of_the_training(edge, reference, dtype):
    values = np.random.default_rng(0).normal(-17, 8, (64, 64)).astype(dtype)
    values[:8] = -99
    assert_same(edge.predict(values), LoadedModel(reference).predict(values))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((4, 4, 4), np.uint8), "no image"),
        (np.zeros((0, 4), np.uint8), "no image"),
        (np.zeros((4, 4), np.complex64), "complex"),
        (np.zeros((4, 4, 3), np.float32), "has 3 bands, and the model was trained with 1"),
    ],
)
def test_what_is_no_image_is_refused(edge, image, words):
    with pytest.raises(UsageError, match=words):
        edge.predict(image)


def test_values_without_a_rule_are_refused(bundle):
    edit(bundle, scale=None)
    with pytest.raises(UsageError, match="holds float32, and the model was trained on 8-bit images"):
        load_bundle(bundle).predict(np.zeros((4, 4), np.float32))


def test_a_bundle_without_thresholds_says_so(bundle):
    said = json.loads((bundle / "bundle.json").read_text())
    del said["files"]["thresholds.json"]
    edit(bundle, files=said["files"], confidence=None, presence=None)
    (bundle / "thresholds.json").unlink()
    model = load_bundle(bundle)
    assert model.limits == (0.25,) * 3
    assert "no thresholds are stored in the bundle, so that 0.25 is used" in model.notes[-1]


def test_an_older_bundle_without_settings_has_the_usual_ones(bundle):
    edit(bundle, iou=None, margin=None, max_det=None)
    model = load_bundle(bundle)
    assert (model.iou, model.margin, model.max_det) == (0.7, MARGIN, 300)


def test_settings_are_those_of_the_bundle(bundle):
    edit(bundle, iou=0.5, margin=0, max_det=2)
    model = load_bundle(bundle)
    assert (model.iou, model.margin) == (0.5, 0)
    assert len(model.predict(picture(64, 64))) == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("iou", value) for value in ("high", -1, float("nan"), True, [1], 1.5)),
        *(("margin", 1e9), ("max_det", 0), ("max_det", 2.5), ("max_det", 10**400)),
    ],
)
def test_a_setting_that_cannot_be_is_refused(bundle, key, value):
    edit(bundle, **{key: value})
    with pytest.raises(UsageError, match=rf"bundle\.json: '{key}' is .*no number that can be"):
        load_bundle(bundle)


def test_a_model_that_gives_other_classes_than_it_says_is_refused(edge):
    with pytest.raises(UsageError, match="gives other classes than it names"):
        replace(edge, names=("a", "b"), limits=(0.25, 0.25)).predict(picture(64, 64))


def test_a_model_that_gives_no_numbers_does_not_say_that_there_is_nothing(edge):
    def forward(batch):
        return [(head * np.nan, prototypes) for head, prototypes in edge.network.forward(batch)]

    model = replace(edge, network=replace(edge.network, forward=forward))
    with pytest.raises(UsageError, match="gives no numbers for this image"):
        model.predict(picture(64, 64))


FILES = {"torchscript": "model.torchscript", "onnx": "model.onnx", "openvino": "model.xml"}


@pytest.mark.parametrize("engine", FILES)
@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"names": ["a", "b", "c"]}, "disagrees with the bundle on names"),
        ({"stride": 64}, "disagrees with the bundle on stride"),
        ({"imgsz": 96}, "takes images of 64, but the bundle says 96"),
        ({"background": 1}, "disagrees with the bundle on background"),
        ({"task": "semantic"}, "disagrees with the bundle on task"),
    ],
)
def test_a_bundle_that_is_not_its_models_is_refused(bundle, facts, words, engine):
    edit(bundle, **facts)
    with pytest.raises(UsageError, match=f"{FILES[engine]}: {words}"):
        load_bundle(bundle, engine=engine)


def test_a_newer_bundle_is_refused(bundle):
    edit(bundle, format=2)
    with pytest.raises(UsageError, match=r"bundle\.json: format 2 is newer"):
        load_bundle(bundle)


def listed_as(bundle, name, data):
    """As a program would that counterfeits the list too."""
    (bundle / name).write_bytes(data)
    files = json.loads((bundle / "bundle.json").read_text())["files"]
    edit(bundle, files=files | {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}})


@pytest.mark.parametrize(
    ("engine", "name", "words"),
    [
        ("torchscript", "model.torchscript", "not a TorchScript model"),
        ("onnx", "model.onnx", "not a model that ONNX Runtime can load"),
        ("openvino", "model_openvino/model.xml", "not a model that OpenVINO can load"),
        ("openvino", "model_openvino/model.bin", "not a model that OpenVINO can load"),
        ("openvino", "model_openvino/metadata.yaml", "metadata.yaml beside it is damaged"),
    ],
)
@pytest.mark.parametrize("data", [b"", b"PK\3\4 no model"])
def test_what_is_listed_but_no_model_is_refused(bundle, engine, name, words, data):
    listed_as(bundle, name, data)
    with pytest.raises(UsageError, match=f"model.*: {words}"):
        load_bundle(bundle, engine=engine)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_a_model_that_was_changed_is_refused(bundle, change):
    file = bundle / "model.torchscript"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(UsageError, match=r"model\.torchscript: is not the file that was exported"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", ["", "some.pt", "nothing"])
def test_what_is_no_bundle_is_refused(tmp_path, name):
    (tmp_path / "some.pt").write_bytes(b"")
    with pytest.raises(UsageError, match="no bundle; give a folder that 'seepseg export' made"):
        load_bundle(tmp_path / name)


def test_an_engine_that_the_bundle_is_not_for_is_refused(edge_bundle):
    with pytest.raises(UsageError, match="no model for engine 'torch'; give torchscript or onnx or openvino"):
        load_bundle(edge_bundle, engine="torch")


def test_without_torch_it_is_onnx(edge_bundle, monkeypatch):
    monkeypatch.setattr(runtime, "find_spec", lambda name: None if name == "torch" else name)
    assert load_bundle(edge_bundle).engine == "onnx"


def test_without_any_engine_it_says_which_to_install(edge_bundle, monkeypatch):
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs the package torch or onnxruntime or openvino, which is not installed"):
        load_bundle(edge_bundle)


@pytest.mark.slow
def test_a_semantic_bundle_gives_the_parts_of_the_pt(weights, tmp_path):
    file = weights("yolo26n-sem", 2)
    model = load_bundle(export(file, tmp_path / "bundle", images=1).path, device="cpu")
    (expected,) = open_model(file, engine="torch", device="cpu").predict([picture(48, 80)])
    assert len(expected) > 1
    assert_same(model.predict(picture(48, 80)), expected)
