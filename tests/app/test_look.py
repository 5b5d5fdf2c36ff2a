import logging
from html.parser import HTMLParser
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from seepseg.app.look import hex_of, plain
from seepseg.errors import SourceError
from seepseg.palette import colour_of


def run(script: Any, *values: Any) -> AppTest:
    return AppTest.from_function(script, args=values).run()


def guarded(error: Exception) -> None:
    import streamlit as st

    from seepseg.app import look

    with look.guard():
        raise error
    st.write("the rest")


def test_an_error_of_ours_is_a_sentence_in_place_and_the_page_goes_on() -> None:
    page = run(guarded, SourceError("tile is cut off"))
    assert (page.error[0].value, page.markdown[0].value) == ("tile is cut off", "the rest")
    assert not page.exception


def test_what_nobody_foresaw_is_logged_under_the_number_that_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "seepseg.app"):
        page = run(guarded, ZeroDivisionError("secret path"))
    record = caplog.records[0]
    assert "secret" not in page.error[0].value
    assert record.args is not None
    assert str(record.args[0]) in page.error[0].value
    assert record.exc_info is not None


def test_a_file_name_is_shown_letter_by_letter() -> None:
    assert plain("a_b*c*[x](http://y) `z` :red[q] $1$") == (
        r"a\_b\*c\*\[x\]\(http\:\/\/y\) \`z\` \:red\[q\] \$1\$".replace(r"\/", "/")
    )


def test_lines_stay_lines() -> None:
    assert plain("one\ntwo") == "one  \ntwo"


def test_a_class_has_the_colour_of_the_palette() -> None:
    assert bytes.fromhex(hex_of(2)[1:]) == bytes(colour_of(2))


def legend() -> None:
    from seepseg.app import look

    look.legend(["oil", "<b>look-alike</b>"], {0: 3})


def test_the_legend_shows_names_and_counts_as_text() -> None:
    words: list[str] = []
    parser = HTMLParser()
    parser.handle_data = words.append  # type: ignore[method-assign]
    parser.feed(run(legend).get("html")[0].proto.body)
    assert [word.strip() for word in words if word.strip()] == ["oil", "3", "<b>look-alike</b>", "0"]


def refusals() -> None:
    from seepseg.app import look

    look.refused([f"{number}.svg: is an SVG" for number in range(8)])


def test_many_refusals_are_all_there_and_few_are_open() -> None:
    page = run(refusals)
    assert page.warning[0].value.count("SVG") == 5
    assert page.expander[0].label == "3 more"
    assert page.text[0].value.count("SVG") == 3
