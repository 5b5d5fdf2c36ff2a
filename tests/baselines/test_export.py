import numpy as np
import pytest

from baselines.conftest import every_network, noise
from seepseg.baselines.export import export_baseline
from seepseg.edge.bundle import MODELS, open_bundle
from seepseg.edge.export import export
from seepseg.predict.engine import open_model

# torch warns of what its exporters do inside.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
ENGINES = ("torchscript", "onnx", "openvino")
FAMILIES = ("unet-mit_b2", "unetplusplus-efficientnet-b4", "deeplabv3plus-resnet101", "deeplabv3-resnet50")
"""One of each kind of layers, looked at in ONNX; of the others TorchScript is looked at."""


@pytest.fixture(scope="module")
def bundle(weights, tmp_path_factory):
    return export(weights("unet-pets"), tmp_path_factory.mktemp("bundle") / "b", ENGINES, images=2)


def test_a_bundle_says_what_it_is(bundle):
    opened = open_bundle(bundle.path)
    assert (opened.task, opened.names, opened.background, opened.imgsz) == ("semantic", ("oil", "ship"), 2, 64)
    assert opened.facts["weights"]["file"] == "some.pt"


def test_every_export_was_held_against_the_weights(bundle):
    assert {one.engine for one in bundle.parities} == set(ENGINES)
    assert all(one.equal and one.instances for one in bundle.parities)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_export_predicts_what_the_weights_predict(weights, bundle, engine):
    image = noise(50, 70)
    expected, found = (
        open_model(path, engine=name, device="cpu").predict([image], conf=0.1)[0]
        for path, name in ((weights("unet-pets"), "torch"), (bundle.path, engine))
    )
    assert len(expected) > 5
    assert np.mean(expected.class_map != found.class_map) < 1e-3
    assert np.abs(expected.scores - found.scores).max() < 1e-3


def test_a_dynamic_export_takes_another_size(weights, tmp_path):
    made = export(weights("unet-pets"), tmp_path / "b", ("onnx",), dynamic=True, images=1)
    image = noise(96, 96)
    expected, found = (
        open_model(path, engine=name, device="cpu", imgsz=96).predict([image], conf=0.1)[0]
        for path, name in ((weights("unet-pets"), "torch"), (made.path, "onnx"))
    )
    assert len(expected) > 5
    assert np.array_equal(expected.class_map, found.class_map)


@pytest.mark.parametrize("name", every_network(without=("unet-pets",)))
def test_every_network_exports_to_the_same_answer(weights, tmp_path, name):
    engine = "onnx" if name in FAMILIES else "torchscript"
    export_baseline(weights(name), engine, tmp_path, imgsz=64, dynamic=False)
    image = noise(64, 64, 3)
    expected, found = (
        open_model(path, engine=one, device="cpu").predict([image], conf=0.1)[0]
        for path, one in ((weights(name), "torch"), (tmp_path / MODELS[engine][0], engine))
    )
    assert len(expected) > 1
    assert np.mean(expected.class_map != found.class_map) < 1e-3
