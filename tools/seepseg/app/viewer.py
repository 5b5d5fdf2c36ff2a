"""The picture that can be looked at: original and finding, a table beside them, each showing what the other means.

Modes, opacity and highlights are drawn by the browser, so that they answer at once.
"""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from seepseg.app.analysis import Analysis
from seepseg.app.instances_table import Row, show_area, show_length
from seepseg.app.pictures import numbers_file, numbers_shown, photo_file, size_shown
from seepseg.app.shelf import Shelf
from seepseg.values import Prediction

_HERE = Path(__file__).parent
_photos: Shelf[str] = Shelf(32_000_000, len)
NOTHING = "Nothing in it is sure enough. Lower the confidence to see weaker signs."


def show_viewer(analysis: Analysis, prediction: Prediction, rows: Sequence[Row], *, key: str) -> None:
    """Within a run of the page."""
    _component()(key="viewer", data=describe(analysis, prediction, rows, key=key), height="content")


def describe(analysis: Analysis, prediction: Prediction, rows: Sequence[Row], *, key: str) -> dict[str, Any]:
    """What the browser draws from; `key` tells one image from the next."""
    size = size_shown(analysis.width, analysis.height)
    photo = _photos.get((key, analysis.name), lambda: _url(*photo_file(analysis.pixels)))
    numbers = numbers_shown(Prediction(prediction.width, prediction.height, prediction.detections[: len(rows)]), size)
    left = len(prediction) - len(rows)
    return {
        "key": key,
        "name": analysis.name,
        "width": size.width,
        "height": size.height,
        "photo": photo,
        "numbers": _url(numbers_file(numbers), "image/png"),
        "rows": [_tell(row) for row in rows],
        "empty": NOTHING,
        "more": f"… and {left:,} more that are less sure: they are in the files." if left else "",
    }


def _tell(row: Row) -> dict[str, Any]:
    return {
        "number": row.number,
        "called": row.name,
        "colour": list(row.colour),
        "confidence": f"{row.confidence:.2f}",
        "score": row.confidence,
        "area": show_area(row),
        "area_value": row.area_px,
        "length": show_length(row),
        "length_value": row.length_px,
        "cut": row.cut,
    }


def _url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{b64encode(data).decode()}"


@cache
def _component() -> Any:
    """Registered once in a process, when it is first shown."""
    from streamlit.components.v2 import component

    html, css, js = ((_HERE / f"viewer.{suffix}").read_text(encoding="utf-8") for suffix in ("html", "css", "js"))
    return component("seepseg_viewer", html=html, css=":host { container-type: inline-size; }\n" + css, js=js)
