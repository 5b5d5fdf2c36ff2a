import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from make import ragged
from make_dataset import write_dataset
from seepseg.dataset import truth
from seepseg.dataset.truth import annotations_path, count_rows, read_truth, stream
from seepseg.errors import DatasetError

VALUES = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    document=st.dictionaries(st.text(), VALUES, max_size=3),
    wanted=st.lists(st.dictionaries(st.text(), VALUES, max_size=2), max_size=5),
    window=st.integers(1, 40),
    indent=st.none() | st.just(1),
)
def test_a_list_is_read_as_json_reads_it_whatever_stands_around(tmp_path_factory, document, wanted, window, indent):
    file = tmp_path_factory.mktemp("json") / "a.json"
    file.write_text(json.dumps({**document, "wanted": wanted, "after": [1]}, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truth, "_CHUNK", window)
        assert list(stream(file, "wanted")) == wanted


@pytest.mark.parametrize("text", ["", "[]", '{"images": [{"id": 1}', '{"images" 1}', '{"images": [1 2}'])
def test_a_broken_file_is_named(tmp_path, text):
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(DatasetError, match=r"a\.json: not readable as JSON"):
        list(stream(file, "images"))


def test_the_truth_of_the_wanted_images_alone_is_read(tmp_path):
    masks = {f"{name}.png": ragged(np.random.default_rng(1), 20, 30) for name in "ab"}
    root = write_dataset(tmp_path, {"val": masks})
    found = read_truth(annotations_path(root, "val"), {"b.png"})
    assert list(found) == ["b.png"]
    parts = [{"size": [20, 30], "counts": one.rle} for one in found["b.png"].objects]
    assert np.array_equal(coco_mask.decode(coco_mask.merge(parts)), masks["b.png"])


def test_a_crowd_is_told_from_an_object(tmp_path):
    root = write_dataset(tmp_path, {"val": {"a.png": np.diag([1, 1, 0, 1]).astype(np.uint8)}})
    file = annotations_path(root, "val")
    document = json.loads(file.read_text())
    document["annotations"][1]["iscrowd"] = 1
    file.write_text(json.dumps(document))
    assert [one.crowd for one in read_truth(file, {"a.png"})["a.png"].objects] == [False, True]


def test_rows_are_counted_for_images_without_objects_too(tmp_path):
    masks = {"a.png": np.eye(12, dtype=np.uint8), "b.png": np.zeros((12, 12), np.uint8)}
    root = write_dataset(tmp_path, {"val": masks})
    assert count_rows(annotations_path(root, "val")) == {"a.png": 1, "b.png": 0}
