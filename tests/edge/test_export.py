import hashlib
import json
import resource
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from make_dataset import write_dataset
from make_parity import differing_parity
from make_steady import steady_weights
from predict.conftest import picture
from seepseg.edge import export as module
from seepseg.edge.bundle import open_bundle
from seepseg.edge.export import ParityError, export
from seepseg.errors import MissingExtra, OutputError, UsageError
from seepseg.measures.threshold_file import write_thresholds
from seepseg.measures.thresholds import Choice, PresenceChoice, Rule, Thresholds
from seepseg.predict.engine import open_model
from seepseg.predict.model_input import fit_thresholds

NAMES = ("class0", "class1", "class2")
SCALE = {"kind": "db", "low": [-35.0], "high": [0.0], "bands": [1], "units": "dB", "nodata": None}


def thresholds(names=NAMES):
    chosen = tuple(Choice(0.1 * (index + 1), 0.9, 0.8, 0.85) for index in range(len(names)))
    presence = tuple(PresenceChoice(one, None) for one in chosen)
    return Thresholds(names, Rule(), "abc", "val", 20, chosen, presence, presence[0])


@pytest.fixture(scope="module")
def run(torch, tmp_path_factory):
    """A run folder as training leaves it, and its data."""
    root = tmp_path_factory.mktemp("made")
    folder = root / "runs/seep"
    (folder / "weights").mkdir(parents=True)
    steady_weights(torch, folder / "weights/best.pt")
    write_dataset(
        root / "data",
        {split: {f"{split}.png": np.zeros((48, 64), np.uint8)} for split in ("val", "test")},
        names=NAMES,
        pixels={f"{split}.png": picture(48, 64) for split in ("val", "test")},
    )
    inputs = {"imgsz": 64, "scale": SCALE, "bands": [1], "metres_per_pixel": 20.0}
    record = {"dataset": {"data": str(root / "data/data.yaml"), "hash": "abc", "images": {"val": 1}, "licence": "CC0"}}
    (folder / "input.json").write_text(json.dumps(inputs))
    (folder / "record.json").write_text(json.dumps(record))
    write_thresholds(folder / "thresholds.json", thresholds())
    return folder


@pytest.fixture(scope="module")
def made(run):
    return export(run, run.parent / "bundle", ("onnx",))


def test_a_bundle_holds_what_the_run_knows(run, made):
    facts = open_bundle(made.path).facts
    assert (facts["scale"], facts["bands"], facts["metres_per_pixel"]) == (SCALE, [1], 20.0)
    assert facts["presence"]["per_class"]["class1"]["recall"] == 0.8
    assert facts["training"] == {
        "data": "data",
        "data_hash": "abc",
        "images": {"val": 1},
        "commit": None,
        "licence": "CC0",
    }
    assert facts["weights"]["sha256"] == hashlib.sha256((run / "weights/best.pt").read_bytes()).hexdigest()


def test_no_folder_of_this_machine_goes_along(made):
    members = [file.read_bytes() for file in made.path.rglob("*") if file.is_file()]
    with zipfile.ZipFile(made.path / "model.torchscript") as archive:
        members += [archive.read(name) for name in archive.namelist()]
    home = str(Path(module.__file__).parents[3]).encode()
    assert not [member for member in members if home in member or str(made.path.parent).encode() in member]


def test_a_model_from_a_bundle_knows_its_input_and_thresholds(made):
    model = open_model(made.path, engine="onnx", device="cpu")
    assert model.input.metres_per_pixel == 20.0
    assert model.input.rule.as_json() == SCALE
    assert model.thresholds == thresholds()


def test_a_zipped_bundle_answers_as_its_folder(run, made):
    zipped = export(run, run.parent / "packed", zipped=True, images=1)
    assert zipped.path == run.parent / "packed.zip"
    assert [one.name for one in run.parent.iterdir() if "packed" in one.name] == ["packed.zip"]
    models = [open_model(path, engine="torchscript", device="cpu") for path in (zipped.path, made.path)]
    found = [model.predict([picture(64, 64)], conf=0.1)[0] for model in models]
    assert [one.box for one in found[0].detections] == [one.box for one in found[1].detections]
    assert models[0].thresholds == thresholds()


def test_answers_are_compared_on_the_data_of_the_run(made):
    assert made.images == "1 test image of data"
    both = ["torchscript", "onnx"]
    assert [(one.runtime, one.engine) for one in made.parities] == [
        *(("predict", engine) for engine in both),
        *(("edge", engine) for engine in both),
    ]
    assert all(one.equal and one.instances for one in made.parities)


def test_a_dataset_may_be_given_by_its_folder(run, tmp_path):
    made = export(run, tmp_path / "b", images=1, data=run.parents[1] / "data")
    assert made.images == "1 test image of data"
    assert open_bundle(made.path).facts["training"]["data"] == "data"


