"""The runner in C++ beside the .pt: one program, built once."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from edge.conftest import SCALE, chosen_thresholds
from predict.conftest import picture, untrained
from seepseg.edge.bundle import write_manifest
from seepseg.edge.counterparts import match
from seepseg.edge.cpp import build, find_compiler
from seepseg.edge.export import export
from seepseg.outputs.cutting import cut_to_data, cut_to_limits
from seepseg.outputs.verdict import judge
from seepseg.predict.decode import MARGIN
from seepseg.predict.engine import open_model
from seepseg.scaling import Rule, show
from seepseg.values import Detection, Prediction

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler is found")]
LIMITS = [one.value for one in chosen_thresholds().confidence]
SIZES = [(64, 64), (48, 80), (1, 1), (3, 200), (128, 128), (37, 64), (700, 130), (900, 1300)]
"""Heights and widths; 128 × 128 is halved, which OpenCV does in a way of its own."""


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    return build(tmp_path_factory.mktemp("cpp") / "seepseg-edge", flags=("-Wall", "-Wextra", "-Werror"))


@pytest.fixture(scope="module")
def reference(edge_run):
    return open_model(edge_run, engine="torch", device="cpu")


@pytest.fixture
def bundle(edge_bundle, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(edge_bundle, tmp_path / "bundle")


def edit(bundle, **facts):
    file = bundle / "bundle.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))
    return bundle


def run(program, *words):
    command = [str(program), "--threads", "1", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def answer(program, *words):
    done = run(program, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def netpbm(file, pixels):
    """Pixels in OpenCV's order; 16 bits come highest byte first."""
    height, width = pixels.shape[:2]
    most, kind = (255, "u1") if pixels.dtype == np.uint8 else (65535, ">u2")
    head = f"P{5 if pixels.ndim == 2 else 6}\n# a comment\n{width} {height}\n{most}\n"
    file.write_bytes(head.encode() + (pixels if pixels.ndim == 2 else pixels[..., ::-1]).astype(kind).tobytes())
    return file


def as_prediction(told):
    """Masks by COCO's own decoder."""
    found = []
    for one in told["instances"]:
        rle = coco_mask.frPyObjects(one["rle"], told["height"], told["width"])
        mask = coco_mask.decode(rle)
        assert mask.sum() == one["area"]
        found.append(Detection(one["class_id"], one["score"], tuple(one["box"]), mask, 0, 0))
    return Prediction(told["width"], told["height"], tuple(found))


def assert_same(told, model, pixels, limits=LIMITS, nodata=None):
    masks_above = limits if nodata is None else 0.0
    (full,) = model.predict([pixels], conf=0.001, margin=MARGIN, masks_above=masks_above)
    full = cut_to_data(full, nodata, model.task)
    expected, found = cut_to_limits(full, limits), as_prediction(told)
    assert (found.height, found.width) == pixels.shape[:2]
    assert [one["class"] for one in told["instances"]] == [model.names[at] for at in found.class_ids]
    assert found.class_ids.tolist() == expected.class_ids.tolist()
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.02)
    assert match(expected, found, limits).differing == 0
    verdict = judge(full, model.thresholds, model.names)
    assert told["verdict"] == pytest.approx(
        {key: getattr(verdict, key) for key in ("present", "score", "probability", "threshold")}, abs=1e-5
    )
    return len(found)


@pytest.mark.parametrize("colour", [True, False])
def test_answers_are_those_of_the_pt(program, edge_bundle, reference, tmp_path, colour):
    images = [picture(*size, seed=sum(size)) for size in SIZES]
    images = images if colour else [image[..., 0].copy() for image in images]
    files = [netpbm(tmp_path / f"{at}.pnm", image) for at, image in enumerate(images)]
    told = answer(program, edge_bundle, *files)
    assert [one["image"] for one in told] == [file.name for file in files]
    assert sum(assert_same(one, reference, image) for one, image in zip(told, images, strict=True)) > 30


def test_a_file_whose_name_is_no_text_is_shown_without_what_is_none(program, edge_bundle, tmp_path):
    file = netpbm(tmp_path / os.fsdecode(b"\xed\xa0\x80 \xc3\xa9 \xff.ppm"), picture(64, 64))
    (told,) = answer(program, edge_bundle, file)
    assert told["image"] == "\ufffd\ufffd\ufffd \u00e9 \ufffd.ppm"


