"""Plots as files and as drawings within a page: one description each, drawn in the page's own ink."""

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg.palette import colour_of
from seepseg.report.pages import Html, element, escape

INK = "#24282b"
"""In a page it becomes the colour of the text around, light or dark."""
WIDTH_IN, HEIGHT_IN, DPI = 4.8, 3.4, 160
DASHES = ("-", (0, (5, 1.6)), (0, (1.4, 1.2)), (0, (6, 1.4, 1.4, 1.4)))
_LIGHTEST, _DARKEST = 0.30, 0.15
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.16,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), INK
    ),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing."""

    name: str
    """Of its file."""
    title: str
    caption: str
    """What it shows, for those who see it and those who don't."""
    draw: Callable[[Any], None]
    """Onto an empty matplotlib figure."""
    height_in: float = HEIGHT_IN


def write_png(plot: Plot, folder: Path) -> None:
    """On white paper, with its title."""
    with _figure(plot) as figure:
        figure.suptitle(_plain(plot.title), fontsize=11)
        figure.savefig(folder / f"{plot.name}.png", dpi=DPI, facecolor="white")


def draw_svg(plot: Plot) -> Html:
    """For a page: text stays text, and lines and letters take the page's ink."""
    text = io.StringIO()
    with _figure(plot) as figure:
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    body = text.getvalue()
    body = body[body.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(
        r'<g id="(?:figure|axes|patch|line2d|text|matplotlib|xtick|ytick|legend|\w+Collection)[^"]*"', "<g", body
    )
    body = re.sub(r"font: ([^;\"]*?)([\d.]+)px [^;\"]*", _font, body)
    body = re.sub(r">\n\s*<", "><", body).replace(INK, "currentColor")
    size = re.search(r'viewBox="[^"]*"', body)
    opening = f'<svg role="img" aria-label="{escape(f"{plot.title}. {plot.caption}")}" {size.group() if size else ""}>'
    return Html(opening + body[body.index(">") + 1 :])


def line_colour(class_id: int) -> str:
    """The colour of a class, as dark or light as a thin line needs on white and on black."""
    linear = [_linear(value / 255) for value in colour_of(class_id)]
    shine = _luminance(linear)
    if shine > _LIGHTEST:
        linear = [value * _LIGHTEST / shine for value in linear]
    elif shine < _DARKEST:
        lift = (_DARKEST - shine) / (1 - shine)
        linear = [value + (1 - value) * lift for value in linear]
    return "#" + "".join(f"{round(_gamma(value) * 255):02x}" for value in linear)


def dash(class_id: int) -> Any:
    """How the line of a class is broken, so that colour is not all that tells."""
    return DASHES[class_id % len(DASHES)]


def share_axes(axes: Any, x: str, y: str) -> None:
    """Both ways from 0 to 1."""
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y)


def add_legend(figure: Any, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Below the drawing, as many columns as fit."""
    if handles:
        longest = max(map(len, labels))
        columns = max(1, min(len(labels), 4, int(52 / (longest + 6))))
        figure.legend(handles, [_plain(one) for one in labels], loc="outside lower center", ncols=columns, fontsize=8.5)


def shorten(name: str, most: int = 24) -> str:
    """A class name that fits into a drawing."""
    return name if len(name) <= most else name[: most - 1] + "…"


def swatch(class_id: int) -> Html:
    """The colour of a class, before its name."""
    red, green, blue = colour_of(class_id)
    return element("span", class_="swatch", style=f"background:rgb({red},{green},{blue})", aria_hidden="true")


def _plain(text: str) -> str:
    """matplotlib takes a label that begins with an underscore for hidden."""
    return " " + text if text.startswith("_") else text


@contextmanager
def _figure(plot: Plot) -> Iterator[Any]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": plot.name}), warnings.catch_warnings():
        # A name in a script that the font lacks is still right in the page, which has fonts of its own.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph")
        figure = Figure(figsize=(WIDTH_IN, plot.height_in), layout="constrained")
        plot.draw(figure)
        yield figure


def _font(match: re.Match[str]) -> str:
    weight = "font-weight: bold; " if "bold" in match[1] or "700" in match[1] else ""
    return f"{weight}font-size: {match[2]}px"


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _gamma(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4) - 0.055)


def _luminance(linear: Sequence[float]) -> float:
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
