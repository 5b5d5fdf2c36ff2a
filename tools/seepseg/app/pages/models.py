"""The page Models: which there are on this server, and the card of the one that is chosen."""

import streamlit as st

from seepseg.app.cards import write_card
from seepseg.app.look import plain
from seepseg.app.models import found_models, pick

_NOTHING_KNOWN = "Nothing is written down about this model but its files."
_SAFE = "Models are found on this server alone. A model is a program, so none that a visitor uploads is ever loaded."
_KINDS = {"run": "Training run", "bundle": "Bundle, exported", "weights": "Weights alone"}


def show() -> None:
    """Draw the page."""
    st.title("Models")
    st.caption(_SAFE)
    choice = pick()
    with st.container(border=True):
        st.header(plain(choice.title))
        st.caption(_KINDS[choice.kind])
        st.markdown(write_card(choice.path) or _NOTHING_KNOWN)
    others = found_models()
    if len(others) > 1:
        st.subheader("All models")
        rows = [{"Model": one.title, "What": _KINDS[one.kind]} for one in others]
        st.dataframe(rows, hide_index=True, width="stretch")
        st.caption("Another one is chosen in the menu at the side, and used on all pages.")
