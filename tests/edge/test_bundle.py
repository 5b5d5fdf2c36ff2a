import json
import zipfile

import pytest

from seepseg.edge.bundle import LETTERBOX, MANIFEST, is_bundle, open_bundle, write_manifest
from seepseg.edge.packing import pack
from seepseg.errors import UsageError

FACTS = {
    "task": "segment",
    "names": ["oil", "ship"],
    "background": None,
    "imgsz": 64,
    "stride": 32,
    "dynamic": False,
    "models": {"torchscript": {"precision": "fp32"}},
    "confidence": {"oil": {"threshold": 0.4}},
    "presence": None,
}
PROGRAM = b"a program" * 50


def make_bundle(folder, **facts):
    folder.mkdir()
    (folder / "model.torchscript").write_bytes(PROGRAM)
    chosen = {"confidence": FACTS["confidence"], "presence": None}
    (folder / "thresholds.json").write_text(json.dumps(chosen))
    write_manifest(folder, FACTS | facts)
    return folder


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "bundle")


def edit(folder, **facts):
    """Without listing the files anew."""
    said = json.loads((folder / MANIFEST).read_text()) | facts
    (folder / MANIFEST).write_text(json.dumps(said))


def packed(folder, file, prefix="", more=(), method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(file, "w", method) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, prefix + path.name)
        for name, content in more:
            archive.writestr(name, content)
    return file


def test_a_bundle_is_read_as_it_was_written(bundle):
    found = open_bundle(bundle)
    assert (found.names, found.imgsz, found.stride, found.formats) == (("oil", "ship"), 64, 32, ("torchscript",))
    assert found.read("model.torchscript") == PROGRAM


def test_a_zip_of_a_bundle_is_a_bundle(bundle, tmp_path):
    pack(bundle, tmp_path / "b.zip")
    assert is_bundle(tmp_path / "b.zip")
    found = open_bundle(tmp_path / "b.zip")
    assert found.read("model.torchscript") == PROGRAM
    assert found.sha256("torchscript") == open_bundle(bundle).sha256("torchscript")


def test_a_folder_packed_by_hand_is_a_bundle_too(bundle, tmp_path):
    assert open_bundle(packed(bundle, tmp_path / "b.zip", "some/")).read("model.torchscript") == PROGRAM


def test_packing_gives_the_same_bytes_each_time(bundle, tmp_path):
    for name in ("a.zip", "b.zip"):
        pack(bundle, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_entries_that_a_reader_does_not_know_are_no_fault(bundle):
    edit(bundle, colour="blue", models=FACTS["models"] | {"coreml": {}})
    assert open_bundle(bundle).formats == ("torchscript",)


def test_a_letterbox_may_say_more_than_a_reader_knows(bundle):
    edit(bundle, letterbox=LETTERBOX | {"colour": "grey"})
    assert open_bundle(bundle).imgsz == 64


def test_models_of_bits_that_a_reader_does_not_know_are_no_fault(bundle):
    edit(bundle, fast={"onnx": {"precision": "int2"}, "coreml": {"precision": "int8"}})
    assert open_bundle(bundle).fast == {}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"format": 2}, "format 2 is newer than this version of seepseg reads"),
        ({"format": 0}, "format 0 is unknown"),
        ({"format": "1"}, "format '1' is unknown"),
        ({"names": "oil"}, "does not say 'names'"),
        ({"names": [1]}, "its names of classes are damaged"),
        ({"imgsz": 65}, "imgsz 65 and stride 32 don't go together"),
        ({"imgsz": True}, "does not say 'imgsz'"),
        ({"imgsz": 2**20}, "imgsz 1048576 is more than any model takes"),
        ({"letterbox": {"square": False}}, "its 'letterbox' is not the way in which"),
        ({"letterbox": "square"}, "its 'letterbox' is not the way in which"),
        ({"scale": "db"}, "its 'scale' is no rule that is known"),
        ({"scale": {"kind": "sqrt", "bands": [1], "low": [0], "high": [1]}}, "its 'scale' is no rule that is known"),
        ({"scale": {"kind": "db", "bands": [1], "low": [0, 1], "high": [1]}}, "its 'scale' is no rule that is known"),
        ({"fast": [1]}, "does not say 'fast'"),
        ({"fast": {"onnx": "int8"}}, "does not say 'fast'"),
        ({"fast": {"onnx": {"precision": "int8"}}}, "says that it holds 'onnx in int8', which it does not"),
        ({"models": {"onnx": {}}}, "says that it holds 'onnx', which it does not"),
        ({"files": [1]}, "its list of files is damaged"),
        ({"files": {"../a": {"bytes": 1, "sha256": ""}}}, "its list of files is damaged"),
        ({"files": {"a": {"bytes": 2**40, "sha256": ""}}}, "come to more than 4 GiB"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused_by_name(bundle, facts, words):
    edit(bundle, **facts)
    with pytest.raises(UsageError, match=f"bundle.*{words}"):
        open_bundle(bundle)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "[" * 100_000])
