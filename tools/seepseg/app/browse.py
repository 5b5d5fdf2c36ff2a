"""Many pictures to look through: a grid that fits any width, page by page."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import streamlit as st

from seepseg.report.pages import Html, data_uri, element
from seepseg.wording import count

Item = TypeVar("Item")
A_PAGE = 12
_STYLE = Path(__file__).with_name("browse.css")


def style() -> None:
    """What grids, and drawings and tables of the report, look like in the page."""
    st.html(_STYLE)


def ink() -> str:
    """The colour of letters in this visitor's theme, for drawings that can't take it from the page."""
    return {"light": "#1c2a33", "dark": "#e6ecef"}.get(st.context.theme.type or "", "#7a868e")


def grid(figures: Iterable[Html], *, wide: bool = False) -> None:
    """As many beside each other as there is room for; `wide` are sheets of several pictures each."""
    st.html(element("div", figures, class_="gallery wide" if wide else "gallery"))


def figure(jpeg: bytes | None, alt: str, *caption: Html) -> Html:
    """One picture with its words; without a picture, its place stays."""
    picture = element("div", class_="nothing") if jpeg is None else element("img", src=data_uri(jpeg), alt=alt)
    return element("figure", picture, element("figcaption", *caption))


def choose_page(items: Sequence[Item], what: str = "image", most: int = A_PAGE) -> Sequence[Item]:
    """The items of the page that the visitor turned to."""
    pages = -(-len(items) // most)
    number = 1
    if pages > 1:
        number = st.number_input(f"Page, of {pages:,} ({count(len(items), what)})", 1, pages, 1, width=240)
    return items[most * (number - 1) : most * number]
