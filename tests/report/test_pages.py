import pytest
from hypothesis import given
from hypothesis import strategies as st

from read_page import Page
from seepseg.report.pages import Html, element, escape, join, page, table

HOSTILE = '<script>alert("x")</script>&amp;\'"</td>'


def test_text_is_escaped_and_markup_is_not():
    assert element("p", "a < b & c", Html("<b>d</b>")) == "<p>a &lt; b &amp; c<b>d</b></p>"


def test_an_attribute_cannot_be_left_by_a_quote():
    ((_, attributes),) = Page(element("p", title=HOSTILE)).tags
    assert attributes == {"title": HOSTILE}


def test_names_of_attributes_that_python_reserves():
    assert (
        element("p", class_="a", data_kind="b", hidden=True, open=False, id=None)
        == '<p class="a" data-kind="b" hidden></p>'
    )


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_words_stay_in_their_cells(words):
    read = Page(table(["Name"], [[word] for word in words]))
    assert {tag for tag, _ in read.tags} == {"div", "table", "thead", "tbody", "tr", "th"}


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\x85", "\udc80", "\ufffe"])
def test_letters_that_no_page_may_hold_are_replaced(letter):
    assert escape(f"a{letter}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_escaped_text_is_not_escaped_again():
    assert join(escape("&")) == "&amp;"


def test_a_page_is_whole_and_forbids_itself_the_network():
    read = Page(page(HOSTILE, element("h1", HOSTILE)))
    assert ("meta", {"charset": "utf-8"}) in read.tags
    policy = next(attributes for tag, attributes in read.tags if attributes.get("http-equiv"))
    assert policy["content"].startswith("default-src 'none'")
    assert sum(tag == "script" for tag, _ in read.tags) == 1
