"""How the page looks and how it speaks: style, errors as sentences, one legend."""

import logging
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from seepseg.app import session
from seepseg.errors import SeepsegError
from seepseg.palette import Colour, colour_of

_STYLE = Path(__file__).with_name("style.css")
_MARK = Path(__file__).with_name("mark.svg")
ICON = Path(__file__).with_name("icon.svg")
"""In the browser's tab: a file of ours, as the named icons of Streamlit are fetched from elsewhere."""
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$:&^-])")
_log = logging.getLogger("seepseg.app")


def style() -> None:
    """Our few rules on top of Streamlit's theme."""
    st.html(_STYLE)


def mark() -> None:
    """Our name above the pages."""
    st.logo(_MARK.read_text(encoding="utf-8"), size="medium")


def plain(text: str) -> str:
    """Words of strangers, such as file names, as Markdown that shows them letter by letter."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split(" "))).replace("\n", "  \n")


def begin(text: str) -> str:
    """With a capital letter, as a sentence begins."""
    return text[:1].upper() + text[1:]


def say(error: BaseException) -> None:
    """An error as a sentence, where it happened; what nobody foresaw is logged, and gets a number to ask by."""
    st.error(plain(sentence_of(error)), icon=":material/error:")


def sentence_of(error: BaseException) -> str:
    """Without the folders of the server in it."""
    if isinstance(error, SeepsegError):
        return session.without_folders(str(error))
    number = secrets.token_hex(3)
    _log.error("unforeseen (%s)", number, exc_info=error)
    return (
        f"Something went wrong that we did not foresee. It was written to the server's log as {number}; the rest of "
        "the page goes on working. Try once more, or another file."
    )


@contextmanager
def guard() -> Iterator[None]:
    """Errors from inside are said in place; needed in each fragment, which runs without the page around it."""
    try:
        yield
    except Exception as error:
        say(error)


def refused(sentences: Sequence[str], most: int = 5) -> None:
    """What was not taken, each a sentence; the rest behind a fold."""
    if not sentences:
        return
    sentences = [session.without_folders(one) for one in sentences]
    shown, more = sentences[:most], sentences[most:]
    st.warning("  \n".join(plain(one) for one in shown), icon=":material/block:")
    if more:
        with st.expander(f"{len(more):,} more"):
            st.text("\n".join(more))


def grouped(*columns: str, form: str = "%,d") -> dict[str, Any]:
    """How numbers in these columns of a table are written: 3,117, as in sentences. `form` is as `sprintf` has it."""
    return dict.fromkeys(columns, st.column_config.NumberColumn(format=form))


def hex_of(class_id: int) -> str:
    """The colour of a class as CSS has it."""
    return _as_hex(colour_of(class_id))


def legend(names: Sequence[str], counts: Mapping[int, int] | None = None) -> None:
    """A patch of colour and a name for each class; with counts, how many there are, absent classes pale."""
    st.html(f'<ul class="legend" aria-label="Classes">{"".join(_entries(names, counts))}</ul>')


def _entries(names: Sequence[str], counts: Mapping[int, int] | None) -> Iterator[str]:
    for index, name in enumerate(names):
        number = None if counts is None else counts.get(index, 0)
        pale = ' class="absent"' if number == 0 else ""
        tail = "" if number is None else f" <b>{number:,}</b>"
        patch = f'<i style="background:{hex_of(index)}"></i>'
        yield f"<li{pale}>{patch}{escape(name)}{tail}</li>"


def _as_hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
