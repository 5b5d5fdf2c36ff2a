import json
import shutil

import numpy as np
import pytest
from PIL import Image

from predict.conftest import picture
from seepseg.edge import runtime
from seepseg.edge.__main__ import main
from seepseg.edge.answer import answer_as_json
from seepseg.edge.runtime import load_bundle


@pytest.fixture
def tile(tmp_path):
    Image.fromarray(picture(48, 80)[..., ::-1]).save(tmp_path / "tile.ppm")
    return tmp_path / "tile.ppm"


def test_json_is_what_the_runtime_answers(edge_bundle, tile, capsys):
    assert main([str(edge_bundle), str(tile), "--json", "--engine", "onnx"]) == 0
    expected = load_bundle(edge_bundle, engine="onnx").answer(picture(48, 80))
    told = json.loads(capsys.readouterr().out)
    assert told == answer_as_json("tile.ppm", expected)
    assert told["instances"]


def test_without_json_it_is_for_people(edge_bundle, tile, capsys):
    assert main([str(edge_bundle), str(tile), "--engine", "onnx", "--threads", "1"]) == 0
    assert "tile.ppm: holds something (confidence 0." in capsys.readouterr().out


def test_values_without_a_head_are_read_by_size(edge_bundle, tmp_path, capsys):
    (tmp_path / "a.raw").write_bytes(np.ascontiguousarray(picture(48, 80)[..., ::-1]).tobytes())
    assert main([str(edge_bundle), str(tmp_path / "a.raw"), "--size", "80x48x3", "--engine", "onnx"]) == 0
    assert "a.raw: holds something" in capsys.readouterr().out


def test_an_array_holds_the_bands_that_the_model_takes_whichever_they_are(edge_bundle, tmp_path, capsys):
    bundle = shutil.copytree(edge_bundle, tmp_path / "bundle")
    said = json.loads((bundle / "bundle.json").read_text())
    said["scale"]["bands"] = [2]
    (bundle / "bundle.json").write_text(json.dumps(said))
    values = np.random.default_rng(0).normal(-17, 8, (48, 80)).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    assert main([str(bundle), str(tmp_path / "a.npy"), "--json", "--engine", "onnx"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == answer_as_json("a.npy", load_bundle(bundle, engine="onnx").answer(values))
    assert told["verdict"]["score"] > 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["nowhere", "TILE"], "nowhere: no bundle"),
        (["BUNDLE", "nowhere"], "nowhere: not readable"),
        (["BUNDLE", "TILE", "--size", "4"], "--size 4: give width and height"),
        (["BUNDLE", "TILE", "--threads", "0"], "--threads 0: give a number from 1"),
        (["BUNDLE", "TILE", "--size", "80x48"], "tile.ppm"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_exit_2(edge_bundle, tile, capsys, flags, words):
    known = {"BUNDLE": str(edge_bundle), "TILE": str(tile)}
    assert main([known.get(flag, flag) for flag in flags]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("seepseg: ")
    assert words in told.err


def test_too_little_memory_is_a_sentence_too(edge_bundle, tile, monkeypatch, capsys):
    def refuse(*_, **__):
        raise MemoryError

    monkeypatch.setattr(runtime, "of_bundle", refuse)
    assert main([str(edge_bundle), str(tile)]) == 2
    assert capsys.readouterr().err == f"seepseg: {edge_bundle} with {tile} needs more memory than there is\n"


def test_a_bundle_that_may_not_be_read_is_a_sentence_too(edge_bundle, tile, monkeypatch, capsys):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "model.onnx")

    monkeypatch.setattr(runtime, "of_bundle", refuse)
    assert main([str(edge_bundle), str(tile)]) == 2
    assert capsys.readouterr().err == "seepseg: model.onnx: Permission denied\n"
