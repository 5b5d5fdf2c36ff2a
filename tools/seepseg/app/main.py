"""The frame of the page: its look, and the way between its parts."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from threading import Thread

import streamlit as st

from seepseg import __version__, ultralytics_home
from seepseg.app import look

ABOUT = f"""**seepseg {__version__}** finds oil seeps and spills in SAR and aerial images.

What it marks is *potential* oil: wind, rain and algae can look the same. Files that you upload stay on this server,
are seen by nobody else, and are removed when you leave."""
PAGES = (
    ("analyse", "Analyse", ":material/search:"),
    ("batch", "Batch", ":material/stacks:"),
    ("data", "Data", ":material/dataset:"),
    ("training", "Training", ":material/monitoring:"),
    ("models", "Models", ":material/neurology:"),
)
"""Module, title, icon; the first is where one arrives."""


def main() -> None:
    """One run of the page."""
    st.set_page_config(
        page_title="seepseg",
        page_icon=str(look.ICON),
        layout="wide",
        initial_sidebar_state="auto",
        menu_items={"About": ABOUT, "Get help": None, "Report a bug": None},
    )
    look.style()
    look.mark()
    _warm()
    pages = [
        st.Page(_page(module), title=title, icon=icon, url_path=module, default=not index)
        for index, (module, title, icon) in enumerate(PAGES)
    ]
    st.navigation(pages).run()


@st.cache_resource(show_spinner=False)
def _warm() -> Thread:
    """What a model needs takes seconds to import: begun once, while the first visitor still looks around."""
    thread = Thread(target=_import_network, name="warm", daemon=True)
    thread.start()
    return thread


def _import_network() -> None:
    ultralytics_home.prepare()
    for module in ("seepseg.predict.torch_network", "ultralytics.nn.tasks"):
        import_module(module)


def _page(module: str) -> Callable[[], None]:
    """A page is imported when it is opened, so that the first one is there at once."""
    return partial(_show, module)


def _show(module: str) -> None:
    with look.guard():
        import_module(f"seepseg.app.pages.{module}").show()
