"""One bundle with models of 8 bits, fitted to a few images, shared by the slow tests."""

import hashlib
import shutil
import sys

import numpy as np
import pytest

from edge.conftest import NAMES, chosen_thresholds
from make_dataset import write_dataset
from predict.conftest import picture
from seepseg.edge.bundle import files_of, open_bundle
from seepseg.edge.export import export
from seepseg.edge.quantization import check_packages, last_layer, stays_float
from seepseg.edge.runtime import load_bundle
from seepseg.edge.samples import find_training
from seepseg.errors import MissingExtra, UsageError
from seepseg.evaluate.run import Request, evaluate
from seepseg.predict.engine import open_model

FORMATS = ("onnx", "openvino")
LIMITS = [one.value for one in chosen_thresholds().confidence]


@pytest.fixture(scope="module")
def data(edge_run, tmp_path_factory):
    """Its truth is what the .pt finds, so that a model of fewer bits can do no better."""
    model = open_model(edge_run, engine="torch", device="cpu")
    pixels = {
        f"{split}{at}.png": picture(64, 64, seed) for split, seed in (("train", 0), ("val", 9)) for at in range(4)
    }
    pixels = {name: picture(64, 64, seed) for seed, name in enumerate(pixels)}
    found = model.predict(list(pixels.values()), conf=LIMITS)
    truth = {name: one.class_map.astype(np.uint8) for name, one in zip(pixels, found, strict=True)}
    splits = {split: {name: truth[name] for name in truth if split in name} for split in ("train", "val")}
    return write_dataset(tmp_path_factory.mktemp("data") / "set", splits, names=NAMES, pixels=pixels) / "data.yaml"


@pytest.fixture(scope="module")
def made(edge_run, data):
    out = edge_run.parent / "int8"
    return export(edge_run, out, FORMATS, precision="int8", data=data, images=1)


def outputs(bundle, engine, **settings):
    model = open_model(bundle, engine=engine, device="cpu", **settings)
    ((_, found),) = model.run([picture(64, 64, seed=5)])
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize("engine", FORMATS)
def test_fast_takes_the_model_of_8_bits_and_says_what_it_costs(made, engine):
    model = open_model(made.path, engine=engine, device="cpu", fast=True)
    assert model.notes[0].startswith(f"model_{'int8.onnx' if engine == 'onnx' else 'openvino_int8/model.xml'} is used")
    assert "mIoU" in model.notes[0]
    assert "on 4 val images of set" in model.notes[0]


@pytest.mark.slow
@pytest.mark.parametrize("engine", FORMATS)
def test_a_fast_model_is_named_after_the_file_that_runs(made, engine):
    model = open_model(made.path, engine=engine, device="cpu", fast=True)
    assert model.path == made.path / files_of(engine, "int8")[0]
    content = b"".join((made.path / name).read_bytes() for name in files_of(engine, "int8")[:2])
    assert model.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("engine", FORMATS)
def test_8_bits_are_near_32_and_not_the_same(made, engine):
    full, fewer = outputs(made.path, engine), outputs(made.path, engine, fast=True)
    scores = slice(4, 7)
    assert 1e-4 < np.abs(full[scores] - fewer[scores]).mean() < 0.1
    assert np.corrcoef(full[scores].ravel(), fewer[scores].ravel())[0, 1] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("engine", FORMATS)
def test_the_edge_takes_it_too_where_asked(made, engine):
    fast = load_bundle(made.path, engine=engine, fast=True)
    expected = open_model(made.path, engine=engine, device="cpu", fast=True).predict([picture(64, 64)], conf=LIMITS)[0]
    np.testing.assert_allclose(fast.predict(picture(64, 64)).scores, expected.scores, atol=1e-5)
    assert fast.notes[0].startswith("model_")


@pytest.mark.slow
def test_a_model_of_8_bits_is_smaller(made):
    for engine in FORMATS:
        assert made.sizes[f"{engine} int8"] < 0.5 * made.sizes[engine]


@pytest.mark.slow
def test_what_it_loses_is_measured_as_eval_does(made, edge_run, data, tmp_path):
    given = dict(zip(NAMES, LIMITS, strict=True))
    out = tmp_path / "figures"
    report = evaluate(Request(data, model=edge_run, split="val", out=out, conf=given, replicates=1, report=False))
    for loss in made.losses:
        assert loss.full["map50"] == pytest.approx(report["mask"]["map50"], abs=1e-6)
        assert loss.full["miou"] == pytest.approx(report["pixels"]["miou"], abs=1e-4)
        assert 0 < loss.fewer["miou"] < loss.full["miou"]


