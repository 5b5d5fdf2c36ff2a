"""report.html, and the plots and sheets of failures beside it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from seepseg.evaluate.metrics import ALONE
from seepseg.evaluate.review import Review
from seepseg.painting import Colours
from seepseg.progress import track
from seepseg.report import charts, verdict
from seepseg.report.failures import PRESENCE, Failure, find_contrast, find_worst, write_failures
from seepseg.report.gallery import describe, failure_section
from seepseg.report.pages import Content, Html, element, join, more, note, page, picture, section
from seepseg.report.plots import Plot, draw_svg, write_png
from seepseg.report.results import Results, read_results
from seepseg.report.sheets import draw_cells, encode_cell, write_sheet
from seepseg.report.tables import (
    class_tables,
    confusion_table,
    figures_table,
    groups_table,
    headline_table,
    presence_table,
    settings_table,
    widths_table,
)
from seepseg.wording import count, enumerate_words

_ROOM = 4_500_000
"""Bytes of JPEG in the page: about 7 MB of it once encoded, drawings included."""
_CELLS = (320, 256, 192, 128)
_STEM = re.compile(r"[^\w.-]+")


def write_report(folder: Path, review: Review | None, *, figure: str = "iou", worst: int = 24) -> None:
    """From the other files of an evaluation. Without `review` failures are listed, not shown."""
    results = read_results(folder)
    figure = figure if results.places else PRESENCE
    failures = find_worst(results.images, figure, worst)
    shown = [*failures, *find_contrast(results.images, failures)]
    pictures: list[list[bytes]] = [[] for _ in shown]
    if review is not None:
        shown, cells = _draw_sheets(folder, shown, review, results.names)
        pictures = _encode(cells)
    write_failures(folder / "failures.json", shown[: len(failures)])
    (folder / "plots").mkdir(exist_ok=True)
    for plot in all_plots(results):
        write_png(plot, folder / "plots")
    gallery = failure_section(list(zip(shown, pictures, strict=True)), figure, results)
    (folder / "report.html").write_text(render(results, gallery), encoding="utf-8", errors="replace")


def all_plots(results: Results) -> list[Plot]:
    """Every plot that the evaluation allows."""
    makers = (
        charts.chart_objects,
        charts.chart_confusion,
        charts.chart_pixels,
        charts.chart_sizes,
        charts.chart_presence,
        charts.chart_groups,
    )
    return [plot for maker in makers for plot in maker(results)]


def render(results: Results, gallery: Html) -> str:
    """The page."""
    metrics = results.metrics
    parts = [
        ("classes", "Classes", _classes(results)),
        ("thin", "Thin and small objects", _thin(results)),
        ("presence", "Is there anything in the image?", _presence(results)),
        ("confusion", "What is taken for what", _confusion(results)),
        ("curves", "Choosing a threshold", _curves(results)),
        ("groups", "Groups of images", _groups(results)),
        ("failures", "Failures", gallery),
        ("settings", "What made these figures", _settings(results)),
    ]
    kept = [(anchor, title, content) for anchor, title, content in parts if content]
    title = f"Evaluation of {metrics.get('model')} on {metrics.get('split')}"
    return page(
        title,
        element("h1", title),
        element("p", _subject(results), class_="faint"),
        element("p", verdict.verdict(results), class_="verdict"),
        headline_table(verdict.headlines(results)),
        _how_sure(results),
        element("ul", (element("li", one) for one in metrics.get("notes") or []), class_="notes"),
        element("nav", (element("a", title, href=f"#{anchor}") for anchor, title, _ in kept), aria_label="Sections"),
        *(section(title, content, id_=anchor) for anchor, title, content in kept),
    )


def _subject(results: Results) -> str:
    metrics = results.metrics
    objects = metrics.get("images_with_objects")
    held = "" if objects is None else f", {objects:,} of them with objects"
    size = metrics.get("image_size_px")
    pixels = f" · typically {size[0]:g} × {size[1]:g} px" if size else ""
    input_size = f" · seen at {metrics['imgsz']} px" if metrics.get("imgsz") else ""
    names = enumerate_words(results.names) if len(results.names) < 9 else f"{len(results.names)} classes"
    return f"{count(metrics['images'], 'image')} of {metrics.get('data')}{held}{pixels}{input_size} · {names}"


def _how_sure(results: Results) -> Html:
    metrics, made = results.metrics, results.metrics.get("made") or {}
    groups = metrics.get("groups")
    if 1 in (groups, metrics["images"]):
        return note(f"{ALONE[0].upper()}{ALONE[1:]}. {verdict.about_thresholds(results)}")
    unit = f"whole groups ({groups:,} of them)" if groups else "images"
    drawn = made.get("replicates")
    how = f"Intervals: were other {unit} of the same kind drawn, the figure would lie there 95 times of 100"
    how += f" (bootstrap, {drawn:,} drawings)." if drawn else "."
    if any(one.value in (0, 1) for one in verdict.headlines(results)):
        how += " A figure of 1 or 0 has the exact bound for as many as it rests on: no drawing of these would differ."
    return note(f"{how} {verdict.about_thresholds(results)}")


def _classes(results: Results) -> Content:
    if not results.places:
        return None
    absent = [name for name in results.names if results.figure("pixels", "per_class", name, "recall") is None]
    said = "A dash is a figure that is not defined."
    if absent:
        said += f" The images hold no {enumerate_words(absent)}: no figures there, and nothing of it in any mean."
    return join(note(said), class_tables(results), _draw(charts.chart_pixels(results)))


def _thin(results: Results) -> Content:
    rows = [row for row in results.metrics.get("widths") or [] if row["instances"]]
    if not rows:
        return None
    said = (
        "Thin objects are where detectors fail first. An object is found if a mask of its class overlaps it by half "
        "(IoU 0.5) at the thresholds in use; what is found at any confidence alone is seen by the model, but filtered."
    )
    return join(note(said), widths_table(rows), _draw(charts.chart_sizes(results)))


def _presence(results: Results) -> Content:
    table = results.metrics["presence"].get("confusion") or {}
    what = "the most confident detection of it" if results.places else "what the model is sure of it"
    said = f"An image is said to hold a class if {what} lies above the threshold."
    if table:
        said += (
            f" Of {table['tp'] + table['fn']:,} images with objects {table['tp']:,} are recognised and {table['fn']:,} "
            f"passed over; of {table['fp'] + table['tn']:,} without, {table['fp']:,} raise a false alarm."
        )
    return join(note(said), presence_table(results), _draw(charts.chart_presence(results)), _calibration(results))


def _calibration(results: Results) -> Content:
    curve = results.curve("reliability", charts.ANY)
    if not curve:
        return None
    what = "Calibrated probabilities are" if curve.get("calibrated") else "Confidences, which were not calibrated, are"
    return note(
        f"{what} off by {curve['ece']:.3f} on average (expected calibration error; 0 is perfect). The Brier score is "
        f"{curve['brier']:.3f}: 0 is perfect, 0.25 what always saying one half gets."
    )


def _confusion(results: Results) -> Content:
    confusion = results.curve("confusion")
    if not confusion:
        return None
    said = (
        "Objects at the thresholds in use, paired where masks overlap by half; shares are of the true objects in a row."
    )
    return join(note(said), confusion_table(confusion))


def _curves(results: Results) -> Content:
    plots = charts.chart_objects(results)
    return _draw(plots) if plots else None


def _groups(results: Results) -> Content:
    plots = charts.chart_groups(results)
    if results.metrics.get("groups"):
        said = (
            "Groups are scenes or the like, which no split divides; the worst come first. "
            "The mean of a few images says little."
        )
        worst, rest = groups_table(results.images)
        return join(note(said), worst, more("The other groups", rest) if rest else None, _draw(plots))
    return join(note("The dataset names no groups; this is how single images do."), _draw(plots)) if plots else None


def _settings(results: Results) -> Content:
    metrics, made = results.metrics, dict(results.metrics.get("made") or {})
    command = made.pop("command", None)
    head = {
        key: metrics.get(key) for key in ("model", "task", "data", "split", "imgsz", "rule", "thresholds", "speed_ms")
    }
    rows = [(key.replace("_", " "), _setting(value)) for key, value in {**head, **made}.items() if value is not None]
    again = join(note("The command that made it:"), element("p", element("code", command))) if command else None
    everything = more("Every figure by its name in metrics.json", figures_table(results))
    return join(again, settings_table(rows), everything)


def _setting(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_setting(one)}" for key, one in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _draw(plots: Sequence[Plot]) -> Html:
    figures = (picture(draw_svg(plot), plot.title, plot.caption) for plot in plots)
    return element("div", figures, class_="charts")


def _draw_sheets(
    folder: Path, failures: Sequence[Failure], review: Review, names: Sequence[str]
) -> tuple[list[Failure], list[list[Colours]]]:
    (folder / "failures").mkdir(exist_ok=True)
    shown, cells = [], []
    for number, one in enumerate(track(failures, len(failures), "drawing failures"), 1):
        pixels, truth, prediction = review(one.row.image)
        drawn = draw_cells(pixels, truth, prediction)
        here = {each.class_id for each in truth.objects} | {each.class_id for each in prediction.detections}
        sheet = f"failures/{number:03d}_{_STEM.sub('_', Path(one.row.image).stem)[:80]}.jpg"
        explained = [name if index in here else "" for index, name in enumerate(names)]
        write_sheet(folder / sheet, drawn, f"{one.row.image} · {describe(one)}", explained)
        shown.append(replace(one, sheet=sheet))
        cells.append(drawn)
    return shown, cells


def _encode(sheets: Sequence[Sequence[Colours]]) -> list[list[bytes]]:
    """As large as the page has room for."""
    for side in _CELLS:
        encoded = [[encode_cell(_reduce(cell, side)) for cell in cells] for cells in sheets]
        if sum(len(one) for cells in encoded for one in cells) <= _ROOM:
            break
    return encoded


def _reduce(cell: Colours, side: int) -> Colours:
    height, width = cell.shape[:2]
    share = side / max(height, width)
    if share >= 1:
        return cell
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(Image.fromarray(cell).resize(size, Image.Resampling.BOX))