def test_what_is_too_unsure_for_an_object_still_counts_for_presence(program, bundle, reference, tmp_path):
    said = json.loads((bundle / "bundle.json").read_text())
    for one in said["confidence"].values():
        one["threshold"] = 0.9999
    (told,) = answer(program, edit(bundle, **said), netpbm(tmp_path / "a.pgm", picture(64, 64)))
    assert told["instances"] == []
    assert_same(told, reference, picture(64, 64), [0.9999] * 3)


def test_without_thresholds_it_is_the_usual_one_and_says_so(program, bundle, tmp_path):
    (bundle / "thresholds.json").unlink()
    facts = json.loads((bundle / "bundle.json").read_text())
    write_manifest(bundle, facts | {"confidence": None, "presence": None})
    done = run(program, bundle, netpbm(tmp_path / "a.pgm", picture(64, 64)))
    told = json.loads(done.stdout)
    assert (told["verdict"]["threshold"], told["verdict"]["probability"]) == (0.25, None)
    assert min(one["score"] for one in told["instances"]) > 0.25
    assert "no thresholds are stored in the bundle, so that 0.25 is used" in done.stderr


def test_settings_are_those_of_the_bundle(program, bundle, reference, tmp_path):
    image = picture(64, 64)
    (told,) = answer(program, edit(bundle, iou=0.2, max_det=4, margin=0.5), netpbm(tmp_path / "a.ppm", image))
    (full,) = reference.predict([image], conf=0.001, iou=0.2, max_det=4, margin=0.5)
    assert match(cut_to_limits(full, LIMITS), as_prediction(told), LIMITS).differing == 0
    assert len(told["instances"]) > 1


@pytest.mark.parametrize("kind", ["u1", "<f4"])
def test_values_without_a_head_are_read_by_their_size(program, edge_bundle, reference, tmp_path, kind):
    values = np.random.default_rng(0).normal(-17, 8, (40, 64)).astype(np.float32)
    values[:8], values[8, 8] = SCALE["nodata"], np.nan
    pixels = show(values, Rule.from_json(SCALE))
    (tmp_path / "a.raw").write_bytes((pixels if kind == "u1" else values).astype(kind).tobytes())
    (told,) = answer(program, "--size", "64x40", edge_bundle, tmp_path / "a.raw")
    nodata = (pixels == 0).astype(np.uint8) if kind == "<f4" else None
    assert_same(told, reference, pixels, nodata=nodata)


@pytest.mark.parametrize("empty", [8, 40])
def test_what_lies_where_a_file_holds_no_data_is_no_object(program, edge_bundle, reference, tmp_path, empty):
    values = np.random.default_rng(0).normal(-17, 8, (40, 64)).astype(np.float32)
    values[:, :empty] = SCALE["nodata"]
    (tmp_path / "a.raw").write_bytes(values.tobytes())
    (told,) = answer(program, "--size", "64x40", edge_bundle, tmp_path / "a.raw")
    found = as_prediction(told)
    assert len(found) > 0
    assert not any(one.mask[:, :empty].any() for one in found.detections)
    assert_same(told, reference, show(values, Rule.from_json(SCALE)), nodata=np.uint8(values == SCALE["nodata"]))


def test_sixteen_bits_become_pixels_by_the_rule(program, bundle, reference, tmp_path):
    rule = Rule("db", (10.0, 20.0, 20.0), (70.0, 65.0, 75.0), (3, 1, 2), "amplitude", 0.0)
    values = np.random.default_rng(0).integers(0, 3000, (48, 80, 3)).astype(np.uint16)
    planes = values[..., ::-1].transpose(2, 0, 1)[[2, 0, 1]].astype(np.float32)
    (told,) = answer(program, edit(bundle, scale=rule.as_json()), netpbm(tmp_path / "a.ppm", values))
    nodata = (planes == 0).all(axis=0).astype(np.uint8)
    assert_same(told, reference, rule.apply(planes, planes != 0), nodata=nodata)


def test_a_rule_for_8_bits_may_pick_bands(program, bundle, reference, tmp_path):
    rule = {"kind": "none", "low": [0], "high": [255], "bands": [3], "units": "counts", "nodata": None}
    (told,) = answer(program, edit(bundle, scale=rule), netpbm(tmp_path / "a.ppm", picture(48, 80)))
    assert_same(told, reference, picture(48, 80)[..., 0].copy())


