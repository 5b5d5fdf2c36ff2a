"""Data: what the datasets on this server hold, what is wrong with them, and how their labels lie."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from seepseg.app import browse, look, session
from seepseg.app.datasets import (
    MEDIAN,
    Labelled,
    Overview,
    as_columns,
    class_columns,
    find_datasets,
    select,
    stamp_of,
    survey,
)
from seepseg.app.datasets_charts import draw_classes, draw_sizes
from seepseg.app.datasets_commands import Command
from seepseg.app.datasets_desk import (
    Question,
    ask_check,
    ask_worst,
    check_question,
    desk,
    leaks,
    read_report,
    sheet_of,
    worst_question,
)
from seepseg.app.datasets_labels import draw_label
from seepseg.app.settings import read_settings
from seepseg.check.report import DEFAULT_IMGSZ
from seepseg.check.rules import FAULT
from seepseg.dataset.truth import annotations_path
from seepseg.errors import SeepsegError
from seepseg.report.pages import Html, element
from seepseg.wording import count

NONE_FOUND = """**No dataset was found.** Datasets are looked for in `{folder}`.

Make one, then load this page again:

```
seepseg get sos
seepseg convert masks IMAGES MASKS datasets/<name> --names a,b
```"""
_ASKED_OF = "data dataset"


def show() -> None:
    """The page."""
    browse.style()
    st.title("Data")
    settings = read_settings()
    found = find_datasets(settings.datasets)
    if not found:
        st.info(NONE_FOUND.format(folder=settings.datasets), icon=":material/dataset:")
        return
    name = st.selectbox("Dataset", list(found), key=_ASKED_OF)
    stamp = _stamp(str(found[name]))
    overview = _survey(str(found[name]), stamp)
    for problem in overview.problems:
        st.error(look.plain(session.without_folders(problem)))
    counts, labels, check = st.tabs(["What it holds", "Labels", "Check"])
    with counts, look.guard():
        _show_counts(overview)
    with labels, look.guard():
        _show_labels(overview, stamp)
    with check, look.guard():
        _show_check(found[name], stamp, overview)


def _show_counts(overview: Overview) -> None:
    images = sum(map(len, overview.splits.values()))
    objects = sum(sum(overview.count(split)) for split in overview.splits)
    size = f" Labels are exact at an image size of {overview.dataset.imgsz}." if overview.dataset.imgsz else ""
    st.write(f"{count(images, 'image')} with {count(objects, 'object')} of {_classes(overview.dataset.names)}.{size}")
    look.legend(overview.dataset.names)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Objects by class")
        st.altair_chart(draw_classes(overview), width="stretch")
    with right:
        st.subheader("Size of objects")
        st.altair_chart(draw_sizes(overview), width="stretch")
        if overview.sampled:
            st.caption(f"Measured on {overview.sampled:,} images, spread over all.")
    st.subheader("Splits")
    splits, classes = as_columns(overview), class_columns(overview)
    st.dataframe(splits, hide_index=True, column_config=look.grouped(*list(splits)[1:]))
    st.subheader("Classes")
    forms = look.grouped(*list(classes)[1:]) | look.grouped(MEDIAN, form="%,.1f")
    st.dataframe(classes, hide_index=True, column_config=forms)


def _classes(names: tuple[str, ...]) -> str:
    return f"the class {look.plain(names[0])}" if len(names) == 1 else f"{len(names)} classes"


@st.fragment
def _show_labels(overview: Overview, stamp: str) -> None:
    with look.guard():
        names = overview.dataset.names
        look.legend(names)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            split = st.segmented_control("Split", list(overview.splits), default=next(iter(overview.splits), None))
            shown = st.segmented_control("Show", ["Labels", "Image alone"], default="Labels")
        wanted = st.pills("Classes", names, selection_mode="multi") if len(names) > 1 else []
        if split is None:
            return
        images = select(overview, split, [names.index(name) for name in wanted])
        if not images:
            st.info("No image of this split holds such an object.")
            return
        imgsz, labels = overview.dataset.imgsz or DEFAULT_IMGSZ, shown != "Image alone"
        browse.grid(_figure(one, names, imgsz, labels, stamp) for one in browse.choose_page(images))


def _figure(one: Labelled, names: tuple[str, ...], imgsz: int, labels: bool, stamp: str) -> Html:
    name, held = one.image.name, _held(one, names)
    words = element("b", name, title=name)
    try:
        picture = _picture(str(one.image), imgsz, labels, stamp)
    except SeepsegError as error:
        return browse.figure(None, "", words, element("span", look.sentence_of(error)))
    return browse.figure(picture, f"{name}: {held}", words, element("span", held))


def _held(one: Labelled, names: tuple[str, ...]) -> str:
    counts = Counter(one.classes)
    return " · ".join(f"{number:,} {names[index]}" for index, number in sorted(counts.items())) or "no object"


def _show_check(yaml: Path, stamp: str, overview: Overview) -> None:
    st.write("Faults that spoil a training: leaks between splits, broken or badly drawn labels, objects too small.")
    root = read_settings().root
    near = st.toggle("Also look for shifted and blurred copies, which takes longer")
    _task(
        check_question(yaml, stamp, near=near),
        "Check this dataset",
        lambda: ask_check(yaml, stamp, root, near=near),
        _show_report,
    )
    known = [split for split in overview.splits if annotations_path(overview.dataset.root, split).exists()]
    if known:
        st.subheader("Worst labels")
        st.write("Where the labels, as training loads them, differ most from the exact truth.")
        split = st.selectbox("Split", known, index=known.index("val") if "val" in known else 0, width=220)
        _task(
            worst_question(yaml, stamp, split),
            "Find the worst labels",
            lambda: ask_worst(yaml, stamp, root, split),
            lambda command: _show_sheet(sheet_of(yaml, stamp, split), command),
        )


@st.fragment
def _task(question: Question, label: str, ask: Callable[[], Command], show_answer: Callable[[Command], object]) -> None:
    """A button, then a bar, then the answer."""
    command = desk().find(question)
    with look.guard():
        if command is not None and command.running:
            _watch(question)
        elif command is not None and command.answer is not None:
            show_answer(command)
        else:
            if command is not None and command.error is not None:
                look.say(command.error)
            if st.button(label, key=f"ask {question}"):
                ask()
                st.rerun(scope="fragment")


@st.fragment(run_every=1.0)
def _watch(question: Question) -> None:
    command = desk().find(question)
    if command is None or not command.running:
        st.rerun()
    step = command.step
    if step is None:
        st.progress(0.0, "getting ready …")
    else:
        st.progress(min(step.done / max(step.total, 1), 1.0), f"{step.label}: {step.done:,} of {step.total:,}")


def _show_report(command: Command) -> None:
    report = read_report(command)
    leaking = leaks(report)
    if leaking:
        st.error(f"Leakage: {'; '.join(one['text'] for one in leaking)}.", icon=":material/warning:")
    else:
        st.success("No leakage: no scene and no copy of an image stands on two sides of a split.")
    st.write(_sum_up(report))
    for finding in report["findings"]:
        _show_finding(finding)
    thin = [size for size in report["sizes"] if size["objects"]]
    if thin:
        with st.expander(f"Object sizes at an image size of {report['imgsz']}"):
            st.dataframe(
                {
                    "Class": [size["name"] for size in thin],
                    "Objects": [size["objects"] for size in thin],
                    "Too thin": [size["thin"] for size in thin],
                    "Too small": [size["tiny"] for size in thin],
                    "Size that shows 95 %": [size["imgsz_enough"] for size in thin],
                },
                hide_index=True,
                column_config=look.grouped("Objects", "Too thin", "Too small"),
            )


def _show_sheet(file: Path, command: Command) -> None:
    """The command's last words are the file, and what is on it."""
    st.image(str(file), caption=(command.answer or "").strip().rpartition(": ")[2])


def _sum_up(report: dict[str, int]) -> str:
    if not report["faults"] and not report["warnings"]:
        return "Nothing wrong was found."
    faults = f"{count(report['faults'], 'fault')} to mend" if report["faults"] else "No fault"
    return f"{faults}, {count(report['warnings'], 'warning')}."


def _show_finding(finding: dict[str, object]) -> None:
    icon = ":material/error:" if finding["severity"] == FAULT else ":material/info:"
    text = str(finding["text"])
    with st.expander(f"{look.plain(text[0].upper() + text[1:])} ({finding['count']:,})", icon=icon):
        st.text("\n".join(map(str, finding["places"])))  # type: ignore[call-overload]
        st.caption(f"Way out: {look.plain(str(finding['way_out']))}")


@st.cache_data(ttl=10, show_spinner=False)
def _stamp(yaml: str) -> str:
    return stamp_of(Path(yaml))


@st.cache_resource(max_entries=4, show_spinner="Counting labels …")
def _survey(yaml: str, stamp: str) -> Overview:
    return survey(Path(yaml))


@st.cache_data(max_entries=500, show_spinner=False)
def _picture(image: str, imgsz: int, labels: bool, stamp: str) -> bytes:
    return draw_label(Path(image), imgsz, labels=labels)
