"""One image, looked at closely: what is in it, how sure that is, where it lies, and the files to take away."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from seepseg.app import analysis as analysing
from seepseg.app import controls, downloads, look, verdict_panel
from seepseg.app.analysis import Analysis, Onlooker
from seepseg.app.handed_in import choose_file, sha_of
from seepseg.app.instances_table import rows_of
from seepseg.app.intake import Taken
from seepseg.app.map import draw_map, show_map
from seepseg.app.models import Loaded, choose
from seepseg.app.pictures import LONGEST, photo_file
from seepseg.app.progress_line import showing
from seepseg.app.viewer import show_viewer
from seepseg.cleaning.pipeline import Cleaning
from seepseg.evaluate.folder import show_path
from seepseg.outputs.rescaling import wants_rule
from seepseg.raster import Pixels
from seepseg.values import Prediction

_CSS = Path(__file__).parent.parent / "analyse.css"
KINDS = (
    ("overlay", "Overlay", "The picture with what was found painted over it."),
    ("mask", "Mask", "The class of each pixel: 0 for nothing, else the number of the class from 1."),
    ("geojson", "GeoJSON", "Outlines for maps; in pixels where the image does not say where it lies."),
    ("coco", "COCO", "Objects with exact masks, for other programs."),
    ("instances", "CSV", "A line for each object."),
)
"""What may be taken alone, beside the zip."""
WELCOME = """See whether there may be oil in an image, where, and how sure that is. Only a look on the spot can prove
it."""


def show() -> None:
    """The whole page."""
    st.html(_CSS)
    st.title("Analyse")
    st.write(look.plain(WELCOME))
    loaded = choose()
    taken = choose_file()
    if taken is None:
        return
    with look.guard():
        sha = sha_of(taken.path)
        if taken.kind == "video":
            from seepseg.app.video_panel import show_video

            show_video(loaded, taken, sha)
            return
        scale = None
        if wants_rule(loaded.model, taken.path) and (scale := _ask_scale(taken)) is None:
            return
        analysis = _look(loaded, taken, sha, scale)
        chosen = _Chosen(analysis.confidence.limits, Cleaning())
        _show_results(loaded, analysis, sha, chosen)
        if analysis.places:
            _show_downloads(loaded, taken, analysis, chosen)


def _ask_scale(taken: Taken) -> str | None:
    """The model can't say how values like these become grey, so somebody must."""
    place = st.container(key="scale")
    scale = controls.scale("How its values become grey", "values", "Choose")
    if scale is None:
        place.info(
            look.plain(f"{taken.name} does not hold 8-bit values, as the images did that this model was trained on."),
            icon=":material/contrast:",
        )
    return scale


def _look(loaded: Loaded, taken: Taken, sha: str, scale: str | None) -> Analysis:
    """The image stands there while the model looks at it."""
    with showing("Looking", "tile") as count:
        waiting = st.empty()
        onlooker = Onlooker(see=lambda pixels: _show_waiting(waiting, pixels, taken.name), count=count)
        try:
            return analysing.analyse(loaded, taken.path, sha, name=taken.name, scale=scale, onlooker=onlooker)
        finally:
            waiting.empty()


def _show_waiting(place: Any, pixels: Pixels, name: str) -> None:
    photo, _ = photo_file(pixels)
    place.image(photo, caption=look.plain(name), width=min(pixels.shape[1], LONGEST))


@dataclass(slots=True)
class _Chosen:
    """What the sliders say now."""

    limits: tuple[float, ...]
    cleaning: Cleaning


@st.fragment
def _show_results(loaded: Loaded, analysis: Analysis, sha: str, chosen: _Chosen) -> None:
    """Everything that sliders change, so that nothing else runs when one is moved."""
    with look.guard():
        panel = st.container(key="verdict")
        picture, aside = st.container(key="looking").columns([3, 1], gap="large")
        with aside:
            limits = controls.confidence(analysis, loaded.model.sha256)
            cleaning = Cleaning()
            if analysis.places:
                with st.expander("Clean the masks"):
                    cleaning = controls.cleaning()
        chosen.limits, chosen.cleaning = limits, cleaning
        prediction = analysing.cut(analysis, limits, cleaning)
        with panel:
            _show_verdict(analysis, prediction, limits)
        rows = rows_of(analysis, prediction)
        with picture:
            if analysis.places:
                _show_legend(analysis, prediction)
            show_viewer(analysis, prediction, rows, key=f"{sha} {loaded.model.sha256}")
        if analysis.places and (svg := draw_map(analysis, prediction, rows)):
            st.subheader("Where it lies")
            show_map(svg)
        _show_notes(analysis, loaded, limits, controls.as_flags(limits, analysis, cleaning))


def _show_verdict(analysis: Analysis, prediction: Prediction, limits: tuple[float, ...]) -> None:
    verdict = analysing.judged(analysis, prediction, limits)
    words, bars = st.columns([3, 2], gap="large", vertical_alignment="center")
    words.html(verdict_panel.verdict_html(analysis, prediction, verdict))
    bars.html(verdict_panel.bars_html(analysis.names, verdict))
    if analysis.scaling:
        st.caption(f":material/contrast: {look.plain(analysis.scaling)}")


def _show_legend(analysis: Analysis, prediction: Prediction) -> None:
    if len(analysis.names) > 1:
        ids = prediction.class_ids.tolist()
        look.legend(analysis.names, {index: ids.count(index) for index in range(len(analysis.names))})


def _show_downloads(loaded: Loaded, taken: Taken, analysis: Analysis, chosen: _Chosen) -> None:
    """The files are made when somebody wants them, by what the sliders say then: the buttons stay when one is moved,
    as a click on a button that is being drawn anew would be lost."""

    def make() -> downloads.Files:
        return downloads.files_of(loaded, analysis, taken.path, chosen.limits, chosen.cleaning)

    stem = Path(taken.name).stem
    st.subheader("Take away")
    with st.container(horizontal=True):
        st.download_button(
            "All files (.zip)",
            lambda: downloads.zipped(make()),
            f"{stem}-seepseg.zip",
            downloads.MIME[".zip"],
            key="download zip",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
        for kind, label, words in KINDS:
            name = downloads.name_of(kind, stem, scene=analysis.is_scene)
            st.download_button(
                label,
                partial(_pick, make, kind),
                name,
                downloads.MIME[Path(name).suffix],
                key=f"download {kind}",
                help=words,
                on_click="ignore",
            )


def _pick(make: Callable[[], downloads.Files], kind: str) -> bytes:
    return downloads.pick(make(), kind)


def _show_notes(analysis: Analysis, loaded: Loaded, limits: tuple[float, ...], flags: str) -> None:
    stored = limits == analysis.confidence.limits
    with st.expander("How this came about"):
        model = loaded.model
        lines = [
            f"{analysis.width:,} × {analysis.height:,} pixels, looked at by {model.engine} on {model.device} at "
            f"{model.imgsz} pixels in {analysis.seconds:.1f} s.",
            f"{look.begin(analysis.confidence.source if stored else analysing.CHOSEN)}.",
            *analysis.notes,
        ]
        st.markdown("\n".join(f"- {look.plain(line)}" for line in lines))
        st.caption("The same on the command line:")
        where, image = shlex.quote(show_path(loaded.choice.path)), shlex.quote(analysis.name)
        st.code(f"seepseg predict {where} {image} --out OUT {flags}".strip(), language="sh")