def test_a_class_map_gives_the_parts_of_the_pt(program, torch, tmp_path):
    model = untrained(torch, "yolo26n-sem", 4)
    model.names = {0: "oil", 1: "background", 2: 'a "quoted" one', 3: "Öl"}
    torch.save({"model": model, "train_args": {"imgsz": 64, "task": "semantic"}}, tmp_path / "some.pt")
    images = [picture(64, 64), picture(48, 80), picture(1, 1), picture(200, 90)]
    files = [netpbm(tmp_path / f"{at}.ppm", image) for at, image in enumerate(images)]
    done = run(program, export(tmp_path / "some.pt", tmp_path / "bundle", images=1).path, *files)
    reference = open_model(tmp_path / "some.pt", device="cpu")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    limits = [0.25] * 3
    assert sum(assert_same(one, reference, image, limits) for one, image in zip(found, images, strict=True)) > 10
    assert {one["class_id"] for told in found for one in told["instances"]} == {0, 1, 2}


def test_files_of_any_length_have_the_digest_that_hashlib_gives(program, bundle, tmp_path):
    for length in (0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 2**20, 2**20 + 1):
        (bundle / f"extra{length}").write_bytes(np.random.default_rng(length).bytes(length))
    write_manifest(bundle, json.loads((bundle / "bundle.json").read_text()))
    answer(program, bundle, netpbm(tmp_path / "a.pgm", picture(64, 64)))


def cut_off(bundle):
    file = bundle / "model.torchscript"
    file.write_bytes(file.read_bytes()[:-1])


def turn_a_bit(bundle):
    file = bundle / "model.torchscript"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def fake_model(bundle):
    replace_model(bundle, b"PK\3\4 no model")


def see_frames(bundle):
    """As a network for sequences says of itself."""
    made = io.BytesIO()
    with zipfile.ZipFile(bundle / "model.torchscript") as before, zipfile.ZipFile(made, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            if name.endswith("extra/config.txt"):
                data = json.dumps(json.loads(data) | {"frames": 4}).encode()
            after.writestr(name, data)
    replace_model(bundle, made.getvalue())


def replace_model(bundle, data):
    (bundle / "model.torchscript").write_bytes(data)
    files = json.loads((bundle / "bundle.json").read_text())["files"]
    entry = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edit(bundle, files=files | {"model.torchscript": entry})


def lead_out(bundle):
    (bundle.parent / "secret").write_text("a")
    files = json.loads((bundle / "bundle.json").read_text())["files"]
    edit(bundle, files=files | {"../secret": {"bytes": 1, "sha256": hashlib.sha256(b"a").hexdigest()}})


BROKEN = {
    "a newer format": (lambda bundle: edit(bundle, format=2), "bundle.json: its format is newer"),
    "a cut model": (cut_off, "model.torchscript: is not the file that was exported (another size)"),
    "a changed model": (turn_a_bit, "model.torchscript: is not the file that was exported (its sha256"),
    "another program": (fake_model, "model.torchscript: not a TorchScript model"),
    "a missing file": (lambda bundle: (bundle / "model.onnx").unlink(), "model.onnx: missing"),
    "a strange file": (lambda bundle: (bundle / "b.txt").write_text(""), "b.txt: does not belong to the bundle"),
    "a link": (lambda bundle: (bundle / "b").symlink_to("/"), "b: a link or a special file"),
    "a way out": (lead_out, "../secret: missing, or listed twice"),
    "other names": (
        lambda bundle: edit(bundle, names=["a", "b", "c"], confidence=None),
        "disagrees with the bundle on",
    ),
    "another size": (lambda bundle: edit(bundle, imgsz=96), "disagrees with the bundle on imgsz"),
    "another size that is said to be any": (
        lambda bundle: edit(bundle, imgsz=96, dynamic=True),
        "disagrees with the bundle on imgsz",
    ),
    "a network for sequences": (see_frames, "sees several frames of a sequence at once"),
    "a huge size": (lambda bundle: edit(bundle, imgsz=2**40), "does not say 'imgsz' as it should"),
    "another letterbox": (lambda bundle: edit(bundle, letterbox={"square": False}), "does not say 'square'"),
    "no manifest": (lambda bundle: (bundle / "bundle.json").unlink(), "no bundle.json in it"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_bundle_that_is_not_as_exported_is_refused(program, bundle, tmp_path, name):
    spoil, words = BROKEN[name]
    spoil(bundle)
    assert_refused(run(program, bundle, netpbm(tmp_path / "a.pgm", picture(64, 64))), words)


def assert_refused(done, words):
    assert (done.returncode, done.stdout) == (2, "")
    line = done.stderr.splitlines()[-1]
    assert line.startswith("seepseg-edge: ")
    assert words in line


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"[" * 100_000, b'{"format": 1,}', b'{"format": 1} 2', b'{"format": 1e999}'),
        *(b'{"format": "\\ud800\\u0041"}', b'{"format": "\\u12'),
    ],
)
def test_a_manifest_that_is_no_json_is_refused(program, tmp_path, text):
    (tmp_path / "bundle.json").write_bytes(text)
    done = run(program, tmp_path, tmp_path / "a.pgm")
    assert_refused(done, "bundle.json: ")
    assert "; copy the bundle again, or export it again" in done.stderr


