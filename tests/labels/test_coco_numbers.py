import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seepseg.labels.coco_numbers import read_decimals

decimals = st.one_of(
    st.integers(-(10**17), 10**17).map(str),
    st.floats(-1e4, 1e4).map(repr),
    st.tuples(st.floats(-1e4, 1e4), st.integers(0, 25)).map(lambda pair: f"{pair[0]:.{pair[1]}f}"),
)
parts = st.lists(st.lists(decimals, min_size=1, max_size=5), min_size=1, max_size=4)


@settings(max_examples=300)
@given(parts=parts, comma=st.sampled_from([",", ", "]))
@example(parts=[["0.1", "-0"], ["123456.789"]], comma=",")
def test_numbers_are_those_that_json_reads_bit_for_bit(parts, comma):
    found = read_decimals([comma.join(part) for part in parts])
    if found is not None:
        assert [part.tolist() for part in found] == [[float(number) for number in part] for part in parts]


def test_coordinates_as_tools_write_them_are_read():
    found = read_decimals(["1.5,2,0.25,-3", "100.123456, 7, 0"])
    assert [part.tolist() for part in found] == [[1.5, 2, 0.25, -3], [100.123456, 7, 0]]


@settings(max_examples=1000)
@given(parts=st.lists(st.text("015.,- ", max_size=6), min_size=1, max_size=3))
@example(parts=["1,2", "", "3"])
def test_what_json_refuses_is_never_read(parts):
    found = read_decimals(parts)
    if found is not None:
        assert [part.tolist() for part in found] == [json.loads(f"[{part}]") for part in parts]


@pytest.mark.parametrize(
    "text", ["01", "-01", "1, 02", ".5", "1.", "1.2.3", "+1", "--1", "1-2", "1 2", "1,,2", "1,", ",1", "", "1e5", "é"]
)
def test_anything_unusual_is_left_to_json(text):
    assert read_decimals([text]) is None


@pytest.mark.parametrize("text", ["9007199254740993", "9" * 40, "-" + "9" * 40, "0." + "0" * 23 + "1"])
def test_more_digits_than_a_double_holds_are_left_to_json(text):
    assert read_decimals([text]) is None