def test_a_damaged_manifest_is_refused(bundle, text):
    (bundle / MANIFEST).write_text(text)
    with pytest.raises(UsageError, match=r"bundle\.json: damaged"):
        open_bundle(bundle)


def test_a_tampered_file_is_refused(bundle):
    (bundle / "model.torchscript").write_bytes(PROGRAM[:-1] + b"!")
    with pytest.raises(UsageError, match=r"model\.torchscript: is not the file that was exported \(its sha256"):
        open_bundle(bundle)


def test_a_truncated_file_is_refused(bundle):
    (bundle / "model.torchscript").write_bytes(PROGRAM[:-1])
    with pytest.raises(UsageError, match=r"model\.torchscript.*449 bytes instead of 450"):
        open_bundle(bundle)


def test_swapped_files_are_refused(bundle, tmp_path):
    (bundle / "model.torchscript").replace(tmp_path / "kept")
    (bundle / "thresholds.json").replace(bundle / "model.torchscript")
    (tmp_path / "kept").replace(bundle / "thresholds.json")
    with pytest.raises(UsageError, match=r"is not the file that was exported"):
        open_bundle(bundle)


def test_a_missing_file_is_refused(bundle):
    (bundle / "model.torchscript").unlink()
    with pytest.raises(UsageError, match=r"model\.torchscript: missing"):
        open_bundle(bundle)


def test_a_file_that_is_not_listed_is_refused(bundle):
    (bundle / "more.py").write_text("")
    with pytest.raises(UsageError, match=r"more\.py: does not belong to the bundle"):
        open_bundle(bundle)


def test_a_link_is_refused(bundle, tmp_path):
    (bundle / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="link: a link or a special file"):
        open_bundle(bundle)


def test_thresholds_that_are_not_those_of_the_manifest_are_refused(bundle):
    edit(bundle, confidence={"oil": {"threshold": 0.1}})
    with pytest.raises(UsageError, match=r"thresholds\.json: does not agree with bundle\.json"):
        open_bundle(bundle)


def test_a_file_that_changes_after_it_was_checked_is_not_used(bundle):
    found = open_bundle(bundle)
    (bundle / "model.torchscript").write_bytes(PROGRAM[::-1])
    with pytest.raises(UsageError, match="its sha256 is not the one"):
        found.read("model.torchscript")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "c:evil", "a\\evil"])
def test_a_zip_that_leads_out_of_itself_is_refused(bundle, tmp_path, name):
    file = packed(bundle, tmp_path / "b.zip", more=[(name, "")])
    with pytest.raises(UsageError, match="leads out of the bundle"):
        open_bundle(file)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_two_files_of_a_name_is_refused(bundle, tmp_path):
    file = packed(bundle, tmp_path / "b.zip", more=[("model.torchscript", "other")])
    with pytest.raises(UsageError, match="two files of one name"):
        open_bundle(file)


def test_a_zip_of_too_many_files_is_refused(bundle, tmp_path):
    file = packed(bundle, tmp_path / "b.zip", more=[(str(number), "") for number in range(300)])
    with pytest.raises(UsageError, match="more than 200 files"):
        open_bundle(file)


@pytest.mark.parametrize("cut", [0, 10, 300, -30])
def test_a_zip_that_is_cut_off_is_refused(bundle, tmp_path, cut):
    data = packed(bundle, tmp_path / "b.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[:cut])
    with pytest.raises(UsageError, match=r"cut\.zip: not a \.zip that can be read"):
        open_bundle(tmp_path / "cut.zip")


def test_a_zip_without_its_beginning_is_refused(bundle, tmp_path):
    data = packed(bundle, tmp_path / "b.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[20:])
    with pytest.raises(UsageError, match=r"cut\.zip: not a \.zip that can be read"):
        open_bundle(tmp_path / "cut.zip")


def test_a_zip_whose_names_are_damaged_is_refused(bundle, tmp_path):
    file = packed(bundle, tmp_path / "b.zip", more=[("é", "")])
    file.write_bytes(file.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(UsageError, match=r"b\.zip: not a \.zip that can be read"):
        open_bundle(file)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_a_small_device_cannot_unpack_is_refused(bundle, tmp_path, method):
    with pytest.raises(UsageError, match=r"b\.zip: packed in a way that not every device can unpack"):
        open_bundle(packed(bundle, tmp_path / "b.zip", method=method))


def test_a_zip_whose_bytes_changed_is_refused(bundle, tmp_path):
    file = packed(bundle, tmp_path / "b.zip")
    data = bytearray(file.read_bytes())
    data[data.index(PROGRAM) + 7] ^= 1
    file.write_bytes(data)
    with pytest.raises(UsageError, match=r"b\.zip"):
        open_bundle(file)


def test_a_zip_that_is_no_bundle_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("a/b.txt", "hello")
    with pytest.raises(UsageError, match=r"no bundle\.json in it"):
        open_bundle(tmp_path / "b.zip")