IMAGES = {
    b"": "neither a binary PGM nor PPM",
    b"\xff\xd8\xff\xe0 a JPEG": "neither a binary PGM nor PPM",
    b"P2 1 1 255\n7": "neither a binary PGM nor PPM",
    b"P5 3 2 255\n12345": "is cut off: 5 bytes of pixels instead of 6",
    b"P5 3 2 255\n1234567": "holds more than one image: 7 bytes of pixels instead of 6",
    b"P6 3 2 255\n123456": "is cut off: 6 bytes of pixels instead of 18",
    b"P5 3 2 65535\n123456": "is cut off: 6 bytes of pixels instead of 12",
    b"P5 30000 30000 255\n1": "is cut off: 1 bytes of pixels instead of 900000000",
    b"P5 999999999 999999999 255\n1": "999999999 x 999999999 pixels, which is nothing or too much",
    b"P5 9999999999999999999999 1 255\n1": "its head is damaged",
    b"P5 0 2 255\n": "0 x 2 pixels",
    b"P5 -3 2 255\n123456": "its head is damaged",
    b"P5 3 2": "its head is damaged",
    b"P53 2 255\n123456": "its head is damaged",
    b"P5 #" + b"#" * 100_000: "its head is damaged",
    b"P5 1 1 100\n1": "has values up to 100; save it with 8 bits",
    b"P5 1 1 70000\n1234": "has values up to 70000",
}


def test_broken_images_are_refused_by_name_and_the_others_answered(program, edge_bundle, tmp_path):
    files = []
    for at, data in enumerate(IMAGES):
        files.append(tmp_path / f"{at}.pgm")
        files[-1].write_bytes(data)
    good = netpbm(tmp_path / "good.pgm", picture(64, 64))
    done = run(program, edge_bundle, *files, tmp_path, tmp_path / "none.pgm", good)
    told = done.stderr.splitlines()
    assert (done.returncode, json.loads(done.stdout)["image"]) == (2, "good.pgm")
    for file, line, words in zip(files, told, IMAGES.values(), strict=False):
        assert line.startswith(f"seepseg-edge: {file}: {words}")
    assert [line.rpartition(": ")[2] for line in told[len(files) :]] == ["no file that can be read"] * 2


def test_sixteen_bits_without_a_rule_are_refused(program, bundle, tmp_path):
    file = netpbm(tmp_path / "a.pgm", np.ones((4, 4), np.uint16))
    assert_refused(run(program, edit(bundle, scale=None), file), "a.pgm: holds values of more than 8 bits")


def test_values_beyond_those_of_the_training_are_refused(program, edge_bundle, tmp_path):
    file = netpbm(tmp_path / "a.pgm", np.full((4, 4), 900, np.uint16))
    assert_refused(run(program, edge_bundle, file), "almost all of band 1 lies beyond what the model was trained on")


SLIPS = {
    "": "give a bundle and an image",
    "--conf b a": "--conf is no option",
    "b a --size": "--size lacks its value",
    "--size 4x4x4x4 b a": "--size takes width and height",
    "--size -4x4 b a": "--size takes width and height",
    "--threads 2x b a": "--threads takes a number from 1 to 1024",
}


@pytest.mark.parametrize("words", SLIPS)
def test_a_slip_in_the_command_is_told(program, words):
    done = run(program, *words.split())
    assert_refused(done, SLIPS[words])
    assert done.stderr.endswith("; see --help\n")


def test_an_export_compares_it_too(program, edge_run, tmp_path):
    made = export(edge_run, tmp_path / "bundle", images=5, program=program)
    (found,) = [one for one in made.parities if one.runtime == "c++"]
    assert found.equal
    assert found.instances > 10
    assert (found.raw, found.images) == (None, 5)
    assert found.box_px.most < 0.01


def test_help_is_no_error(program):
    done = run(program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: seepseg-edge [--size WxH[xN]] [--threads N] BUNDLE IMAGE...")
