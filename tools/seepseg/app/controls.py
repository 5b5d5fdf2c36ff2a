"""The sliders of an analysis: how sure is sure enough, and what is done to masks after. None of them asks the model."""

import shlex
from collections.abc import Sequence
from statistics import median

import streamlit as st

from seepseg.app.analysis import Analysis
from seepseg.cleaning.pipeline import Cleaning, parse_cleaning

ALL = "all classes"
_HIGHEST, _STEP = 0.99, 0.01
SMOOTH = {"off": "", "a little": "median:3", "more": "median:5", "much": "median:9"}
HOLES = {"none": "", "10 px": "holes:10", "50 px": "holes:50", "200 px": "holes:200", "any": "holes"}
SPECKS = {"none": "", "5 px": "small:5", "20 px": "small:20", "50 px": "small:50", "200 px": "small:200"}


DECIBELS = "Radar: dB, or power turned into dB"
SCALES = {
    DECIBELS: "db:{},{}",
    "Radar amplitude: its middle 98 %, in dB": "db",
    "Anything else: its middle 98 %": "percentile:1,99",
    "From the least value to the greatest": "minmax",
}
_SCALE_HELP = "Training images came to 8 bits somehow: choose what is nearest to that, or finds are of little worth."


def confidence(analysis: Analysis, model_sha: str) -> tuple[float, ...]:
    """A limit for each class, as stored with the model until somebody moves the slider; kept from image to image."""
    stored, key = analysis.confidence.limits, f"limits {model_sha[:12]}"
    limits: list[float] = st.session_state.setdefault(key, list(stored))
    several = len(analysis.names) > 1
    whose = st.selectbox("Threshold of", [ALL, *analysis.names], key=f"{key} of") if several else ALL
    chosen = range(len(limits)) if whose == ALL else [analysis.names.index(whose)]
    shown = median(limits[index] for index in chosen)
    slider = f"{key} slider"
    lowest = round(analysis.floor, 2)
    st.session_state[slider] = min(max(round(shown, 2), lowest), _HIGHEST)

    def move() -> None:
        for index in chosen:
            limits[index] = st.session_state[slider]

    st.slider(
        "Confidence",
        lowest,
        _HIGHEST,
        step=_STEP,
        format="%.2f",
        key=slider,
        on_change=move,
        help="Only what the model is surer of than this is shown. Lower finds more, and is wrong more often.",
    )
    if several:
        st.caption("One for all, once it is moved." if whose == ALL else f"For {whose} alone.")
    moved = tuple(limits) != stored
    st.button(
        "Back to the model's own",
        key=f"{key} back",
        disabled=not moved,
        on_click=lambda: limits.__setitem__(slice(None), stored),
        type="tertiary",
        icon=":material/undo:",
        help=_spell(analysis.names, stored),
    )
    return tuple(max(limit, analysis.floor) for limit in limits)


def cleaning() -> Cleaning:
    """Off unless asked for."""
    steps = [
        _choose("Smooth outlines", SMOOTH, "Rounds ragged edges. Very thin slicks may get thinner, or vanish."),
        _choose("Fill holes up to", HOLES, "Holes in a mask of up to so many pixels are filled."),
        _choose("Drop specks below", SPECKS, "Parts of fewer pixels than this are left out."),
    ]
    return parse_cleaning(",".join(filter(None, steps)))


def scale(label: str, key: str, nothing: str) -> str | None:
    """How 16-bit and float values become grey, for a model that does not say it; None until somebody chooses."""
    chosen = st.selectbox(label, SCALES, index=None, placeholder=nothing, key=key, help=_SCALE_HELP)
    if chosen != DECIBELS:
        return SCALES[chosen] if chosen else None
    low, high = st.slider("Black and white at, in dB", -60, 20, (-35, 0), key=f"{key} dB")
    return SCALES[DECIBELS].format(low, max(high, low + 1))


def as_flags(limits: Sequence[float], analysis: Analysis, chosen: Cleaning) -> str:
    """The same on the command line."""
    flags = []
    if tuple(limits) != analysis.confidence.limits:
        same = len(set(limits)) == 1
        each = ",".join(f"{name}={limit:g}" for name, limit in zip(analysis.names, limits, strict=True))
        flags.append(f"--conf {limits[0]:g}" if same else f"--conf {shlex.quote(each)}")
    if analysis.scale is not None:
        flags.append(f"--scale {analysis.scale}")
    if chosen.steps:
        flags.append(f'--clean "{chosen}"')
    return " ".join(flags)


def _choose(label: str, options: dict[str, str], words: str) -> str:
    names = list(options)
    chosen = st.select_slider(label, names, key=f"cleaning {label}", help=words)
    return options[chosen]


def _spell(names: Sequence[str], limits: Sequence[float]) -> str:
    return ", ".join(f"{name} {limit:.2f}" for name, limit in zip(names, limits, strict=True))
