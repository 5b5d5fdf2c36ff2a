"""Batch: many images at once, and what was found in them as a gallery, a table and a zip."""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from seepseg.app import browse, controls, intake, look, session
from seepseg.app.batch import Batch, Wish, tell, write_wait
from seepseg.app.batch_archive import pack
from seepseg.app.batch_gallery import (
    SORTS,
    Card,
    as_columns,
    caption,
    choose,
    picture_of,
    read_cards,
    thumbnail,
)
from seepseg.app.models import Loaded
from seepseg.app.models import choose as choose_model
from seepseg.app.settings import name_apart, read_settings
from seepseg.errors import SourceError, UsageError
from seepseg.outputs.listing import Entry, list_entries, natural_key, own_stems
from seepseg.outputs.rescaling import UNKNOWN, has_rule
from seepseg.report.pages import Html
from seepseg.wording import count

_JOB, _CARDS, _REFUSED = "batch job", "batch cards", "batch refused"
_KINDS = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "jp2", "gif", "zip"]
_ANSWERS = {"All": "all", "Found": "yes", "Nothing": "no", "Not read": "failed"}
_UPLOAD = "Upload"


def show() -> None:
    """The page."""
    browse.style()
    st.title("Batch")
    st.write("Search many images at once. They are worked through one after another while you look on.")
    loaded = choose_model()
    batch: Batch | None = st.session_state.get(_JOB)
    if batch is None:
        _ask(loaded)
    elif batch.state == "running":
        _watch()
    else:
        _finish(batch)


def _ask(loaded: Loaded) -> None:
    folders = _by_name(read_settings().folders)
    chosen = _UPLOAD
    if folders:
        chosen = st.segmented_control("Images from", [_UPLOAD, *folders], default=_UPLOAD) or _UPLOAD
    uploads = []
    if chosen == _UPLOAD:
        uploads = st.file_uploader("Images, GeoTIFFs or a zip of them", type=_KINDS, accept_multiple_files=True)
    else:
        st.caption("A folder of this server, with its subfolders. Nothing in it is changed.")
    options = _options(loaded)
    if st.button("Start", type="primary", disabled=chosen == _UPLOAD and not uploads):
        with look.guard():
            _start(loaded, folders.get(chosen), uploads, options)


