import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seepseg.labels.coco_scan import Unread, decode_sparing, scan
from seepseg.labels.coco_shapes import text_of

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text('ab"{}[]\\,:', max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("ab{}", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
numbers = st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4), max_size=3)
records = st.dictionaries(
    st.sampled_from(["segmentation", "id", "attributes", '"segmentation": [1]']), values | numbers
)


@given(record=records, indent=st.sampled_from([None, 1]))
@example(record={"attributes": {"segmentation": [1]}, "id": 3}, indent=None)
@example(record={"segmentation": None, "attributes": {"segmentation": [[1, 2]]}}, indent=None)
def test_what_is_left_unread_reads_as_what_was_written(record, indent):
    text = json.dumps(record, indent=indent)
    found, end = decode_sparing(f"[{text}, 5]", 1)
    if isinstance(found.get("segmentation"), Unread):
        found["segmentation"] = json.loads(text_of(found["segmentation"]))
    assert found == record
    assert end == 1 + len(text)


def test_polygons_stay_unread_beside_nested_attributes():
    found, _ = decode_sparing('{"attributes": {"occluded": false}, "segmentation": [[1, 2.5]], "id": 1}', 0)
    assert isinstance(found["segmentation"], Unread)
    assert text_of(found["segmentation"]) == "[[1, 2.5]]"


@pytest.mark.parametrize(
    "numbers", ["[[1,2],[3,4]]", "[[1, 2], [3, 4]]", "[[1, 2] , [3, 4] ]", "[\n [\n  1,\n  2\n ]\n]", "[1, 2]"]
)
def test_polygons_stay_unread_however_they_are_laid_out(numbers):
    record = f'{{"segmentation":{numbers}, "bbox": [[1]], "note": "a]]"}}'
    found, end = decode_sparing(f"{record}, 5", 0)
    assert text_of(found["segmentation"]) == numbers
    assert (found["bbox"], found["note"]) == ([[1]], "a]]")
    assert end == len(record)


@pytest.mark.parametrize("text", ['[["a]]", 1]]', "[[[1]], [[2]]]", '[["}"]]', '{"size": [[1]]}', '"[[1]]"'])
def test_what_only_looks_like_polygons_is_read_as_json(text):
    assert decode_sparing(f'{{"segmentation": {text}, "id": 1}}', 0)[0] == {"segmentation": json.loads(text), "id": 1}


def test_a_name_given_twice_in_a_record_means_its_last_value():
    assert decode_sparing('{"segmentation": [[1, 2]], "segmentation": [3, {}]}', 0)[0] == {"segmentation": [3, {}]}


@given(document=st.dictionaries(st.text(max_size=3), values, max_size=4), indent=st.sampled_from([None, 2]))
def test_an_object_without_long_lists_reads_as_json_reads_it(document, indent):
    assert scan(json.dumps(document, indent=indent), {}) == document


def test_the_elements_of_a_long_list_are_handed_on_in_order():
    handed = []
    members = scan('{"a": [1 , {"b": 2},"c"] , "d": 4}', {"a": lambda index, value: handed.append((index, value))})
    assert handed == [(0, 1), (1, {"b": 2}), (2, "c")]
    assert members == {"a": None, "d": 4}


@pytest.mark.parametrize(
    "text", ['{"a": [1 2]}', '{"a": [1,]}', '{"a": [1}', '{"a": [', '{"a" 1}', '{"a": 1,}', "{a: 1}"]
)
def test_broken_json_is_told_with_its_place(text):
    with pytest.raises(json.JSONDecodeError, match="line 1 column"):
        scan(text, {"a": lambda index, value: None})
