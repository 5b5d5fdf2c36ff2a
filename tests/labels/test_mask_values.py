from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seepseg.errors import SourceError, UsageError
from seepseg.labels.mask_files import NAN
from seepseg.labels.mask_values import (
    IGNORED,
    UNNAMED,
    ValueTable,
    classify,
    colour_table,
    describe,
    index_table,
    parse_values,
    ranges,
)

COLOURS = ((0, "Void"), (0x800000, "Oil"), (0x008000, "Ship"), (0x000080, "Wake"))


def never() -> Iterator[set[int]]:
    raise AssertionError("masks were read though nothing was to be found out")
    yield


def table(
    *names: str, values: str | None = None, background: str | None = None, ignore: str | None = None,
    found: Iterator[set[int]] | None = None,
) -> ValueTable:  # fmt: skip
    return index_table(names, values=values, background=background, ignore=ignore, found=found or never())


def test_values_are_one_to_n_by_default():
    assert table("a", "b", "c").classes == ((1, 0), (2, 1), (3, 2))


def test_ignored_values_are_passed_over_when_counting():
    assert table("a", "b", ignore="2,255").classes == ((1, 0), (3, 1))


def test_values_name_classes_in_their_order():
    assert table("a", "b", values="7,5").classes == ((5, 1), (7, 0))


def test_a_value_for_zero_leaves_no_background():
    assert table("a", "b", values="0-1", ignore="11").background == ()


def test_another_background_leaves_what_the_masks_hold_ascending():
    found = iter([{2}, {1, 2}, {2, 3}])
    assert table("pet", "boundary", background="2", found=found).classes == ((1, 0), (3, 1))


def test_masks_are_read_no_further_than_needed():
    def found() -> Iterator[set[int]]:
        yield {1, 2, 3}
        yield from never()

    assert table("pet", "boundary", background="2", found=found()).background == (2,)


@pytest.mark.parametrize("found", [[{1, 2}], [{0, 1, 2, 3}]])
def test_more_or_fewer_values_than_names_are_an_error(found: list[set[int]]):
    with pytest.raises(SourceError, match="say which value each name has with --values"):
        table("pet", "boundary", background="2", found=iter(found))


@pytest.mark.parametrize(
    ("values", "background", "ignore", "problem"),
    [
        ("1,2", "1", None, "mask value 1 is both background and a"),
        ("1,2", None, "2", "mask value 2 is both ignored and b"),
        ("1", None, None, "1 values for 2 names"),
        ("1,x", None, None, "'x' is not a whole number"),
        ("9-1", None, None, "not a range"),
        ("0-9999999999", None, None, "too wide"),
    ],
)
def test_settings_that_contradict_are_refused(values: str, background: str, ignore: str, problem: str):
    with pytest.raises(UsageError, match=problem):
        table("a", "b", values=values, background=background, ignore=ignore)


def test_values_are_parsed_in_order():
    assert parse_values("255,-1, 3-5,nan", "--ignore") == (255, -1, 3, 4, 5, NAN)
    assert parse_values("none", "--ignore") == ()


@given(st.sets(st.integers(-300, 300), min_size=1))
def test_ranges_are_parsed_back(values: set[int]):
    assert set(parse_values(ranges(values), "--ignore")) == values


def test_the_table_is_told():
    sentence = describe(table("a", "b", ignore="254-255"))
    assert sentence == "mask values: 0 = background; 1 = a; 2 = b; 254-255 = ignored"


def test_one_name_takes_one_or_255():
    assert describe(table("oil")) == "mask values: 0 = background; 1, 255 or 65535 = oil"


def test_black_is_background_and_each_other_colour_a_class():
    got = colour_table(COLOURS, None, background=None, ignore=None)
    assert got.names == ("Oil", "Ship", "Wake")
    assert describe(got).startswith("mask values: #000000 Void = background; #800000 Oil = Oil;")


def test_background_and_ignore_go_by_name_or_colour():
    got = colour_table(COLOURS, None, background="oil", ignore="Void,#000080")
    assert (got.names, got.background, got.ignore) == (("Ship",), (0x800000,), (0, 0x000080))


def test_names_choose_and_order_the_classes():
    got = colour_table(COLOURS, ["Wake", "Oil"], background=None, ignore=None)
    assert got.classes == ((0x000080, 0), (0x800000, 1))


@pytest.mark.parametrize("flag", ["names", "background", "ignore"])
def test_a_name_that_the_table_lacks_is_refused(flag: str):
    settings = {"names": None, "background": None, "ignore": None, flag: "Dock"}
    names = ["Dock"] if flag == "names" else None
    with pytest.raises(UsageError, match=rf"--{flag} Dock"):
        colour_table(COLOURS, names, background=settings["background"], ignore=settings["ignore"])


@given(
    st.permutations(range(-2, 12)),
    st.sampled_from([np.uint8, np.int16, np.uint16, np.int64]),
    st.integers(0, 2**32 - 1),
)
def test_every_kind_of_number_is_classified_alike(order: list[int], kind: type, seed: int):
    classes, background, ignore = order[:4], order[4:6], order[6:8]
    got = ValueTable(
        tuple("abcd"), tuple(sorted(zip(classes, range(4), strict=True))), tuple(background), tuple(ignore)
    )
    low = max(-4, np.iinfo(kind).min)
    values = np.random.default_rng(seed).integers(low, 16, (9, 7)).astype(kind)
    known = {value: number + 1 for number, value in enumerate(classes)}
    known |= dict.fromkeys(background, 0) | dict.fromkeys(ignore, IGNORED)
    expected = [[known.get(value, UNNAMED) for value in row] for row in values.tolist()]
    assert classify(values, got).tolist() == expected