def _by_name(folders: Iterable[Path]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for folder in dict.fromkeys(folders):
        named[name_apart(folder, {_UPLOAD, *named})] = folder
    return named


def _options(loaded: Loaded) -> dict[str, Any]:
    """Of a wish."""
    with st.expander("Options"):
        own = st.toggle("Use the thresholds stored with the model", value=True)
        conf = st.slider("Confidence that an object needs", 0.01, 0.99, 0.25, 0.01, disabled=own)
        smallest = st.number_input("Leave out objects smaller than (pixels)", 0, 100_000, 0, 10)
        scale = None
        if not has_rule(loaded.model):
            scale = controls.scale("How 16-bit and float values become grey", "batch values", "They are not read")
    return {"conf": None if own else conf, "smallest_px": int(smallest), "scale": scale}


def _start(loaded: Loaded, folder: Path | None, uploads: Sequence[object], options: dict[str, Any]) -> None:
    place = session.folder("batch")
    shutil.rmtree(place, ignore_errors=True)
    # A name of its own: a batch that was cancelled may still be closing its files in the one before.
    here = Path(tempfile.mkdtemp(dir=session.folder("batch")))
    source = folder or here / "source"
    with st.spinner("Unpacking …"):
        entries, refused = list_entries(folder) if folder else _take(uploads, source)
    batch = Batch(loaded, Wish(tuple(entries), source, here / "prediction", **options))
    batch.start()
    st.session_state[_JOB], st.session_state[_REFUSED] = batch, refused
    st.session_state.pop(_CARDS, None)
    st.rerun()


def _take(uploads: Sequence[object], source: Path) -> tuple[list[Entry], list[str]]:
    source.mkdir(parents=True, exist_ok=True)
    taken = intake.take(uploads, source)
    images = sorted((one for one in taken.files if one.kind != "video"), key=lambda one: natural_key(one.name))
    refused = list(taken.refused)
    refused += [f"{one.name}: is a video; open it on the page Analyse" for one in taken.files if one.kind == "video"]
    if not images:
        raise SourceError("\n".join(["There is no image to search.", *refused]))
    names = [one.name for one in images]
    if len(set(names)) < len(names):
        # Two uploads of one name: on the server each has its own.
        names = [one.path.name for one in images]
    listed = zip(images, names, own_stems(names), strict=True)
    return [Entry(one.path, name, stem) for one, name, stem in listed], refused


@st.fragment(run_every=1.0)
def _watch() -> None:
    batch: Batch = st.session_state[_JOB]
    if batch.state != "running":
        st.rerun()
    with look.guard():
        session.folder("batch")
        progress = batch.progress()
        rest = "stopping …" if batch.stopping else write_wait(progress.seconds_left)
        st.progress(progress.share, f"{progress.done:,} of {count(progress.total, 'image')} · {rest}")
        st.button("Cancel", on_click=batch.cancel, disabled=batch.stopping, help="What is finished is kept.")


def _finish(batch: Batch) -> None:
    look.refused(st.session_state.get(_REFUSED, ()))
    if batch.error is not None:
        look.say(batch.error)
    if batch.state != "failed":
        st.subheader(tell(batch))
    with st.container(horizontal=True):
        if batch.outcome is not None:
            _offer_zip(batch)
        st.button("New batch", on_click=_forget, icon=":material/restart_alt:")
    if batch.outcome is not None:
        st.caption(look.plain(f"{look.begin(batch.ready.confidence.source)}."))
        if batch.wish.scale is not None:
            st.caption(look.plain(f"{look.begin(UNKNOWN)}."))
        look.refused(batch.outcome.totals.notes)
        _look_through(batch)


def _offer_zip(batch: Batch) -> None:
    out = batch.wish.out
    st.download_button(
        "Download all as zip",
        lambda: pack(out, out.with_name("seepseg-batch.zip")).read_bytes(),
        file_name="seepseg-batch.zip",
        mime="application/zip",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        help="Masks, instances, overlays, GeoJSON of scenes, COCO and CSV: the files of 'seepseg predict'.",
    )


def _forget() -> None:
    st.session_state.pop(_JOB, None)
    st.session_state.pop(_CARDS, None)
    shutil.rmtree(session.folder("batch"), ignore_errors=True)


@st.fragment
def _look_through(batch: Batch) -> None:
    with look.guard():
        kept = _filter(_cards(batch), batch)
        gallery, table = st.tabs(["Gallery", "Table"])
        with gallery, look.guard():
            _show_gallery(batch, kept)
        with table:
            _show_table(batch, kept)


def _cards(batch: Batch) -> tuple[Card, ...]:
    if _CARDS not in st.session_state:
        stems = [entry.stem for entry in batch.wish.entries]
        st.session_state[_CARDS] = read_cards(batch.wish.out, stems, batch.ready.model.names)
    cards: tuple[Card, ...] = st.session_state[_CARDS]
    return cards


def _filter(cards: Sequence[Card], batch: Batch) -> list[Card]:
    names = batch.ready.model.names
    left, middle, right = st.columns([1.2, 1, 1], gap="medium")
    offered = [word for word, key in _ANSWERS.items() if key == "all" or any(card.answer == key for card in cards)]
    with left:
        word = st.segmented_control("Show", offered, default="All") or "All"
    order = middle.selectbox("Sort", SORTS)
    measure = "Probability" if any(card.probability is not None for card in cards) else "Confidence"
    least = right.slider(f"{measure} at least", 0.0, 1.0, 0.0, 0.01)
    classes = st.pills("Classes", names, selection_mode="multi") if len(names) > 1 else []
    return choose(cards, answer=_ANSWERS[word], classes=classes, least=least, order=order)  # type: ignore[arg-type]


def _show_gallery(batch: Batch, kept: Sequence[Card]) -> None:
    if not kept:
        st.info("No image is left by these filters.")
        return
    look.legend(batch.ready.model.names)
    browse.grid(_figure(batch, card) for card in browse.choose_page(kept))


def _figure(batch: Batch, card: Card) -> Html:
    file = picture_of(batch.wish.out, card)
    picture = _thumbnail(str(file), file.stat().st_mtime_ns) if file else None
    return browse.figure(picture, f"{card.name} with what was found", *caption(card))


def _show_table(batch: Batch, kept: Sequence[Card]) -> None:
    bar = st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.2f")
    chosen = st.dataframe(
        as_columns(kept),
        hide_index=True,
        column_config={
            "Probability": bar,
            "Confidence": bar,
            **look.grouped("Objects", "Area, px"),
            **look.grouped("Area, km²", form="%,.4g"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="batch table",
    )
    rows = chosen["selection"]["rows"]
    if not rows:
        st.caption("Select a row to see its picture.")
    elif rows[0] < len(kept):
        card = kept[rows[0]]
        file = picture_of(batch.wish.out, card)
        if file is not None:
            st.image(str(file), caption=card.name, width=640)
        elif card.reason:
            look.say(UsageError(f"{card.name}: {card.reason}"))


@st.cache_data(max_entries=500, show_spinner=False)
def _thumbnail(file: str, changed: int) -> bytes:
    return thumbnail(Path(file))
