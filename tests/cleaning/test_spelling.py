import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seepseg.cleaning.filters import parse_filters
from seepseg.cleaning.pipeline import Cleaning, Step, parse_cleaning
from seepseg.errors import UsageError

ODD = st.integers(1, 49).map(lambda half: 2.0 * half + 1)
AREA = st.floats(1, 1e12) | st.integers(1, 10_000).map(float)
CLASSES = st.lists(st.sampled_from(["oil", "ship", "look alike", "a:b"]), unique=True).map(tuple)
STEPS = st.one_of(
    st.builds(Step, st.just("median"), ODD),
    st.builds(Step, st.just("gaussian"), st.floats(0.1, 50)),
    st.builds(Step, st.sampled_from(["open", "close"]), st.integers(1, 50).map(float)),
    st.builds(Step, st.sampled_from(["holes", "small"]), AREA, st.booleans()),
    st.builds(Step, st.sampled_from(["holes", "largest"])),
    st.builds(Step, st.just("once"), st.floats(0, 0.99)),
    st.builds(Step, st.just("priority"), classes=CLASSES),
)


@settings(max_examples=40)
@given(st.lists(STEPS, max_size=6).map(lambda steps: Cleaning(tuple(steps))))
def test_cleaning_is_read_back_from_its_own_spelling(cleaning: Cleaning) -> None:
    assert parse_cleaning(str(cleaning)) == cleaning


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("median:3,open:1,close:2", "median:3,open:1,close:2"),
        (" holes , small: 30.0 ", "holes,small:30"),
        ("small:0.5m2,gaussian:1.50", "small:0.5m2,gaussian:1.5"),
        ("priority: ship > oil,priority", "priority:ship>oil,priority"),
        ("", "none"),
        ("none", "none"),
    ],
)
def test_cleaning_has_one_spelling(written: str, canonical: str) -> None:
    assert str(parse_cleaning(written)) == canonical


@pytest.mark.parametrize("text", ["lee:5,clahe:2,gamma:0.7", "equalize", "median:3,gaussian:1.5", "none"])
def test_filters_are_read_back_from_their_own_spelling(text: str) -> None:
    assert str(parse_filters(text)) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("opne:1", r"--clean: no step is called 'opne' \(did you mean open\?\)\nthe steps are median, .*, priority"),
        ("median:4", "--clean: median: needs an odd number from 3 to 99, not 4"),
        ("median", "median: needs an odd number from 3 to 99 behind a colon"),
        ("open:1.5", "open: needs a whole number from 1 to 50, not 1.5"),
        ("close:0", "close: needs a whole number from 1 to 50, not 0"),
        ("gaussian:wide", "gaussian: needs a number from 0.1 to 50, not wide"),
        ("gaussian:nan", "gaussian: needs a number from 0.1 to 50, not nan"),
        ("small:5km2", "small: needs an area, as in small:30 for pixels or small:500m2, not 5km2"),
        ("small:0.5", "small: needs an area, .*, not 0.5"),
        ("small", "small: needs an area, as in small:30 for pixels or small:500m2\n"),
        ("holes:", "holes: needs an area"),
        ("largest:2", "largest: takes nothing behind its name, but has :2"),
        ("priority:oil>oil", "priority: takes names of classes, each once, as in ship>oil; not 'oil>oil'"),
        ("open:1,,close:1", "no step is called ''"),
        ("crf", "crf is not offered: none of the packages .* is maintained and installs"),
    ],
)
def test_what_is_no_cleaning_is_answered_by_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse_cleaning(text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse_filters("lee:2,clahe:0,blur:3")
    assert [line.partition(" ")[2][:8] for line in str(caught.value).splitlines()] == [
        "lee: nee",
        "clahe: n",
        "no step ",
        "steps ar",
    ]
