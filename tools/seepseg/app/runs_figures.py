"""What was measured of runs, drawn by the report's own code: tables, plots, failures and comparisons."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg.report.charts import chart_objects, chart_pixels, chart_presence, chart_sizes
from seepseg.report.compare import Comparison, compare_runs
from seepseg.report.compare_page import plots_of, summarize_pair, write_signed
from seepseg.report.pages import Html, element, join, picture
from seepseg.report.plots import Plot, draw_svg
from seepseg.report.results import Results
from seepseg.report.tables import UNDEFINED, class_tables, confusion_table, headline_table, presence_table
from seepseg.report.verdict import about_thresholds, headlines, verdict

REPLICATES = 300
"""Drawings of the bootstrap: enough to tell runs apart, soon enough to wait for."""

_NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_LETTERS = "font-family:system-ui,-apple-system,Segoe UI,Roboto,sans-serif"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One image on which a model failed."""

    file: Path
    image: str
    kinds: tuple[str, ...]
    text: str


def render_headline(results: Results) -> Html:
    """The leading figures with what each means."""
    return _figures(headline_table(headlines(results)))


def summarize(results: Results) -> tuple[str, str]:
    """What it comes to, and where its thresholds come from."""
    return verdict(results), about_thresholds(results)


def render_classes(results: Results) -> Html:
    """Objects, pixels and presence, a row a class."""
    presence = presence_table(results) if results.metrics.get("presence") else None
    return _figures(join(class_tables(results), presence))


def render_confusion(results: Results) -> Html | None:
    """What is taken for what; none for masks of other tools."""
    confusion = results.curve("confusion")
    return _figures(confusion_table(confusion)) if confusion else None


def render_curves(results: Results, ink: str) -> Html:
    """Precision and recall, and what else depends on the threshold; `ink` is the colour of letters and axes."""
    makers = (chart_objects, chart_pixels, chart_presence, chart_sizes)
    return _drawings([plot for make in makers for plot in make(results)], ink)


def compare(folders: Sequence[Path]) -> Comparison:
    """The first leads."""
    return compare_runs(folders, replicates=REPLICATES)


def sentences(comparison: Comparison) -> list[str]:
    """One for each run beside the first."""
    return [summarize_pair(comparison.runs[0], pair) for pair in comparison.pairs]


def comparison_columns(comparison: Comparison) -> dict[str, list[str]]:
    """Leading figures, each with what is known of its difference to the first run's."""
    figures = [run.figures for run in comparison.runs]
    paths = list(dict.fromkeys(path for some in figures for path in some))
    label_of = {path: one.label for some in figures for path, one in some.items()}
    columns: dict[str, list[str]] = {"Figure": [label_of[path] for path in paths]}
    for run, some in zip(comparison.runs, figures, strict=True):
        columns[run.label] = [_value(some[path].value if path in some else None) for path in paths]
    for pair in comparison.pairs:
        columns[f"{pair.label} − {comparison.runs[0].label}"] = [
            _difference(pair.differences.get(path)) for path in paths
        ]
    return columns


def render_comparison(comparison: Comparison, ink: str) -> Html:
    """Curves of all runs in the same plots."""
    return _drawings(plots_of(comparison), ink)


def read_sheets(folder: Path) -> tuple[Sheet, ...]:
    """The failures of an evaluation that have a picture, worst first."""
    try:
        records: list[dict[str, Any]] = json.loads((folder / "failures.json").read_text(encoding="utf-8"))
        found = [_sheet(folder, record) for record in records if record.get("sheet")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
    return tuple(one for one in found if one.file.is_file())


def _sheet(folder: Path, record: dict[str, Any]) -> Sheet:
    words = [f"{record[key]} {what}" for key, what in _WRONG.items() if record.get(key)]
    iou = [] if record.get("iou") is None else [f"IoU {record['iou']:.2f}"]
    return Sheet(folder / str(record["sheet"]), record["image"], tuple(record["kinds"]), " · ".join([*iou, *words]))


_WRONG = {"missed": "missed", "false_alarms": "false", "confused": "of another class"}


def _figures(content: Html) -> Html:
    return element("div", content, class_="figures")


def _drawings(plots: Sequence[Plot], ink: str) -> Html:
    figures = (picture(_image(plot, ink), plot.title, plot.caption) for plot in plots)
    return element("div", figures, class_="drawings")


def _image(plot: Plot, ink: str) -> Html:
    """Streamlit takes drawings out of markup, but leaves images of them, which then know nothing of the page's ink."""
    svg = draw_svg(plot).replace("<svg ", f'<svg {_NAMESPACES} style="color:{ink};{_LETTERS}" ', 1)
    source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    return element("img", src=source, alt=f"{plot.title}. {plot.caption}")


def _value(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.3f}"


def _difference(one: Any) -> str:
    if one is None:
        return UNDEFINED
    return f"{write_signed(one.difference)} ({write_signed(one.low)} to {write_signed(one.high)})"
