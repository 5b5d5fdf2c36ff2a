import pytest
from hypothesis import given
from hypothesis import strategies as st

from seepseg.errors import SourceError
from seepseg.labels.class_names import clean_names, read_merges, tell_cases


def test_line_breaks_and_tabs_become_single_spaces() -> None:
    assert clean_names(["oil\r\n spill", "\tship ", "a\x1b[0m"]) == ("oil spill", "ship", "a [0m")


@pytest.mark.parametrize("name", ["öl", "🛢️ oil", "no", "a: b", '"x"', "👩‍🚀"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert clean_names([name]) == (name,)


def test_names_that_become_equal_are_refused_with_both() -> None:
    with pytest.raises(SourceError, match=r"'oil\\nspill' and 'oil spill' are both 'oil spill'"):
        clean_names(["oil\nspill", "ship", "oil spill"])


def test_a_blank_name_is_refused() -> None:
    with pytest.raises(SourceError, match=r"'\\n' is blank"):
        clean_names(["ship", "\n"])


@given(name=st.text(st.characters(exclude_categories=["Cs"])).filter(lambda name: name.strip()))
def test_a_cleaned_name_is_one_line_and_clean(name: str) -> None:
    try:
        (clean,) = clean_names([name])
    except SourceError:
        assert not any(character.isprintable() and not character.isspace() for character in name)
        return
    assert len(clean.splitlines()) == 1
    assert "\t" not in clean
    assert clean_names([clean]) == (clean,)


def test_names_that_capitals_alone_tell_apart_are_told_with_the_way_to_join_them() -> None:
    (note,) = tell_cases(["Oil", "ship", "oil"], merge=True)
    assert note.endswith("; --merge 'oil=Oil,oil' makes them one")
    assert read_merges(["Oil", "ship", "oil"], ["oil=Oil,oil"]) == {"Oil": "oil", "oil": "oil"}
    assert tell_cases(["oil", "ship"]) == []
