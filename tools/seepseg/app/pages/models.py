"""The page Models: which there are on this server, and the card of the one that is chosen."""

import streamlit as st

from seepseg.app.look import plain
from seepseg.app.models import choose, found_models

_SAFE = "Models are found on this server alone. A model is a program, so none that a visitor uploads is ever loaded."
_KINDS = {"run": "Training run", "bundle": "Bundle, exported", "weights": "Weights alone"}


def show() -> None:
    """Draw the page."""
    st.title("Models")
    st.caption(_SAFE)
    loaded = choose()
    with st.container(border=True):
        st.header(plain(loaded.choice.title))
        st.caption(_KINDS[loaded.choice.kind])
        st.markdown(loaded.card)
    others = found_models()
    if len(others) > 1:
        st.subheader("All models")
        rows = [{"Model": one.title, "What": _KINDS[one.kind]} for one in others]
        st.dataframe(rows, hide_index=True, width="stretch")
        st.caption("Another one is chosen in the menu at the side, and used on all pages.")