def test_data_that_are_gone_are_named(run, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/best.pt").write_bytes((run / "weights/best.pt").read_bytes())
    (tmp_path / "args.yaml").write_text("data: gone/data.yaml")
    made = export(tmp_path, tmp_path / "b", images=1)
    assert made.images == "1 random image, as those of gone/data.yaml cannot be read from here"


def test_nothing_lands_beside_the_weights(run, made):
    assert sorted(path.name for path in run.rglob("*") if path.is_file()) == [
        "best.pt",
        "input.json",
        "record.json",
        "thresholds.json",
    ]


def test_a_model_that_answers_otherwise_leaves_nothing_behind(run, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "compare", lambda *others: [differing_parity()])
    with pytest.raises(
        ParityError, match=r"torchscript run by edge: 2 of 9 instances differ, scores by 1\.0e-01, 1 verdict"
    ):
        export(run, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_gives_no_answer_is_told_and_nothing_kept(run, tmp_path):
    program = tmp_path / "seepseg-edge"
    program.write_text("#!/bin/sh\necho it is broken >&2\nexit 2\n")
    program.chmod(0o755)
    with pytest.raises(UsageError, match="seepseg-edge: gives no answer: it is broken"):
        export(run, tmp_path / "b", images=1, program=program)
    assert [one.name for one in tmp_path.iterdir()] == ["seepseg-edge"]


def test_a_model_card_and_figures_of_parity_are_in_the_bundle(made):
    facts = open_bundle(made.path).facts
    assert {"MODEL.md", "bundle.json"} <= {file.name for file in made.path.iterdir()}
    assert [one["runtime"] for one in facts["parity"]["models"]] == ["predict", "predict", "edge", "edge"]
    assert "| torchscript | predict | fp32 |" in (made.path / "MODEL.md").read_text()
    assert "Licence of the data: CC0" in (made.path / "MODEL.md").read_text()


def test_where_the_training_data_lay_does_not_leave_with_the_model(torch, run, tmp_path):
    checkpoint = torch.load(run / "weights/best.pt", weights_only=False)
    model = checkpoint["model"]
    model.args = {"data": "/home/somebody/data.yaml"}
    torch.save({"model": model, "train_args": checkpoint["train_args"] | model.args}, tmp_path / "some.pt")
    made = export(tmp_path / "some.pt", tmp_path / "b", images=1)
    with zipfile.ZipFile(made.path / "model.torchscript") as program:
        (name,) = (name for name in program.namelist() if name.endswith("extra/config.txt"))
        told = json.loads(program.read(name))
    assert told["task"] == "segment"
    assert "somebody" not in json.dumps(told)


def test_a_bundle_that_is_there_is_replaced_only_if_asked(run, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/mine.txt").write_text("")
    with pytest.raises(OutputError, match="already there"):
        export(run, tmp_path / "b")
    with pytest.raises(OutputError, match=r"has no bundle\.json"):
        export(run, tmp_path / "b", overwrite=True)


def test_a_zip_that_is_there_is_replaced_only_if_asked_and_if_it_is_a_bundle(run, tmp_path):
    (tmp_path / "b.zip").write_text("")
    with pytest.raises(OutputError, match=r"b\.zip is already there"):
        export(run, tmp_path / "b", zipped=True)
    with pytest.raises(OutputError, match=r"b\.zip is no bundle that seepseg wrote"):
        export(run, tmp_path / "b", zipped=True, overwrite=True)


def test_a_full_disk_is_told_by_the_name_of_the_bundle_and_leaves_nothing(run, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(OutputError, match=r"b: the bundle cannot be written \(File too large\).*make room"):
            export(run, tmp_path / "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("package", "name"), [("onnx", "onnx"), ("onnxruntime", "onnx"), ("openvino", "openvino")])
def test_a_format_whose_packages_are_missing_names_the_extra(run, tmp_path, monkeypatch, package, name):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf"{package}, which is not installed.*seepseg\[{name}\]"):
        export(run, tmp_path / "b", (name,))


def test_a_format_that_is_not_known_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match="format 'tflite' is unknown; give some of torchscript, onnx, openvino"):
        export(run, tmp_path / "b", ("tflite",))


def test_an_exported_model_is_not_exported_again(made, tmp_path):
    with pytest.raises(UsageError, match="is an exported model already"):
        export(made.path, tmp_path / "b")


def test_thresholds_follow_the_order_of_the_model(tmp_path):
    turned = fit_thresholds(thresholds(NAMES[::-1]), NAMES, tmp_path)
    assert [one.value for one in turned.confidence] == [one.value for one in thresholds().confidence[::-1]]
    assert turned.names == NAMES


def test_the_one_class_of_a_model_is_the_one_class_of_the_thresholds(tmp_path):
    assert fit_thresholds(thresholds(("oil",)), ("item",), tmp_path).names == ("item",)


def test_thresholds_of_other_classes_are_refused_when_asked_for(run, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/best.pt").write_bytes((run / "weights/best.pt").read_bytes())
    write_thresholds(tmp_path / "thresholds.json", thresholds(("a", "b", "c")))
    model = open_model(tmp_path, device="cpu")
    with pytest.raises(UsageError, match=r"thresholds\.json: has thresholds for a, b, c; the classes of the model"):
        _ = model.thresholds


def test_a_lone_pt_without_an_account_makes_a_bundle_too(run, tmp_path):
    file = tmp_path / "some.pt"
    file.write_bytes((run / "weights/best.pt").read_bytes())
    made = export(file, tmp_path / "b", images=2)
    assert made.images == "2 random images"
    assert "the bundle has no thresholds" in made.notes[-1]
    assert open_bundle(tmp_path / "b").facts["training"] is None
