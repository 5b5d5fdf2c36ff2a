"""Training: how runs go and went, how good they are, where they fail, and how they compare."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from seepseg.app import browse, look, session
from seepseg.app.curves import draw_losses, draw_quality, tell_best
from seepseg.app.runs import Run, describe, find_runs, read_curves, read_run
from seepseg.app.runs_figures import (
    Sheet,
    compare,
    comparison_columns,
    read_sheets,
    render_classes,
    render_comparison,
    render_confusion,
    render_curves,
    render_headline,
    sentences,
    summarize,
)
from seepseg.app.settings import read_settings
from seepseg.evaluate.folder import METRICS
from seepseg.report.pages import Html, element
from seepseg.report.results import Results, read_results

NONE_FOUND = """**No run was found.** Runs are looked for in `{folder}`.

Start one, then load this page again:

```
seepseg train datasets/<name>/data.yaml --name <run>
```"""
_MAKERS: dict[str, Callable[[Results, str], Html | None]] = {
    "Figures": lambda results, ink: render_headline(results),
    "Classes": lambda results, ink: render_classes(results),
    "Confusion": lambda results, ink: render_confusion(results),
    "Curves": render_curves,
}
_FAILURES = "Failures"
_MARKS = {"running": "under way", "failed": "failed", "stopped": "stopped"}
_SHEETS = 6
_LIVE_S = 5.0
_CHOSEN = "training run"


def show() -> None:
    """The page."""
    browse.style()
    st.title("Training")
    folder = read_settings().runs
    runs = find_runs(folder)
    if not runs:
        st.info(NONE_FOUND.format(folder=folder), icon=":material/monitoring:")
        return
    one, several = st.tabs(["One run", "Compare"])
    with one, look.guard():
        _show_run(runs, folder)
    with several, look.guard():
        _show_comparison(runs)


def _show_run(runs: tuple[Run, ...], folder: Path) -> None:
    titles = {_title(run): run for run in runs}
    run = titles[st.selectbox("Run", list(titles), key=_CHOSEN)]
    (_follow if run.live else _draw_run)(run.path, folder)
    if not run.evaluations:
        st.caption("It was not evaluated yet. When it is finished: `seepseg eval RUN DATA.yaml --split test --out DIR`")
        return
    st.header("How good it is")
    label = next(iter(run.evaluations))
    if len(run.evaluations) > 1:
        label = st.segmented_control("Evaluation", list(run.evaluations), default=label) or label
    _show_evaluation(run.evaluations[label])


def _title(run: Run) -> str:
    return f"{run.name} ({_MARKS[run.status]})" if run.status in _MARKS else run.name


@st.fragment(run_every=_LIVE_S)
def _follow(path: Path, folder: Path) -> None:
    """The page around it is drawn anew once the run has ended."""
    with look.guard():
        _draw_run(path, folder)
        if not read_run(path, folder).live:
            st.rerun()


def _draw_run(path: Path, folder: Path) -> None:
    run, columns = read_run(path, folder), read_curves(path)
    st.write(look.plain(session.without_folders(describe(run))))
    if run.live and run.epochs:
        st.progress(min(run.done / run.epochs, 1.0))
    quality = draw_quality(columns, run.epochs)
    if quality is None:
        if run.status != "evaluation":
            st.caption("No epoch is finished yet.")
        return
    st.subheader("Quality by epoch")
    st.altair_chart(quality, width="stretch")
    st.caption(f"On validation images. Best{' so far' if run.live else ''}: {tell_best(columns)}.")
    with st.expander("Losses", expanded=run.live):
        places = st.columns(2, gap="large")
        for index, (title, chart) in enumerate(draw_losses(columns, run.epochs)):
            with places[index % 2]:
                st.markdown(f"**{title}**")
                st.altair_chart(chart, width="stretch")


def _show_evaluation(folder: Path) -> None:
    told, thresholds = summarize(read_results(folder))
    st.write(look.plain(told))
    st.caption(look.plain(thresholds))
    report = folder / "report.html"
    if report.is_file():
        st.download_button(
            "Download the full report",
            report.read_bytes,
            file_name=f"{folder.name}-report.html",
            mime="text/html",
            icon=":material/download:",
            on_click="ignore",
        )
    _show_part(folder)


@st.fragment
def _show_part(folder: Path) -> None:
    """One at a time, as drawing takes a moment."""
    part = st.segmented_control("Show", [*_MAKERS, _FAILURES], default=next(iter(_MAKERS)))
    with look.guard():
        if part == _FAILURES:
            _show_failures(read_sheets(folder))
        elif part is not None:
            drawn = _render(str(folder), (folder / METRICS).stat().st_mtime_ns, part, browse.ink())
            if drawn is None:
                st.caption("There is nothing to show: the masks of another tool have no confidence.")
            else:
                st.html(drawn)


def _show_failures(sheets: tuple[Sheet, ...]) -> None:
    if not sheets:
        st.caption("No failure was drawn: the images were not at hand, or nothing went wrong.")
        return
    kinds = list(dict.fromkeys(kind for sheet in sheets for kind in sheet.kinds))
    wanted = st.pills("Show only", kinds, selection_mode="multi") if len(kinds) > 1 else []
    kept = [sheet for sheet in sheets if not wanted or set(wanted) & set(sheet.kinds)]
    st.caption("From left to right: the image, the truth, what the model says, and where the two differ.")
    browse.grid((_figure(sheet) for sheet in browse.choose_page(kept, most=_SHEETS)), wide=True)


def _figure(sheet: Sheet) -> Html:
    alt = f"{sheet.image}: image, truth, prediction, difference"
    name = element("b", sheet.image, title=sheet.image)
    return browse.figure(sheet.file.read_bytes(), alt, name, element("span", sheet.text))


@st.fragment
def _show_comparison(runs: tuple[Run, ...]) -> None:
    known = {f"{run.name} · {label}": folder for run in runs for label, folder in run.evaluations.items()}
    if len(known) < 2:
        st.info("Two evaluated runs at least are needed. Evaluate one with: seepseg eval RUN DATA.yaml --split test")
        return
    chosen = st.multiselect("Evaluations; the others are held against the first", list(known), max_selections=5)
    if len(chosen) < 2:
        st.caption("Choose two or more. Runs are told apart on the images that they have in common.")
        return
    with look.guard():
        columns, told, drawn = _compare(
            tuple(str(known[name]) for name in chosen),
            tuple((known[name] / METRICS).stat().st_mtime_ns for name in chosen),
            browse.ink(),
        )
        for sentence in told:
            st.write(look.plain(sentence))
        st.dataframe(columns, hide_index=True)
        st.caption("Differences with their 95 % interval: one that leaves out 0 is taken for real.")
        st.html(drawn)


@st.cache_data(max_entries=64, show_spinner="Drawing …")
def _render(folder: str, stamp: int, part: str, ink: str) -> str | None:
    return _MAKERS[part](read_results(Path(folder)), ink)


@st.cache_data(max_entries=16, show_spinner="Comparing on the images that both have …")
def _compare(
    folders: tuple[str, ...], stamps: tuple[int, ...], ink: str
) -> tuple[dict[str, list[str]], list[str], str]:
    comparison = compare([Path(folder) for folder in folders])
    return comparison_columns(comparison), sentences(comparison), str(render_comparison(comparison, ink))
