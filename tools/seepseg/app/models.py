"""The models that visitors may choose from: runs and bundles that lie on the server, and nothing else ever."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from seepseg.app import look
from seepseg.app.cards import card_of, read_about
from seepseg.app.settings import Settings, name_apart, read_settings
from seepseg.edge.bundle import MANIFEST, is_bundle
from seepseg.errors import SeepsegError
from seepseg.train.record import RUNNING

if TYPE_CHECKING:
    from seepseg.predict.engine import Model

REFERENCE = "sos"
"""The run that ships with the repository."""
NONE_FOUND = """**No model was found.** Models are looked for in `{runs}`.

Train one, or tell the server where yours are, then load this page again:

```
seepseg train datasets/<name>/data.yaml --name <run>
seepseg app --models DIR
```"""
_DEPTH = 2
"""Folders below runs/ in which runs may lie."""
_KEPT = 2
"""Models in memory at once; a visitor who still uses an older one keeps it."""
_CHOSEN = "seepseg model"


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that could be loaded."""

    path: Path
    title: str
    """Unlike that of any other."""
    kind: str
    """'run', 'bundle' or 'weights'."""
    under_way: bool = False
    """Its training is not finished."""

    @property
    def stamp(self) -> int:
        """Another one where the files changed since."""
        files = (self.path / "weights" / "best.pt", self.path / MANIFEST, self.path)
        return next(file.stat().st_mtime_ns for file in files if file.exists())


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory, shared by all visitors: hold the lock while it predicts."""

    choice: Choice
    model: "Model"
    lock: threading.Lock
    card: str
    """What it is and how good, as Markdown."""


def found_models(settings: Settings | None = None) -> tuple[Choice, ...]:
    """The reference model first, then those named at the start of the server, then the newest runs."""
    given = settings or read_settings()
    named = [place for folder in given.models for place in _models_below(folder, 1, loose=True)]
    runs = sorted(_models_below(given.runs, _DEPTH), key=_newest)
    reference = given.runs / REFERENCE
    places = [place for place in runs if place == reference]
    places += [place for place in (*named, *runs) if place not in places]
    return tuple(_with_titles(dict.fromkeys(places), given))


def choose() -> Loaded:
    """The model that is chosen at the side, ready to predict."""
    return load(pick())


def pick() -> Choice:
    """The choice at the side, the same on each page; without any model the page says what to do, and ends here."""
    choices = found_models()
    if not choices:
        st.info(NONE_FOUND.format(runs=read_settings().runs), icon=":material/neurology:")
        st.stop()
    titles = [choice.title for choice in choices]
    before = st.session_state.get(_CHOSEN)
    with st.sidebar:
        title = st.selectbox(
            "Model",
            titles,
            index=titles.index(before) if before in titles else 0,
            help="Models that lie on this server. The page Models says what each is, and how good.",
        )
    st.session_state[_CHOSEN] = title
    return choices[titles.index(title)]


def load(choice: Choice) -> Loaded:
    """From memory where it is there; a model that can't be read ends the page with a sentence."""
    try:
        return _load(choice, choice.stamp)
    except (SeepsegError, OSError) as error:
        look.say(error)
        st.stop()


@st.cache_resource(max_entries=_KEPT, show_spinner="Opening the model …")
def _load(choice: Choice, stamp: int) -> Loaded:
    import numpy as np

    from seepseg.predict.engine import open_model

    model = open_model(choice.path)
    # The first answer of a network takes several times as long as the others.
    model.predict([np.zeros((model.imgsz, model.imgsz), np.uint8)])
    return Loaded(choice, model, threading.Lock(), card_of(choice.path, model))


def _models_below(folder: Path, depth: int, *, loose: bool = False) -> Iterator[Path]:
    """`loose` takes weights that lie about without a run too."""
    if _is_model(folder, loose):
        yield folder
    elif depth and folder.is_dir():
        for inside in sorted(folder.iterdir()):
            if not inside.name.startswith("."):
                yield from _models_below(inside, depth - 1, loose=loose)


def _is_model(path: Path, loose: bool) -> bool:
    if path.is_file():
        return loose and (path.suffix == ".pt" or is_bundle(path))
    return is_bundle(path) or any((path / "weights" / name).is_file() for name in ("best.pt", "last.pt"))


def _newest(path: Path) -> float:
    return -path.stat().st_mtime


def _with_titles(places: Iterable[Path], settings: Settings) -> Iterator[Choice]:
    taken: set[str] = set()
    for place in places:
        title = place.relative_to(settings.runs).as_posix() if place.is_relative_to(settings.runs) else place.name
        title = title if title and title not in taken else name_apart(place, taken)
        taken.add(title)
        under_way = read_about(place).get("status") == RUNNING
        kind = "weights" if place.suffix == ".pt" else "bundle" if is_bundle(place) else "run"
        yield Choice(place, f"{title} (in training)" if under_way else title, kind, under_way)
