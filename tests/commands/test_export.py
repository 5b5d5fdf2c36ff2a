import json

import pytest

from make_parity import differing_parity
from make_steady import steady_weights
from seepseg.cli import main
from seepseg.edge import export as module
from seepseg.edge.bundle import open_bundle


@pytest.fixture(scope="module")
def run(torch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "weights").mkdir()
    steady_weights(torch, folder / "weights/best.pt")
    return folder


def test_a_run_is_exported_into_itself_and_the_comparison_shown(run, capsys):
    assert main(["export", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "beside the .pt, on 8 random images" in shown
    assert shown.splitlines()[-1] == f"wrote {run / 'bundle'}"
    assert open_bundle(run / "bundle").formats == ("torchscript",)


def test_programs_get_json_and_sizes(run, tmp_path, capsys):
    assert main(["export", str(run), "--out", str(tmp_path / "b"), "--zip", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(tmp_path / "b.zip")
    assert told["bytes"]["torchscript"] > 1e5
    assert told["parity"][0]["equal"] is True
    assert told["parity"][0]["raw"]["most"] < 1e-3
    assert told["fast"] == {}


def test_another_answer_ends_with_1(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "compare", lambda *others: [differing_parity()])
    assert main(["export", str(run), "--out", str(tmp_path / "b")]) == 1
    assert "2 of 9 instances differ" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--formats", "tflite"], "format 'tflite' is unknown"),
        (["--formats", ","], "give some of torchscript, onnx, openvino"),
        (["--imgsz", "100"], "imgsz 100 is not a multiple of 32"),
        (["--precision", "int8"], "--precision int8 needs --formats onnx or openvino"),
        (["--precision", "int8", "--formats", "onnx"], "nothing says which: give --data DATA.yaml"),
        (["--precision", "int8", "--formats", "onnx", "--data", "gone.yaml"], "gone.yaml: no such file"),
        (["--data", "gone.yaml"], "gone.yaml: no such file"),
        (["--images", "2", "--cpp", "no-such-program"], "no-such-program: no such file; build the runner"),
    ],
)
def test_flags_that_cannot_be_end_with_2(run, tmp_path, capsys, flags, words):
    assert main(["export", str(run), "--out", str(tmp_path / "b"), *flags]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--images", "--calibration", "--judged"])
def test_a_number_of_images_is_one_from_1(run, capsys, flag):
    with pytest.raises(SystemExit, match="2"):
        main(["export", str(run), flag, "0"])
    assert "0: give a number from 1" in capsys.readouterr().err


def test_a_run_that_is_not_there_is_told_as_such(tmp_path, capsys):
    assert main(["export", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such file" in capsys.readouterr().err


def test_a_lone_pt_needs_a_place(run, capsys):
    assert main(["export", str(run / "weights/best.pt")]) == 2
    assert "--out" in capsys.readouterr().err
