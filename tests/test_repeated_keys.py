import pytest
import yaml

from seepseg.repeated_keys import find_repeated


@pytest.mark.parametrize("text", ["", "a", "a: 1\nb: 1", "a: {b: 1}\nb: {a: 1, b: 2}", "[{a: 1}, {a: 2}]"])
def test_keys_of_different_tables_may_be_the_same(text: str) -> None:
    assert find_repeated(text) == []


def test_each_is_told_with_both_lines_at_any_depth() -> None:
    text = "names:\n  0: oil\n  1: ship\n  0: sheen\nparts:\n- {a: 1, b: 2, a: 3}\nnames: [x]\n"
    assert find_repeated(text) == [
        (4, "0 is given twice, first in line 2; take one out"),
        (6, "a is given twice, first in line 6; take one out"),
        (7, "names is given twice, first in line 1; take one out"),
    ]


def test_an_alias_is_looked_at_once_even_where_it_lies_in_itself() -> None:
    assert find_repeated("a: &x {b: 1, b: 2}\nc: *x\n") == [(1, "b is given twice, first in line 1; take one out")]
    assert find_repeated("a: &x [*x]\n") == []


def test_what_is_no_yaml_stays_its_readers_error() -> None:
    with pytest.raises(yaml.YAMLError):
        find_repeated("a: [")
