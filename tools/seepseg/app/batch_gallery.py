"""What a batch found, image by image: to be sorted, filtered and looked at."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seepseg.outputs.journal import SCENE, Record, open_journal
from seepseg.outputs.place import Place
from seepseg.report.pages import Html, element
from seepseg.wording import count

Answer = Literal["all", "yes", "no", "failed"]
SORTS = ("Most certain first", "Least certain first", "Largest area first", "Most objects first", "By name")
SIDE = 320
"""Of a thumbnail, in pixels."""


@dataclass(frozen=True, slots=True)
class Card:
    """One image in a few words."""

    name: str
    stem: str
    scene: bool
    reason: str | None
    """Why it failed."""
    present: bool
    score: float
    probability: float | None
    """Calibrated, where the model knows how."""
    objects: int
    classes: tuple[str, ...]
    """Of the objects, without repetition."""
    area_px: int
    area_km2: float | None

    @property
    def certainty(self) -> float:
        """The probability, or else the confidence of the surest object."""
        return self.score if self.probability is None else self.probability

    @property
    def answer(self) -> Answer:
        """Whether it holds anything."""
        return "failed" if self.reason is not None else "yes" if self.present else "no"


_KEYS: dict[str, Callable[[Card], float]] = dict(
    zip(
        SORTS,
        (
            lambda card: -card.certainty,
            lambda card: card.certainty,
            lambda card: -card.area_px,
            lambda card: -card.objects,
            lambda card: 0,
        ),
        strict=True,
    )
)


def read_cards(out: Path, stems: Iterable[str], names: Sequence[str]) -> tuple[Card, ...]:
    """Of the images that a finished prediction folder speaks of."""
    with open_journal(Place(out)) as journal:
        return tuple(_card(record, names) for record in journal.read(stems))


def choose(
    cards: Iterable[Card],
    *,
    answer: Answer = "all",
    classes: Sequence[str] = (),
    least: float = 0.0,
    order: str = SORTS[0],
) -> list[Card]:
    """Those with this answer, an object of one of the classes and at least this certainty, in the order asked for."""
    kept = [
        card
        for card in cards
        if (answer in ("all", card.answer))
        and (not classes or set(classes) & set(card.classes))
        and (card.certainty >= least or (card.reason is not None and not least))
    ]
    # They come in the natural order of their names, which a stable sort keeps among equals.
    return sorted(kept, key=lambda card: (order != SORTS[-1] and card.reason is not None, _KEYS[order](card)))


def as_columns(cards: Iterable[Card]) -> dict[str, list[Any]]:
    """The summary table; areas on the ground only where some are known."""
    cards = list(cards)
    columns: dict[str, list[Any]] = {
        "Image": [card.name for card in cards],
        "Found": [{"yes": "yes", "no": "no", "failed": "not read"}[card.answer] for card in cards],
        "Probability": [card.probability for card in cards],
        "Confidence": [None if card.reason else card.score for card in cards],
        "Objects": [None if card.reason else card.objects for card in cards],
        "Classes": [", ".join(card.classes) for card in cards],
        "Area, px": [None if card.reason else card.area_px for card in cards],
        "Area, km²": [card.area_km2 for card in cards],
        "Note": [card.reason or "" for card in cards],
    }
    optional = ("Probability", "Area, km²", "Note")
    return {name: values for name, values in columns.items() if name not in optional or any(values)}


def picture_of(out: Path, card: Card) -> Path | None:
    """What was drawn of an image: the overlay, or of a scene the quick look."""
    file = out / f"{card.stem}.png" if card.scene else out / "overlays" / f"{card.stem}.png"
    return file if card.reason is None and file.is_file() else None


def thumbnail(file: Path, side: int = SIDE) -> bytes:
    """A small JPEG."""
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(file) as picture:
        # First by whole numbers: an overlay of a small tile was enlarged so.
        small = picture.convert("RGB").reduce(max(1, min(picture.size) // side // 2))
    small.thumbnail((side, side))
    small.save(stream, "JPEG", quality=82)
    return stream.getvalue()


def caption(card: Card) -> tuple[Html, ...]:
    """The answer, the name, what was found."""
    words = {"yes": f"found {card.certainty:.2f}", "no": f"nothing {card.certainty:.2f}", "failed": "not read"}
    return (
        element("span", words[card.answer], class_=f"answer {card.answer}"),
        element("b", card.name, title=card.name),
        element("span", _describe(card)),
    )


def _describe(card: Card) -> str:
    """'2 objects · seep1, seep6'."""
    if card.reason is not None:
        return card.reason
    return " · ".join(
        filter(None, [count(card.objects, "object") if card.objects else "no object", ", ".join(card.classes)])
    )


def _card(record: Record, names: Sequence[str]) -> Card:
    verdict = record.verdict
    areas = [share.area_km2 for share in record.shares if share.area_km2 is not None]
    return Card(
        name=record.name,
        stem=record.stem,
        scene=record.kind == SCENE,
        reason=record.reason,
        present=bool(verdict and verdict.present),
        score=verdict.score if verdict else 0.0,
        probability=verdict.probability if verdict else None,
        objects=len(record.objects),
        classes=tuple(name for name, share in zip(names, record.shares, strict=False) if share.count),
        area_px=sum(share.area_px for share in record.shares),
        area_km2=sum(areas) if areas else None,
    )
