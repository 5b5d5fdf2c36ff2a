"""Pages of one file each: HTML put together from parts, with whatever comes from data escaped on the way in."""

import base64
import html
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files

_VOID = frozenset(["br", "img", "input", "meta"])
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff￾￿]")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""A page that could ask the network for something is refused it."""


class Html(str):
    """Markup already; any other text is escaped when it goes into an element."""

    __slots__ = ()


Content = str | Iterable[str] | None


def escape(text: str) -> Html:
    """Text as markup; characters that no page may hold show as a replacement."""
    return text if isinstance(text, Html) else Html(html.escape(_UNPRINTABLE.sub("�", text)))


def element(tag: str, /, *content: Content, **attributes: str | bool | None) -> Html:
    """One element. `class_` stands for class, `data_kind` for data-kind; True is an attribute without a value, and
    None or False none at all."""
    written = "".join(map(_attribute, attributes.items()))
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(*content)}</{tag}>")


def join(*content: Content) -> Html:
    """Parts one after another."""
    parts: list[str] = []
    for part in content:
        if part is not None:
            parts += [escape(part)] if isinstance(part, str) else map(escape, part)
    return Html("".join(parts))


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str | None = None, class_: str | None = None
) -> Html:
    """The first cell of each row heads it. On a narrow screen a table scrolls by itself, the page does not."""
    top = element("tr", (element("th", cell, scope="col") for cell in head))
    body = (
        element("tr", element("th", row[0], scope="row"), (element("td", cell) for cell in row[1:])) for row in rows
    )
    label = caption or head[0] or "table"
    inner = element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", top),
        element("tbody", body),
        class_=class_,
    )
    return element("div", inner, class_="scroll", tabindex="0", role="region", aria_label=label)


def section(title: str, *content: Content, id_: str) -> Html:
    """A part of the page with its heading."""
    return element("section", element("h2", title), *content, id=id_)


def more(summary: str, *content: Content) -> Html:
    """Shown on demand, and in print."""
    return element("details", element("summary", summary), *content)


def note(text: str) -> Html:
    """A paragraph."""
    return element("p", text)


def picture(drawing: Html, title: str, caption: str) -> Html:
    """A drawing with what it says below it."""
    return element("figure", drawing, element("figcaption", element("b", f"{title}. "), caption))


def data_uri(jpeg: bytes) -> str:
    """An image within the page."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def page(title: str, *content: Content) -> str:
    """The whole file."""
    folder = files("seepseg.report")
    style, script = (Html(folder.joinpath(name).read_text("utf-8")) for name in ("report.css", "report.js"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", style),
    )
    body = element("body", element("main", *content), element("script", script))
    return f'<!doctype html>\n<html lang="en">{head}{body}</html>\n'


def _attribute(item: tuple[str, str | bool | None]) -> str:
    name, value = item
    name = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
