"""The same model on every engine."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from make_steady import steady_weights
from predict.conftest import picture
from seepseg.edge.bundle import write_manifest
from seepseg.edge.counterparts import match
from seepseg.edge.export import export
from seepseg.errors import MissingExtra, UsageError
from seepseg.predict import engine_choice, openvino_network, torch_network
from seepseg.predict.engine import open_model
from seepseg.predict.model_files import find_files

ENGINES = ("onnx", "openvino", "torchscript", "torch")
EXPORTED = ENGINES[:3]
SIZES = [(64, 64), (53, 82), (200, 150), (1, 1), (7, 3), (20, 900)]


def count_differing(expected, found):
    return match(expected, found, 0.05).differing


@pytest.fixture(scope="module")
def run(torch, tmp_path_factory):
    """A run folder with a bundle of every format."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "weights").mkdir()
    steady_weights(torch, folder / "weights/best.pt")
    export(folder, folder / "bundle", EXPORTED, images=1)
    return folder


@pytest.fixture(scope="module")
def semantic(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("semantic") / "bundle"
    export(weights("yolo26n-sem", 4), folder, ("onnx",), images=1)
    return folder


def opened(folder, engine, **settings):
    return open_model(folder, engine=engine, device="cpu", **settings)


def test_instances_are_the_same_on_every_engine(run):
    images = [picture(*size) for size in SIZES]
    expected = opened(run, "torch").predict(images, conf=0.05)
    assert sum(len(one.detections) for one in expected) > 50
    for engine in EXPORTED:
        model = opened(run, engine)
        assert (model.engine, model.imgsz, model.names) == (engine, 64, ("class0", "class1", "class2"))
        for one, other in zip(expected, model.predict(images, conf=0.05), strict=True):
            assert count_differing(one, other) == 0
            assert len(one.detections) == len(other.detections)


@pytest.mark.parametrize("engine", ["onnx", "torchscript"])
def test_class_maps_are_the_same_on_every_engine(weights, semantic, engine):
    image = picture(90, 140)
    (expected,) = opened(weights("yolo26n-sem", 4), "torch").predict([image], conf=0.2)
    assert len(expected.detections) > 3
    (found,) = opened(semantic, engine).predict([image], conf=0.2)
    assert count_differing(expected, found) == 0


def test_a_dynamic_export_takes_other_sizes_and_batches(run, tmp_path):
    export(run / "weights/best.pt", tmp_path / "b", EXPORTED, dynamic=True, images=1)
    images = [picture(*size) for size in SIZES]
    expected = opened(run, "torch", imgsz=96).predict(images, conf=0.05)
    for engine in EXPORTED:
        found = opened(tmp_path / "b", engine, imgsz=96).predict(images, conf=0.05, batch=4)
        assert [count_differing(*pair) for pair in zip(expected, found, strict=True)] == [0] * len(images)


@pytest.mark.slow
def test_class_maps_are_the_same_in_openvino(weights, tmp_path):
    export(weights("yolo26n-sem", 4), tmp_path / "b", ("openvino",), dynamic=True, images=2)
    assert opened(tmp_path / "b", "openvino").background is None


def test_openvino_tells_nobody_of_its_use(tmp_path):
    """In a process of its own, whose home is empty."""
    script = (
        "import sys; from seepseg.predict.openvino_network import import_openvino; import_openvino(); "
        "import openvino.tools.ovc; print(sys.modules['openvino_telemetry'])"
    )
    environment = os.environ | {"HOME": str(tmp_path), "CI": ""}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"
    assert not (tmp_path / "intel").exists()


def test_predictions_carry_the_names_of_the_model(run):
    (found,) = opened(run, "torch").predict([picture(64, 64)])
    assert found.names == ("class0", "class1", "class2")


def test_a_run_uses_its_bundle_and_says_which_engine(run):
    model = open_model(run, device="cpu")
    assert (model.engine, model.path) == ("openvino", run / "bundle/model_openvino/model.xml")
    assert model.notes == ("engine: openvino (the fastest on a CPU of those that the model has files for)",)


def test_another_image_size_than_that_of_the_bundle_goes_back_to_the_weights(run):
    model = open_model(run, device="cpu", imgsz=96)
    assert (model.engine, model.imgsz) == ("torch", 96)
    assert "model.xml takes images of 64 alone" in model.notes[-1]


def test_a_bundle_of_another_size_than_the_run_is_left_for_the_weights(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run/input.json").write_text('{"imgsz": 90}')
    model = open_model(tmp_path / "run", device="cpu")
    assert (model.engine, model.imgsz) == ("torch", 96)


def test_on_a_gpu_the_weights_come_first_but_an_export_for_the_cpu_runs_there(run, monkeypatch):
    monkeypatch.setattr(engine_choice, "_has_gpu", lambda: True)
    settings = {"device": None, "imgsz": None}
    assert engine_choice.choose_engine(find_files(run), "auto", **settings)[0] == "torch"
    assert engine_choice.choose_engine(find_files(run / "bundle"), "auto", **settings)[0] == "torchscript"
    assert open_model(run / "bundle/model.onnx").device == "cpu"


def test_a_named_engine_whose_file_has_another_size_is_refused(run):
    with pytest.raises(UsageError, match=r"model\.onnx: takes images of 64 alone, not of 96"):
        opened(run, "onnx", imgsz=96)


def test_a_bundle_of_other_weights_is_left_alone_and_it_says_so(weights, run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    shutil.copy(weights("yolov8n-seg", 2), tmp_path / "run/weights/best.pt")
    model = open_model(tmp_path / "run", device="cpu")
    assert (model.engine, model.names) == ("torch", ("class0", "class1"))
    assert "was made of other weights than best.pt" in model.notes[0]


@pytest.mark.parametrize(("package", "engine"), [("onnxruntime", "onnx"), ("openvino", "openvino")])
def test_an_engine_that_is_not_installed_names_its_extra(run, monkeypatch, package, engine):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'seepseg\[{engine}\]'"):
        opened(run, engine)


def test_without_the_fastest_the_next_is_taken_and_it_says_why(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    model = open_model(run, device="cpu")
    assert model.engine == "onnx"
    assert 'OpenVINO is not installed: pip install "seepseg[openvino]"' in model.notes[-1]


def test_a_lone_export_whose_engine_is_missing_names_the_extra(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"seepseg\[onnx\]"):
        open_model(run / "bundle/model.onnx", device="cpu")


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_engines_of_the_cpu_refuse_a_gpu(run, engine):
    with pytest.raises(UsageError, match=f"engine {engine} computes on the CPU; leave out device cuda"):
        open_model(run, engine=engine, device="cuda")


def test_exports_by_themselves_know_names_and_size(run):
    for file in ("model.torchscript", "model.onnx", "model_openvino", "model_openvino/model.xml"):
        model = open_model(run / "bundle" / file, device="cpu")
        assert (model.names, model.imgsz) == (("class0", "class1", "class2"), 64)


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_are_taken_and_change_nothing(torch, run, engine):
    expected = opened(run, engine).predict([picture(64, 64)], conf=0.1)[0]
    assert count_differing(expected, opened(run, engine, threads=1).predict([picture(64, 64)], conf=0.1)[0]) == 0


def test_openvino_computes_in_32_bits_whatever_the_processor_likes(run, monkeypatch):
    asked = []
    core = pytest.importorskip("openvino").Core

    class Listening(core):
        def compile_model(self, model, device, settings):
            asked.append(settings)
            return super().compile_model(model, device, settings)

    monkeypatch.setattr("seepseg.predict.openvino_network.open_core", Listening)
    opened(run, "openvino")
    assert asked[0]["INFERENCE_PRECISION_HINT"] == "f32"


def test_ctrl_c_is_heard_after_models_of_openvino_came_and_went(run):
    """OpenVINO changes the stack that signals run on; pytest has one of its own, which a shell has not."""
    script = (
        "import faulthandler, signal, sys; faulthandler.enable()\n"
        "from pathlib import Path; from seepseg.predict.engine import open_model\n"
        "first, second = (open_model(Path(sys.argv[1]), engine='openvino') for _ in range(2))\n"
        "del first; del second\n"
        "try: signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt: print('heard')"
    )
    done = subprocess.run([sys.executable, "-c", script, run], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n")


@pytest.mark.parametrize(
    ("able", "less", "note"),
    [({"avx512_bf16": True}, "bfloat16", "(bf16)"), ({"avx2": True}, "float32", "--fast changes nothing")],
)
def test_fast_takes_what_the_processor_has_and_says_so(torch, monkeypatch, able, less, note):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: able)
    number, notes = torch_network.find_number(torch.device("cpu"), torch_network.Wish(fast=True))
    assert number is getattr(torch, less)
    assert note in notes[0]


def test_16_bits_come_close(run, monkeypatch):
    """On any CPU torch can compute in bf16, if slowly."""
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"amx_bf16": True})
    ((_, exact),) = opened(run, "torch").run([picture(64, 64)])
    for engine in ("torch", "torchscript"):
        ((_, rough),) = opened(run, engine, fast=True).run([picture(64, 64)])
        off = np.abs(exact[0][4:7] - rough[0][4:7])
        assert off.max() > 0
        assert np.median(off) < 0.02


def test_openvino_says_what_fast_came_to():
    assert "bf16" in openvino_network._notes(True, "BF16")[0]
    assert "no 16-bit floats" in openvino_network._notes(True, None)[0]
    assert openvino_network._notes(False, None) == ()


def altered(bundle, folder, **facts):
    """A copy of a bundle that says something else of itself."""
    shutil.copytree(bundle, folder)
    said = json.loads((folder / "bundle.json").read_text())
    write_manifest(folder, {key: value for key, value in (said | facts).items() if key != "format"})
    return folder


@pytest.mark.parametrize("engine", EXPORTED)
def test_a_bundle_whose_names_are_not_those_of_its_model_is_refused(run, tmp_path, engine):
    bundle = altered(run / "bundle", tmp_path / "b", names=["a", "b", "c"])
    with pytest.raises(UsageError, match=r"model.*: disagrees with the bundle on names, \('class0', 'class1'"):
        opened(bundle, engine)


def test_a_bundle_whose_size_is_not_that_of_its_model_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match=r"model\.onnx: takes images of 64, but the bundle says 96"):
        opened(altered(run / "bundle", tmp_path / "b", imgsz=96), "onnx")


@pytest.mark.filterwarnings("ignore")  # of PyTorch, on its own exporters
def test_ultralytics_class_maps_are_refused_with_the_way_out(weights, tmp_path):
    from ultralytics import YOLO

    shutil.copy(weights("yolo26n-sem", 4), tmp_path / "sem.pt")
    YOLO(tmp_path / "sem.pt").export(format="onnx", imgsz=64, simplify=False)
    with pytest.raises(UsageError, match="the class of each pixel, already chosen; export it with 'seepseg export'"):
        open_model(tmp_path / "sem.onnx", device="cpu").predict([picture(64, 64)])