@pytest.mark.slow
def test_bundle_and_card_tell_the_loss_and_what_8_bits_were_fitted_to(made):
    said = open_bundle(made.path).facts["fast"]["openvino"]
    assert said["fitted_to"] == "4 train images of set"
    assert said["loss"]["figures"]["int8"] == dict(made.losses[1].fewer)
    card = (made.path / "MODEL.md").read_text()
    assert f"| openvino | int8 | {made.losses[1].fewer['map50']:.3f} |" in card


@pytest.mark.slow
def test_a_model_of_fewer_bits_need_not_be_equal_but_is_compared(made):
    fewer = [one for one in made.parities if one.precision == "int8"]
    assert [one.engine for one in fewer] == list(FORMATS)
    assert all(one.raw.most > 1e-3 for one in fewer)


@pytest.mark.slow
def test_a_swapped_model_of_8_bits_is_refused(made, tmp_path):
    bundle = shutil.copytree(made.path, tmp_path / "bundle")
    shutil.copy(bundle / "model.onnx", bundle / "model_int8.onnx")
    with pytest.raises(UsageError, match=r"model_int8\.onnx: is not the file that was exported"):
        open_bundle(bundle)


@pytest.mark.slow
@pytest.mark.parametrize("dynamic", [False, True])
def test_16_bits_halve_the_size_and_change_little(edge_run, tmp_path, dynamic):
    made = export(edge_run, tmp_path / "b", FORMATS, precision="fp16", images=1, dynamic=dynamic)
    for engine in FORMATS:
        assert 0.4 < made.sizes[f"{engine} fp16"] / made.sizes[engine] < 0.65
    full, fewer = outputs(made.path, "onnx"), outputs(made.path, "onnx", fast=True)
    assert 0 < np.abs(full[4:7] - fewer[4:7]).max() < 0.02
    assert "what fewer bits lose was not measured, as no dataset is known; give --data" in made.notes[-1]


def test_without_train_images_there_are_no_8_bits(edge_run, tmp_path):
    write_dataset(tmp_path / "d", {"val": {"a.png": np.zeros((8, 8), np.uint8)}}, names=NAMES)
    with pytest.raises(UsageError, match=r"data\.yaml: it has no train images, to which 8 bits are fitted"):
        export(edge_run, tmp_path / "b", ("onnx",), precision="int8", data=tmp_path / "d/data.yaml")


def test_images_of_val_and_test_are_never_fitted_to(data, tmp_path):
    images, told = find_training(data, 3)
    assert {image.parent.name for image in images} == {"train"}
    assert told == "3 train images of set"


def test_a_train_image_that_is_gone_is_named(data, tmp_path):
    copy = shutil.copytree(data.parent, tmp_path / "set")
    listed = [f"./images/train/{name}\n" for name in ("train0.png", "gone.png")]
    (copy / "list.txt").write_text("".join(listed))
    (copy / "data.yaml").write_text(data.read_text().replace("images/train", "list.txt"))
    with pytest.raises(UsageError, match=r"gone\.png is missing"):
        find_training(copy / "data.yaml", 9)


def test_a_precision_that_is_not_known_is_refused(edge_run, tmp_path):
    with pytest.raises(UsageError, match="precision 'int4' is unknown; give fp32, fp16 or int8"):
        export(edge_run, tmp_path / "b", precision="int4")


@pytest.mark.parametrize("package", ["nncf", "openvino"])
def test_a_missing_package_names_the_extra(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf"--precision int8 with openvino.*{package}.*seepseg\[int8\]"):
        check_packages(["torchscript", "openvino"], "int8")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("/model.22/cv2.0/cv2.0.0/conv/Conv", False),
        ("/model.22/cv3.1/cv3.1.1/act/Mul", False),
        ("/model.22/cv3.1/cv3.1.2/Conv", True),
        ("/model.22/dfl/Softmax", True),
        ("/model.22/Sigmoid", True),
        ("/model.22/proto/cv1/conv/Conv", False),
        ("/model.22/proto/cv3/conv/Conv", True),
        ("/model.2/m.0/cv2/conv/Conv", False),
        ("__module.model.22.cv4.2.1.conv/aten::_convolution/Convolution", False),
        ("__module.model.22.cv4.2.2/aten::_convolution/Convolution", True),
        ("__module.model.22.proto.upsample/aten::_convolution/Convolution", False),
        ("__module.model.22/aten::cat/Concat_4", True),
        ("__module.model.21.cv1.conv/aten::_convolution/Convolution", False),
        ("/encoder/blocks.3/Conv", False),
    ],
)
def test_the_end_of_the_head_stays_in_floats(name, kept):
    assert stays_float(name, 22) is kept


def test_the_head_is_the_last_numbered_layer():
    assert last_layer(["/model.0/Conv", "/model.22/Sigmoid", "/model.9/m/MaxPool"]) == 22
    assert last_layer(["/encoder/Conv"]) == -1
