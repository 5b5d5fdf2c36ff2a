"""A page as a strict reader sees it: what is open is closed, in order, and nothing is asked of a network."""

import re
from html.parser import HTMLParser

VOID = {"br", "img", "input", "meta"}


class Page(HTMLParser):
    """Text and attributes of a page; mistakes in its structure are errors."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.cells: list[str] = []
        self._open: list[str] = []
        self._words: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._words))

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {tag} {attrs}"
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, f"closed out of order: {tag}"

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("script", "style"):
            self._words.append(data)
            if self._open[-1] in ("td", "th"):
                self.cells.append(data)


def assert_alone(page: Page, text: str) -> None:
    """Nothing is fetched: images are inside, links lead within the page."""
    assert len(set(page.ids)) == len(page.ids), "an id twice"
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action", "data", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/", "#")), f"{tag} asks for {value[:80]}"
            if value and value.startswith("#"):
                assert value[1:] in page.ids, f"{tag} points at {value}, which is not there"
    assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\((?!#|data:)", text)
